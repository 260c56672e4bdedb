#!/usr/bin/env bash
# Runs Envoy with the arguments given and, when asked to end (SIGTERM, SIGINT, SIGQUIT), drains it first: Envoy itself
# ends at once, with every request that it has. Ends with Envoy's exit code, which is 0 after a drain that lost no
# request; with 1 if Envoy could not be asked to drain, or had requests left; with 2 if a setting kept it from starting.
# Streams and sockets of events are not waited for: they end with Envoy, and their clients continue at another one. What
# is unread of one that has ended is waited for like a request, for 10 seconds (`flush_timeout` of its route).
# SIGHUP is ignored, as by Envoy itself: it asks other programs to read their settings again, which Envoy cannot.
#
#   run-envoy.sh --config-path envoy.yaml
#
# Where log-relay is at hand and runs, as in the image, Envoy runs under it: neither of its logs then waits for a reader,
# or fills its memory without one. It passes signals on, ends with Envoy's exit code, and Envoy ends with it.
#
#   ENVOY                 the program; envoy
#   ENVOY_ADMIN_LISTEN    its admin interface, as in its configuration; 127.0.0.1:9901. IPv6: [::1]:9901. No Unix socket
#   EDGE_ATTESTATION_KEYS_FILE, STRIPE_WEBHOOK_SECRETS_FILE
#                         files with the secrets, for the filter, which reads nothing but EDGE_ATTESTATION_KEYS and
#                         STRIPE_WEBHOOK_SECRETS of Envoy's environment; read once, before Envoy starts
#   DRAIN_NOTICE_SECONDS  for load balancers to notice that /healthz says no, before new connections are refused; 5
#   DRAIN_SECONDS         for requests to end; 40, longer than the slowest charge. A container's grace period must be longer
#                         than both together, and Kubernetes needs nothing else: no preStop.
# shellcheck disable=SC2329  # the trap calls these functions
set -u
# Without the blanks and line ends around it, which files and orchestrators leave.
trim() {
  if [[ $1 =~ [^[:space:]](.*[^[:space:]])? ]]; then printf '%s' "${BASH_REMATCH[0]}"; else printf '%s' "$1"; fi
}

admin=$(trim "${ENVOY_ADMIN_LISTEN:-127.0.0.1:9901}")
notice=$(trim "${DRAIN_NOTICE_SECONDS:-5}")
most=$(trim "${DRAIN_SECONDS:-40}")

# Not for long, if nobody reads; and no signal for a reader that has gone ends this script instead.
say() {
  timeout --foreground --signal=KILL 1 printf 'run-envoy.sh: %s\n' "$1" >&2 || :
}

