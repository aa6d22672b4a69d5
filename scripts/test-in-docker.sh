#!/usr/bin/env bash
# The same `make test` inside Debian, for machines without apt-get. The repository is mounted read-only
# and copied without what was built or installed here: that belongs to another system.
set -euo pipefail
cd "$(dirname "$0")/.."

exec docker run --rm --init --volume "$PWD:/repository:ro" --env CI=true node:26-bookworm bash -c '
  mkdir /work && cd /work
  tar -C /repository --exclude=./node_modules --exclude=./dist --exclude=./data --exclude=./coverage -cf - . | tar -xf -
  make test'
