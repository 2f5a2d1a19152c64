#!/usr/bin/env bash
# Brings the runner and its sandbox to a machine that runs jobs.
#
# The runner is built from the very commit that the workflow pins, so that what was reviewed is what
# runs; a machine of your own can bring a built one and name it in SELFHEAL_RUNNER. Machines of
# GitHub's, which live for one job, are given bubblewrap; on your own this script changes nothing
# and says what is missing.
set -euo pipefail

place="${RUNNER_TEMP:?this is a step of a GitHub Actions job}/selfheal/bin"
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

fail() {
  echo "::error title=selfheal::$1"
  exit 1
}

hosted() {
  [ "${RUNNER_ENVIRONMENT:-}" = github-hosted ]
}

mkdir -p "$place"
if [ -n "${SELFHEAL_RUNNER:-}" ]; then
  [ -x "$SELFHEAL_RUNNER" ] || fail "SELFHEAL_RUNNER names $SELFHEAL_RUNNER, which is no program"
  ln -sf "$SELFHEAL_RUNNER" "$place/selfheal-runner"
else
  command -v cargo >/dev/null ||
    fail "there is no cargo to build the runner with: install Rust, or set SELFHEAL_RUNNER to a built one"
  echo "::group::Build selfheal-runner from the pinned commit"
  cargo install --quiet --locked --path "$source_dir" --bin selfheal-runner --root "$(dirname "$place")"
  echo "::endgroup::"
fi

if [ "${SELFHEAL_SANDBOX:-bubblewrap}" = none ]; then
  exit 0
fi
if ! command -v bwrap >/dev/null; then
  hosted || fail "bubblewrap is missing: install the package bubblewrap on this machine"
  echo "installing bubblewrap, the sandbox"
  sudo -n apt-get -qq update
  sudo -n apt-get -qq install -y --no-install-recommends bubblewrap >/dev/null
fi
if ! bwrap --unshare-all --ro-bind / / true 2>/dev/null; then
  hosted || fail "bubblewrap may not make namespaces on this machine: see docs/runner.md, 'The machine'"
  # Ubuntu 24.04 and later keep user namespaces from programs without an AppArmor profile.
  sudo -n sysctl -q -w kernel.apparmor_restrict_unprivileged_userns=0
  bwrap --unshare-all --ro-bind / / true || fail "bubblewrap cannot make namespaces here"
fi
