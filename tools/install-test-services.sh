#!/usr/bin/env bash
# Sees to the servers that tests start for themselves. Without one of them its tests are skipped, and say so; where
# REQUIRE_TOOLS is set, that is an error.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

# wanted PACKAGE PROGRAM…: nothing to do if one of the programs is there; Debian hides PostgreSQL's in a place of its
# own.
missing=()
wanted() {
  local package=$1 program
  shift
  for program in "$@"; do
    if command -v "$program" >/dev/null || compgen -G "/usr/lib/*/*/bin/$program" >/dev/null; then return; fi
  done
  missing+=("$package")
}

[ -n "${TEST_REDIS_URI:-}" ] || wanted redis-server redis-server valkey-server
[ -n "${TEST_POSTGRES_URI:-}" ] || wanted postgresql postgres
[ -n "${TEST_AMQP_URI:-}" ] || wanted rabbitmq-server rabbitmq-server
wanted pgbouncer pgbouncer /usr/sbin/pgbouncer
wanted prometheus promtool
wanted docker-registry docker-registry registry
wanted skopeo skopeo
wanted chromium chromium chromium-browser google-chrome
[ ${#missing[@]} -gt 0 ] || exit 0

# No server of a package's own is to run: tests start theirs, on free ports.
if can_install_debian_packages && install_debian_servers "${missing[@]}"; then exit 0; fi
[ -z "${REQUIRE_TOOLS:-}" ] || die "REQUIRE_TOOLS is set, and these are missing: ${missing[*]}" "apt-get install ${missing[*]}"
say "tests that need these will be skipped: ${missing[*]}"
say "  fix: apt-get install ${missing[*]} (their services need not run), or name servers in TEST_REDIS_URI, TEST_POSTGRES_URI, TEST_AMQP_URI"
