#!/usr/bin/env bash
# Makes sure of what the tests need beside npm's packages: PostgreSQL, Redis, haproxy, openssl, sslscan, etcd, Prometheus and
# Alertmanager with their tools, and Python's gRPC and Prometheus parser, all as Debian and Ubuntu package them. Exits 0 when all is there, 3 when Docker has to help, 1 otherwise.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=node_modules/.tools
# Debian's Alertmanager reads its own templates from here, wherever the program itself is.
templates=/usr/share/prometheus/alertmanager
as_root=()

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
has_python_prometheus() {
  /usr/bin/python3 -c 'import prometheus_client.openmetrics.parser' >/dev/null 2>&1
}
# Debian's packages of these start their servers at every boot: only the programs are taken out of them.
has_programs() {
  local program
  for program in "$@"; do
    [ -x "$tools/$program" ] || command -v "$program" >/dev/null 2>&1 || return 1
  done
}
# Prints the folder that then holds the package's files.
unpack() {
  local folder
  folder="$(mktemp -d)"
  (cd "$folder" && apt-get download -qq "$1" 2>/dev/null) || { rm -r "$folder"; return 1; }
  dpkg-deb --extract "$folder"/*.deb "$folder"
  echo "$folder"
}
take_programs() {
  local package="$1" folder
  shift
  has_programs "$@" && return 0
  folder="$(unpack "$package")" || return 1
  mkdir -p "$tools"
  (cd "$folder/usr/bin" && cp "$@" "$OLDPWD/$tools")
  rm -r "$folder"
  echo "Took $* out of Debian's package $package for the tests"
}
# Another system's Alertmanager has its templates inside.
has_templates() { [ -e "$templates/default.tmpl" ] || ! command -v apt-get >/dev/null 2>&1; }
take_templates() {
  local folder
  has_templates && return 0
  folder="$(unpack prometheus-alertmanager)" || return 1
  "${as_root[@]}" mkdir -p "$templates" && "${as_root[@]}" cp "$folder$templates"/*.tmpl "$templates" ||
    { rm -r "$folder"; return 1; }
  rm -r "$folder"
  echo "Took $templates out of Debian's package prometheus-alertmanager for the tests"
}
has_monitoring() { has_programs prometheus promtool prometheus-alertmanager amtool etcd && has_templates; }
take_monitoring() {
  take_programs prometheus prometheus promtool && take_programs prometheus-alertmanager prometheus-alertmanager amtool &&
    take_programs etcd-server etcd && take_templates
}

if command -v apt-get >/dev/null 2>&1; then take_monitoring 2>/dev/null || true; fi

# Where Debian has haproxy.
PATH="$PATH:/usr/sbin"
packages=()
has_postgres || packages+=(postgresql)
command -v haproxy >/dev/null 2>&1 || packages+=(haproxy)
command -v openssl >/dev/null 2>&1 || packages+=(openssl)
command -v sslscan >/dev/null 2>&1 || packages+=(sslscan)
command -v redis-server >/dev/null 2>&1 || packages+=(redis-server)
has_python_grpc || packages+=(python3-grpcio python3-protobuf python3-grpc-tools)
has_python_prometheus || packages+=(python3-prometheus-client)
[ ${#packages[@]} -eq 0 ] && has_monitoring && exit 0

if command -v apt-get >/dev/null 2>&1; then
  if [ "$(id -u)" -ne 0 ]; then
    if command -v sudo >/dev/null 2>&1 && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
      as_root=(sudo)
    else
      echo "The tests need these packages: ${packages[*]:-none}, the programs of prometheus, prometheus-alertmanager and etcd-server, and $templates" >&2
      echo "Run as root: apt-get update && apt-get install ${packages[*]:-python3}; then try again" >&2
      exit 1
    fi
  fi
  echo "Installing for the tests: ${packages[*]:-} prometheus prometheus-alertmanager etcd-server"
  install() {
    [ ${#packages[@]} -eq 0 ] || "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y --no-install-recommends -qq "${packages[@]}" </dev/null
    take_monitoring
  }
  install >/dev/null 2>&1 || {
    "${as_root[@]}" apt-get update -qq </dev/null
    install
  }
  exit 0
fi

if command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1; then
  exit 3
fi

cat >&2 <<MESSAGE
The tests need what Debian and Ubuntu call: ${packages[*]:-} prometheus prometheus-alertmanager etcd-server
This machine has no apt-get and no running Docker, so install by hand:
  - a PostgreSQL server with "initdb" on the PATH, or TEST_DATABASE_URL set to a superuser's URL
  - Python 3 with the packages grpcio, protobuf, grpcio-tools and prometheus-client
  - haproxy, openssl, redis-server, sslscan, prometheus, promtool, prometheus-alertmanager, amtool and etcd on the PATH
MESSAGE
exit 1
