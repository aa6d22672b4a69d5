#!/usr/bin/env bash
# Makes sure of what the tests need beside npm's packages: a PostgreSQL server and Python's gRPC, both
# as Debian and Ubuntu package them. Exits 0 when all is there, 3 when Docker has to help, 1 otherwise.
set -euo pipefail

has_postgres() {
  [ -n "${TEST_DATABASE_URL:-}" ] && return 0
  command -v initdb >/dev/null 2>&1 || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}
has_python_grpc() {
  local python
  for python in "${PYTHON:-python3}" /usr/bin/python3; do
    "$python" -c 'import grpc, google.protobuf, grpc_tools' >/dev/null 2>&1 && return 0
  done
  return 1
}

packages=()
has_postgres || packages+=(postgresql)
has_python_grpc || packages+=(python3-grpcio python3-protobuf python3-grpc-tools)
[ ${#packages[@]} -eq 0 ] && exit 0

if command -v apt-get >/dev/null 2>&1; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
      as_root=(sudo)
    else
      echo "The tests need these packages: ${packages[*]}" >&2
      echo "Install them as root: apt-get install ${packages[*]}" >&2
      exit 1
    fi
  fi
  echo "Installing for the tests: ${packages[*]}"
  install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -qq)
  "${install[@]}" "${packages[@]}" </dev/null >/dev/null 2>&1 || {
    "${as_root[@]}" apt-get update -qq </dev/null
    "${install[@]}" "${packages[@]}" </dev/null
  }
  exit 0
fi

if command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
  exit 3
fi

cat >&2 <<MESSAGE
The tests need what Debian and Ubuntu call: ${packages[*]}
This machine has no apt-get and no running Docker, so install by hand:
  - a PostgreSQL server with "initdb" on the PATH, or TEST_DATABASE_URL set to a superuser's URL
  - Python 3 with the packages grpcio, protobuf and grpcio-tools
MESSAGE
exit 1
