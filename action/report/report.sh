#!/usr/bin/env bash
# Runs a command, or takes the log and the reports of an earlier one, and says what failed: as
# annotations, in the job's summary, and in a folder that the next step uploads for selfheal.
#
# It never fails by itself and never makes a job green or red: how the command ended is an output
# that the action's last step ends with. A command that ends well costs nothing more than itself:
# selfheal is brought here only when there is something to read.
set -euo pipefail

place="${RUNNER_TEMP:?this is a step of a GitHub Actions job}/selfheal/report"
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
workspace="${GITHUB_WORKSPACE:?this is a step of a GitHub Actions job}"

# One report is small; files beyond this are no reports, and the server reads no more of them.
readonly REPORTS_MAX=50
readonly REPORT_BYTES_MAX=$((8 * 1024 * 1024))

output() {
  printf '%s=%s\n' "$1" "$2" >>"$GITHUB_OUTPUT"
}

warn() {
  echo "::warning title=selfheal report::$1"
}

# The artifact's name, without what GitHub refuses in one. A job without a matrix may have no place
# in it, and its name then ends with a dash.
artifact() {
  local name="${REPORT_NAME:-report}"
  printf 'selfheal-report-%s' "${name%-}" | tr -c 'A-Za-z0-9._-' '-'
}

# Which job the report is of: of several that failed, the server knows it by its check run's number,
# else by its name. Both are cut down to what GitHub gives them, so that they are whole in JSON.
mark() {
  local job number
  job="$(printf '%s' "${REPORT_JOB:-}" | tr -cd 'A-Za-z0-9_-')"
  number="$(printf '%s' "${REPORT_CHECK_RUN:-}" | tr -cd '0-9')"
  printf '{"job": "%s", "check_run_id": %s}\n' "$job" "${number:-null}"
}

# Runs the command as GitHub's own bash steps do; what it prints goes on to be seen.
run() {
  set +e
  bash --noprofile --norc -eo pipefail -c "$1" 2>&1 | tee "$place/command.log"
  local code="${PIPESTATUS[0]}"
  set -e
  return "$code"
}

# Copies the files that the patterns name into the folder, each under a number.
collect() {
  local pattern file count=0
  shopt -s globstar nullglob
  while IFS= read -r pattern; do
    # The pattern is meant to be split and expanded: it is a list of patterns.
    # shellcheck disable=SC2086
    for file in $pattern; do
      [ -f "$file" ] && [ ! -L "$file" ] || continue
      if [ "$count" -ge "$REPORTS_MAX" ]; then
        warn "more than $REPORTS_MAX reports; the rest is left out"
        return 0
      fi
      if [ "$(wc -c <"$file")" -gt "$REPORT_BYTES_MAX" ]; then
        warn "a report is larger than $REPORT_BYTES_MAX bytes and left out"
        continue
      fi
      count=$((count + 1))
      cp -- "$file" "$place/folder/$(printf '%02d' "$count").${file##*.}"
    done
  done <<<"$1"
}

# Whether selfheal finds a failure in a file; how it is printed is the second argument.
parse() {
  "$selfheal" parse --root "$workspace" --format "$2" "$1"
}

# Annotations and a part of the summary for a file; false when it shows no failure.
say() {
  local code=0
  parse "$1" json >"$place/said.json" || code=$?
  [ "$code" = 1 ] || return 1
  parse "$1" github || true
  parse "$1" markdown >>"$GITHUB_STEP_SUMMARY" || true
}

rm -rf "$place"
mkdir -p "$place/folder"
cd "$workspace/${REPORT_DIRECTORY:-.}"

code=0
log="${REPORT_LOG:-}"
if [ -n "${REPORT_RUN:-}" ]; then
  run "$REPORT_RUN" || code=$?
  log="$place/command.log"
fi
output code "$code"
if [ -n "${REPORT_RUN:-}" ] && [ "$code" = 0 ]; then
  exit 0
fi

if ! selfheal="$("$here/prepare.sh")"; then
  warn "selfheal could not be brought here; nothing is reported"
  exit 0
fi

collect "${REPORT_FILES:-}"
told=no
for file in "$place/folder"/*; do
  if say "$file"; then told=yes; else rm -f -- "$file"; fi
done
# What tools reported is more than what they printed: the log is read where nothing else speaks.
if [ "$told" = no ] && [ -n "$log" ]; then
  if [ ! -f "$log" ]; then
    warn "there is no log $log"
  elif say "$log"; then
    mv "$place/said.json" "$place/folder/selfheal-report.json"
    told=yes
  fi
fi
if [ "$told" = yes ]; then
  mark >"$place/folder/selfheal-job.json"
  output folder "$place/folder"
  output artifact "$(artifact)"
fi