# A mistake found only when Envoy has to end would cost the requests that it has then.
check_settings() {
  local number='^[0-9]{1,5}$' address='^(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z.-]+):([0-9]{1,5})$'
  if ! [[ $notice =~ $number ]]; then
    say "DRAIN_NOTICE_SECONDS must be a whole number of seconds, as in 5, not '$notice'" && exit 2
  fi
  if ! [[ $most =~ $number ]]; then
    say "DRAIN_SECONDS must be a whole number of seconds, as in 40, not '$most'" && exit 2
  fi
  # To bash, 08 would be an octal number.
  notice=$((10#$notice)) most=$((10#$most))
  if ! [[ $admin =~ $address ]] || ! ((10#${BASH_REMATCH[2]} > 0 && 10#${BASH_REMATCH[2]} < 65536)); then
    say "ENVOY_ADMIN_LISTEN must be IP:PORT, as in 127.0.0.1:9901 or [::1]:9901, not '$admin'" && exit 2
  fi
  host=${BASH_REMATCH[1]} port=${BASH_REMATCH[2]}
  host=${host#[} host=${host%]}
}

# Asks the admin interface; prints the whole answer. A process of its own, because no connect of bash has a deadline,
# and one that obeys the signal of its deadline, which draining ignores.
ask() (
  trap - TERM
  # shellcheck disable=SC2016  # the inner bash expands them
  timeout 2 bash -c 'exec 3<>"/dev/tcp/$1/$2" || exit 1
    printf "%s %s HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" "$3" "$4" >&3
    cat <&3' ask "$host" "$port" "$1" "$2" 2>/dev/null
)

# Whether the admin interface did it.
told() {
  [[ $(ask POST "$1") == "HTTP/1.1 200"* ]]
}

# How many requests of clients are inside, but for streams of events; nothing if Envoy does not say. A scraper is no
# client.
inside() {
  ask GET '/stats?filter=stream_rq_active' |
    awk '/^http\..*\.downstream_rq_active:/ && !/^http\.(admin|stats)\./ { sum += $2; found = 1 }
      /^cluster\.event_streams\.upstream_rq_active:/ { sum -= $2 }
      END { if (found) print (sum > 0 ? sum : 0) }'
}

# How many streams and sockets of events are open; nothing if Envoy does not say.
streams() {
  ask GET '/stats?filter=event_streams.upstream_rq_active' |
    awk '/^cluster\.event_streams\.upstream_rq_active:/ { print $2 + 0 }'
}

drain() {
  trap '' TERM INT QUIT
  local closed=no left='' empty=0 cut until code
  # Says goodbye on open connections and no to probes; the port stays open for as long as balancers need to notice.
  # Again if there is no answer: a busy Envoy may be late, and nobody would notice.
  told /healthcheck/fail || told /healthcheck/fail || told /healthcheck/fail
  sleep "$notice"
  until=$((SECONDS + most))
  while kill -0 "$envoy" 2>/dev/null; do
    if [ "$closed" = no ] && told /healthcheck/fail && told /drain_listeners; then closed=yes; fi
    # Without an answer nothing is known, and its requests get their time.
    left=$(inside)
    # Twice in a row: Envoy reads its two numbers one after the other, and a stream may begin in between.
    if [ "$closed$left" = yes0 ]; then empty=$((empty + 1)); else empty=0; fi
    if [ "$empty" = 2 ] || [ "$SECONDS" -ge "$until" ]; then break; fi
    sleep 0.1
  done
  cut=$(streams)
  kill -TERM "$envoy" 2>/dev/null
  wait "$envoy"
  code=$?
  if [ "${cut:-0}" != 0 ]; then say "streams and sockets of events cut off with Envoy: $cut"; fi
  if [ "$closed" = no ]; then
    say "Envoy could not be asked to drain at $admin (ENVOY_ADMIN_LISTEN): its last requests may have been cut off"
  elif [ "$left" != 0 ]; then
    say "Envoy was ended after DRAIN_SECONDS=$most with ${left:-an unknown number of} requests left"
  else
    exit "$code"
  fi
  exit $((code == 0 ? 1 : code))
}

# The filter has no files. Errors never repeat a secret.
read_secrets() {
  local name file secret
  for name in EDGE_ATTESTATION_KEYS STRIPE_WEBHOOK_SECRETS; do
    file=${name}_FILE
    if [ -z "${!file:-}" ]; then continue; fi
    if [ -n "${!name:-}" ]; then
      say "$name and $file are both set; give one of them" && exit 2
    fi
    if ! secret=$(cat -- "${!file}" 2>/dev/null); then
      say "$file names ${!file}, which cannot be read" && exit 2
    fi
    if [ -z "${secret//[[:space:]]/}" ]; then
      say "$file names ${!file}, which is empty" && exit 2
    fi
    export "$name=$secret"
  done
}

check_settings
read_secrets
asked=no
trap '' HUP
trap 'asked=yes' TERM INT QUIT
relay=()
if command -v log-relay >/dev/null; then
  # Envoy would outlive a relay that is killed; --disable-hot-restart takes away its own request to end with its parent.
  under=(log-relay setpriv --pdeathsig TERM)
  if "${under[@]}" true 2>/dev/null; then
    relay=("${under[@]}")
  else
    say "log-relay or setpriv cannot run here, so Envoy runs without them"
  fi
fi
"${relay[@]}" "${ENVOY:-envoy}" "$@" &
envoy=$!
trap drain TERM INT QUIT
if [ "$asked" = yes ]; then drain; fi
# A signal ends this wait, and draining waits itself.
wait "$envoy"
exit $?
