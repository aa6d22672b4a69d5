#!/usr/bin/env bash
# The stack of docker/compose.yaml, by whatever engine is here: `compose.sh up [profile…]`, `down`, `clean`, `has-engine`.
# PROFILES="load alerts" names profiles as well. Says what is missing when there is no engine.
set -euo pipefail
cd "$(dirname "$0")/../.."

command="${1:-}"
missing() {
  [ "$command" != has-engine ] || exit 1
  cat >&2 <<MESSAGE
$1
Needed: Docker 24 or newer with Compose, or Podman 4.4 or newer with podman-compose; both work without root.
Without an engine: "make stack-verify" checks the files with installed programs, "make run" starts the service alone.
MESSAGE
  exit 1
}

if command -v docker >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then
  docker info >/dev/null 2>&1 || missing 'Docker is installed, but no engine answers: start it, or set DOCKER_HOST.'
  compose=(docker compose) wait=(--wait --wait-timeout 300)
elif command -v podman >/dev/null 2>&1 && podman compose version >/dev/null 2>&1; then
  # podman-compose knows no --wait.
  compose=(podman compose) wait=()
elif command -v docker >/dev/null 2>&1; then
  missing 'Docker is here, but its Compose plugin is not.'
else
  missing 'No container engine is here.'
fi
compose+=(-f docker/compose.yaml)
all=(--profile load --profile alerts --profile discovery)

case "$command" in
  has-engine) ;;
  up)
    shift
    profiles=()
    for profile in "$@" ${PROFILES:-}; do profiles+=(--profile "$profile"); done
    COMMIT="$(git rev-parse HEAD 2>/dev/null || true)" \
      "${compose[@]}" "${profiles[@]}" up --build --detach "${wait[@]}"
    echo "Grafana       http://127.0.0.1:${GRAFANA_PORT:-3001}"
    echo "The service   http://127.0.0.1:${HTTP_PORT:-3000}/docs"
    echo 'Prometheus    http://127.0.0.1:9090'
    echo 'Then: make test-metrics test-logs test-traces; the way around: docs/stack.md'
    ;;
  # Data stays in its volumes.
  down) "${compose[@]}" "${all[@]}" down --remove-orphans ;;
  # … and does here, too: `docker compose -f docker/compose.yaml down --volumes` takes it away.
  clean) "${compose[@]}" "${all[@]}" down --remove-orphans --rmi local ;;
  *)
    echo 'Usage: scripts/stack/compose.sh up [profile…] | down | clean | has-engine' >&2
    exit 2
    ;;
esac
