#!/usr/bin/env bash
# Names what must be there before anything can be built, and is not ours to install.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

command -v cargo >/dev/null || die "cargo is missing" "install Rust with rustup: https://rustup.rs"
command -v cc >/dev/null || die "a C compiler is missing, which SQLite and the cryptography need" "apt-get install gcc libc6-dev"

wanted=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")
found=$(rustc --version | cut -d ' ' -f 2)
[ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] ||
  die "rustc is $found, and $wanted or newer is needed" "rustup update stable"
