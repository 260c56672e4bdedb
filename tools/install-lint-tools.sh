#!/usr/bin/env bash
# Installs typos and shellcheck into .tools, once, as released binaries that lint-tools.txt pins. A tool that cannot be
# installed is an error, never a skipped check.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

pins=$root/tools/lint-tools.txt
environment=$tools/lint
# A changed pin makes a new environment.
stamp=$(cksum <"$pins")
if [ "$(cat "$environment/stamp" 2>/dev/null)" != "$stamp" ]; then
  command -v python3 >/dev/null || die "python3 is missing, which installs typos and shellcheck" "install python3"
  make_environment() { python3 -m venv --clear "$environment" >/dev/null 2>&1; }
  if ! make_environment; then
    if can_install_debian_packages; then install_debian_packages python3-venv || true; fi
    make_environment || die "python3 cannot make a virtual environment" "apt-get install python3-venv"
  fi
  say "installing typos and shellcheck"
  "$environment/bin/pip" install --quiet --no-input --disable-pip-version-check --only-binary :all: \
    --require-hashes --requirement "$pins" </dev/null >&2 ||
    die "typos and shellcheck could not be installed from the Python package index" "see $pins"
  for tool in typos shellcheck; do
    [ ! -x "$environment/bin/$tool" ] || ln -sfn "$environment/bin/$tool" "$tools/bin/$tool"
  done
  echo "$stamp" >"$environment/stamp"
fi

# No wheel exists for Linux on arm64.
if ! command -v shellcheck >/dev/null && ! [ -x "$tools/bin/shellcheck" ]; then
  if can_install_debian_packages; then install_debian_packages shellcheck || true; fi
  command -v shellcheck >/dev/null || die "shellcheck is missing" "apt-get install shellcheck"
fi
