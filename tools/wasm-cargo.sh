#!/usr/bin/env bash
# wasm-cargo.sh TARGET COMMAND [ARGUMENT…]: runs cargo for a wasm target with a toolchain that has it.
# First choice is the target as rustup installs it. Where rustup cannot fetch it, Debian's own Rust for the
# web does: its package holds no standard library for the target, so cargo builds that too (`build-std`).
# WASM_TOOLCHAIN=rustup or =debian forces the choice.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

[ $# -ge 2 ] || die "a wasm target and a cargo command are needed" "$0 wasm32-wasip1 build -p edge-filter"
target=$1
command=$2
shift 2

target_is_installed() {
  local libraries
  libraries=$(rustc --print target-libdir --target "$target" 2>/dev/null) && compgen -G "$libraries/libstd-*.rlib" >/dev/null
}

rustup_has_target() {
  target_is_installed && return
  command -v rustup >/dev/null || return 1
  say "adding $target with rustup"
  limited 60 rustup target add "$target" >&2 && target_is_installed
}

debian_packages=(rustc-web rust-web-src wasi-libc)

debian_has_target() {
  dpkg --status "${debian_packages[@]}" >/dev/null 2>&1 && return
  can_install_debian_packages && install_debian_packages "${debian_packages[@]}"
}

cargo_of_rustup() {
  cargo "$command" --target "$target" "$@"
}

cargo_of_debian() {
  local linker variables
  if [ "$command" = clippy ]; then
    say "skipped clippy for $target: it cannot read the standard library that Debian's compiler builds"
    return
  fi
  linker=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
  [ -x "$linker" ] || die "rust-lld is missing from $(rustc --print sysroot)" "rustup toolchain install stable"
  variables=CARGO_TARGET_$(tr a-z- A-Z_ <<<"$target")
  export "${variables}_LINKER=$linker"
  if [ "$target" = wasm32-wasip1 ]; then export "${variables}_RUSTFLAGS=-L native=/usr/lib/wasm32-wasi"; fi
  # -Z flags need the permission of RUSTC_BOOTSTRAP on a stable compiler.
  RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 cargo "$command" -Z build-std=std,panic_abort --target "$target" "$@"
}

# A rustup that failed once is not asked again, as each failure may take a minute.
remembered=$tools/$target.toolchain
choice=${WASM_TOOLCHAIN:-$(cat "$remembered" 2>/dev/null || true)}
if [ "$choice" != debian ] && rustup_has_target; then
  cargo_of_rustup "$@"
elif [ "$choice" != rustup ] && debian_has_target; then
  [ -n "${WASM_TOOLCHAIN:-}" ] || echo debian >"$remembered"
  cargo_of_debian "$@"
else
  die "no Rust toolchain for $target" \
    "rustup target add $target (or, on Debian: apt-get install --no-install-recommends ${debian_packages[*]})"
fi
