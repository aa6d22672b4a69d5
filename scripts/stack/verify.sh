#!/usr/bin/env bash
# `make stack-verify`: every test of the stack's files. Prometheus, Alertmanager, PostgreSQL and Redis really run; files
# for what cannot be installed (Grafana, Tempo, Loki, the collector) are held against their published schemas.
set -euo pipefail
cd "$(dirname "$0")/../.."

scripts/install-test-tools.sh || {
  [ $? -ne 3 ] || echo 'Without apt-get: "make test" runs the same tests in a container.' >&2
  exit 1
}
npm run --silent build
PATH="$PWD/node_modules/.bin:$PATH" exec vitest run test/stack
