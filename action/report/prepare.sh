#!/usr/bin/env bash
# Brings selfheal to this machine and prints where it is.
#
# It is built from the very commit that the workflow pins, once a job, so that what was reviewed is
# what runs; a machine of your own can bring a built one and name it in SELFHEAL_BIN.
set -euo pipefail

place="${RUNNER_TEMP:?this is a step of a GitHub Actions job}/selfheal/bin"
source_dir="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"

fail() {
  echo "::warning title=selfheal report::$1" >&2
  exit 1
}

if [ -n "${SELFHEAL_BIN:-}" ]; then
  [ -x "$SELFHEAL_BIN" ] || fail "SELFHEAL_BIN names $SELFHEAL_BIN, which is no program"
  echo "$SELFHEAL_BIN"
  exit 0
fi
if [ ! -x "$place/selfheal" ]; then
  command -v cargo >/dev/null ||
    fail "there is no cargo to build selfheal with: install Rust, or set SELFHEAL_BIN to a built one"
  cargo install --quiet --locked --path "$source_dir" --bin selfheal --root "$(dirname "$place")" >&2 ||
    fail "selfheal could not be built"
fi
echo "$place/selfheal"
