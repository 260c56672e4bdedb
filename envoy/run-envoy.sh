#!/usr/bin/env bash
# Runs Envoy with the arguments given and, when asked to end (SIGTERM, SIGINT), drains it first: Envoy itself ends at
# once, with every request that it has. Ends with Envoy's exit code, 0 after a drain that lost no request.
#
#   run-envoy.sh --config-path envoy.yaml
#
#   ENVOY                 the program; envoy
#   ENVOY_ADMIN_LISTEN    its admin interface; 127.0.0.1:9901
#   DRAIN_NOTICE_SECONDS  for load balancers to notice that /ready says no, before new connections are refused; 5
#   DRAIN_SECONDS         for requests to end; 40, longer than the slowest charge. A container's grace period must be longer
#                         than both together, and Kubernetes needs nothing else: no preStop.
# shellcheck disable=SC2329  # the trap calls these functions
set -u
admin=${ENVOY_ADMIN_LISTEN:-127.0.0.1:9901}
notice=${DRAIN_NOTICE_SECONDS:-5}
most=${DRAIN_SECONDS:-40}

# Asks the admin interface; prints the whole answer.
ask() {
  exec 3<>"/dev/tcp/${admin%:*}/${admin##*:}" || return 1
  printf '%s %s HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n' "$1" "$2" >&3
  timeout 2 cat <&3
  exec 3<&- 3>&-
}

# How many requests of clients are inside; nothing if Envoy does not say.
inside() {
  ask GET '/stats?filter=downstream_rq_active' 2>/dev/null |
    awk '/^http\./ && !/^http\.admin\./ { sum += $2; found = 1 } END { if (found) print sum }'
}

drain() {
  trap '' TERM INT
  # Says goodbye on open connections and no to probes; the port stays open for as long as balancers need to notice.
  ask POST /healthcheck/fail >/dev/null 2>&1
  sleep "$notice"
  ask POST /drain_listeners >/dev/null 2>&1
  local until=$((SECONDS + most)) left
  while [ "$SECONDS" -lt "$until" ]; do
    left=$(inside)
    # Without an answer nothing is known: an Envoy that lives may be busy.
    if [ "$left" = 0 ] || ! kill -0 "$envoy" 2>/dev/null; then break; fi
    sleep 0.1
  done
  kill -TERM "$envoy" 2>/dev/null
  wait "$envoy"
  exit $?
}

"${ENVOY:-envoy}" "$@" &
envoy=$!
trap drain TERM INT
# A signal ends this wait, and draining waits itself.
wait "$envoy"
exit $?
