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
