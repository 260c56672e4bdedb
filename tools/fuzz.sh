#!/usr/bin/env bash
# fuzz.sh FOLDER SECONDS [TARGET]: runs libFuzzer on the targets of filter/core/fuzz, or on one, for so long each. What it
# has found lies in FOLDER and is where the next run begins. An input that breaks a target ends the run; it is printed,
# and its file named.
#
# Works with a stable compiler: coverage needs no option that is not stable, and a sanitizer would watch over unsafe code,
# which the edge core forbids.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

folder=$1 seconds=$2 only=${3:-}
fuzz=$root/filter/core/fuzz
# The longest body of a request. An input of it must not take longer, or more memory, than this.
limits=(-max_len=65536 -timeout=10 -rss_limit_mb=1024)

install_cargo_tool cargo-fuzz 0.13.2
cargo run --quiet --locked --release -p edge-core-fuzz --example write_seeds -- "$folder/seeds"
for program in "$fuzz"/fuzz_targets/*.rs; do
  target=$(basename "$program" .rs)
  if [ -n "$only" ] && [ "$only" != "$target" ]; then continue; fi
  ran=yes
  mkdir -p "$folder/corpus/$target"
  inputs=("$folder/corpus/$target" "$folder/seeds/$target")
  if [ -d "$fuzz/regressions/$target" ]; then inputs+=("$fuzz/regressions/$target"); fi
  say "$target: $seconds seconds"
  cargo fuzz run --fuzz-dir "$fuzz" --target-dir "$folder/build" --features libfuzzer --sanitizer none \
    "$target" "${inputs[@]}" -- -max_total_time="$seconds" -print_final_stats=1 "${limits[@]}"
done
[ -n "${ran:-}" ] || die "there is no target $only" "one of: $(cd "$fuzz/fuzz_targets" && echo *.rs | sed 's/\.rs//g')"
