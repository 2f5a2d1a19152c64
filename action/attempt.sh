#!/usr/bin/env bash
# Makes the attempt. Everything that it needs to know is in the environment.
set -euo pipefail

exec "${RUNNER_TEMP:?this is a step of a GitHub Actions job}/selfheal/bin/selfheal-runner" attempt
