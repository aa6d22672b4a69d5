#!/usr/bin/env bash
# `make test`: tools, checks with the build, tests. All of them run, whatever fails before; the last line has
# the counts.
set -uo pipefail
cd "$(dirname "$0")/.."

scripts/install-test-tools.sh
case $? in
  0) ;;
  3) exec scripts/test-in-docker.sh ;;
  *) exit 1 ;;
esac

failed=0
# check:openapi builds.
npm run --silent check || failed=1
npm run --silent test:report || failed=1
exit "$failed"
