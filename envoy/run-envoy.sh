#!/usr/bin/env bash
# Runs Envoy with the arguments given and, when asked to end (SIGTERM, SIGINT), drains it first: Envoy itself ends at
# once, with every request that it has. Ends with Envoy's exit code, 0 after a drain that lost no request; with 1 if Envoy
# could not be asked to drain, and with 2 if a setting is wrong. SIGHUP is ignored, as Envoy ignores it.
#
#   run-envoy.sh --config-path envoy.yaml
#
#   ENVOY                 the program; envoy
#   ENVOY_ADMIN_LISTEN    its admin interface, HOST:PORT or [IPv6]:PORT; 127.0.0.1:9901
#   DRAIN_NOTICE_SECONDS  for load balancers to notice that /ready says no, before new connections are refused; 5
#   DRAIN_SECONDS         for requests to end; 40, longer than the slowest charge. A container's grace period must be longer
#                         than both together, and Kubernetes needs nothing else: no preStop.
# shellcheck disable=SC2329  # the trap calls these functions
set -u
admin=${ENVOY_ADMIN_LISTEN:-127.0.0.1:9901}
notice=${DRAIN_NOTICE_SECONDS:-5}
most=${DRAIN_SECONDS:-40}

refuse() {
  echo "run-envoy.sh: $1" >&2
  exit 2
}

# seconds NAME VALUE
seconds() {
  case $2 in
    '' | *[!0-9]* | ?????*) refuse "$1: must be a whole number of seconds, 0 to 9999, and is '$2'" ;;
  esac
}

seconds DRAIN_NOTICE_SECONDS "$notice"
seconds DRAIN_SECONDS "$most"
# A leading zero would make the number octal.
notice=$((10#$notice)) most=$((10#$most))
admin_form='^(\[([0-9a-fA-F:.]+)]|([^]:/[]+)):([0-9]+)$'
if ! [[ $admin =~ $admin_form ]]; then
  refuse "ENVOY_ADMIN_LISTEN: must be HOST:PORT, with an IPv6 address in brackets, and is '$admin'"
fi
admin_host=${BASH_REMATCH[2]:-${BASH_REMATCH[3]}} admin_port=${BASH_REMATCH[4]}

# Asks the admin interface; prints the whole answer.
ask() {
  exec 3<>"/dev/tcp/$admin_host/$admin_port" || return 1
  printf '%s %s HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n' "$1" "$2" >&3
  timeout 2 cat <&3
  exec 3<&- 3>&-
}

# How many requests of clients are inside; nothing if Envoy does not say.
inside() {
  ask GET '/stats?filter=downstream_rq_active' 2>/dev/null |
    awk '/^http\./ && !/^http\.admin\./ { sum += $2; found = 1 } END { if (found) print sum }'
}

# Has the admin interface do something; says so if it does not, unless Envoy has ended by itself.
order() {
  [[ $(ask POST "$1" 2>/dev/null) == 'HTTP/1.1 200 '* ]] && return
  kill -0 "$envoy" 2>/dev/null || return
  echo "run-envoy.sh: $admin (ENVOY_ADMIN_LISTEN) does not do $1: requests in flight may be lost" >&2
  undrained=1
}

drain() {
  trap '' TERM INT
  local undrained=0 status
  # Says goodbye on open connections and no to probes; the port stays open for as long as balancers need to notice.
  order /healthcheck/fail
  sleep "$notice"
  order /drain_listeners
  local until=$((SECONDS + most)) left
  while [ "$SECONDS" -lt "$until" ]; do
    left=$(inside)
    # Without an answer nothing is known: an Envoy that lives may be busy.
    if [ "$left" = 0 ] || ! kill -0 "$envoy" 2>/dev/null; then break; fi
    sleep 0.1
  done
  kill -TERM "$envoy" 2>/dev/null
  wait "$envoy"
  status=$?
  [ "$status" = 0 ] && status=$undrained
  exit "$status"
}

# Envoy inherits both: a log that may grow no further (`ulimit -f`) loses lines instead of ending it.
trap '' HUP XFSZ
"${ENVOY:-envoy}" "$@" &
envoy=$!
trap drain TERM INT
# A signal ends this wait, and draining waits itself.
wait "$envoy"
exit $?
