#!/usr/bin/env bash
# Runs a test command, and repeats at the end what failed and why: its lines stand among those of sixty programs.
set -euo pipefail

# A report may quote a whole history; its beginning says what is wrong.
lines_each=15

log=$(mktemp)
trap 'rm -f "$log"' EXIT

status=0
"$@" 2>&1 | tee "$log" || status=$?
if [ "$status" -ne 0 ]; then
  awk -v most="$lines_each" '
    /^---- .* stdout ----$/ { if (!any++) print "\nWhat failed:"; left = most; is_open = 1 }
    /^failures:$/ || /^test result:/ || /^stack backtrace:$/ { is_open = 0 }
    is_open && left-- > 0 { print substr($0, 1, 500) }
  ' "$log"
fi
exit "$status"
