# Shared by the set-up scripts: where things lie and how a script gives up.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tools=$root/.tools
mkdir -p "$tools/bin"

say() { printf '%s\n' "$*" >&2; }

# die WHAT [FIX]: ends the script; FIX is the command that would help.
die() {
  say "error: $1"
  [ $# -lt 2 ] || say "  fix: $2"
  exit 1
}

# limited SECONDS COMMAND…: a download must not hang for ever (macOS has no timeout(1)).
limited() {
  local seconds=$1
  shift
  if command -v timeout >/dev/null; then timeout "$seconds" "$@"; else "$@"; fi
}

# install_cargo_tool NAME VERSION [ARGUMENT…]: builds a tool of cargo's from source, once, unless it is on PATH.
install_cargo_tool() {
  local name=$1 version=$2
  shift 2
  if command -v "$name" >/dev/null || [ -x "$tools/bin/$name" ]; then return; fi
  build_cargo_tool "$name" "$version" "$@"
}

# build_cargo_tool CRATE VERSION [ARGUMENT…]: into .tools. It runs for seconds, so it is not worth the minutes of an
# optimized build.
build_cargo_tool() {
  local name=$1 version=$2
  shift 2
  say "installing $name $version, once, in about a minute"
  local install=(cargo install --quiet "$name" --version "=$version" --root "$tools" "$@")
  local -x CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_DEBUG=0
  local -x CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_PANIC=unwind
  # --locked fails where a registry mirror lacks one of the locked versions; a free resolution does as well.
  "${install[@]}" --locked </dev/null 2>/dev/null || "${install[@]}" </dev/null >&2 ||
    die "$name $version could not be installed" "cargo install --locked $name"
}

can_install_debian_packages() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

# install_debian_packages NAME…: as root only, and never at the price of a package that is already there.
install_debian_packages() {
  say "installing Debian packages: $*"
  export DEBIAN_FRONTEND=noninteractive
  local options=(-qq -y --no-install-recommends --no-remove)
  apt-get install "${options[@]}" "$@" </dev/null >&2 ||
    { apt-get update -qq </dev/null >&2 && apt-get install "${options[@]}" "$@" </dev/null >&2; }
}

# install_debian_servers NAME…: the same for packages with a service of their own, which is not to run.
install_debian_servers() (
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  install_debian_packages "$@"
)
