#!/usr/bin/env bash
# Writes what docker-compose.yml needs and does not hold: .env, with secrets that are nobody else's, and a
# certificate for localhost in .tls/. What is there already stays; only the lists of Envoy and of the edge cache are made
# again of EDGE_ATTESTATION_KEYS, from which they follow: run this after each step of a rotation.
#
#   compose-env.sh [FOLDER]   FOLDER: where they go; the repository if left out
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

folder=${1:-$root}
environment=$folder/.env
# The outer folder keeps other users of this machine out, the inner one is what the container sees.
tls=$folder/.tls/envoy

command -v openssl >/dev/null || die "the secrets are made with openssl, which is missing" "install openssl"
umask 077

# random BYTES: as hex digits, which need no escaping in a URI.
random() { openssl rand -hex "$1"; }

# bytes HEX: what the digits stand for.
bytes() { printf '%b' "$(printf '%s' "$1" | sed 's/../\\x&/g')"; }

# Of standard input, as hex digits.
sha256() { openssl dgst -sha256 -r | cut -d ' ' -f 1; }

# subkey SECRET LABEL: the HMAC-SHA256 of the label under the secret, both secrets as hex digits. By hand (RFC 2104):
# openssl takes the secret of its own as an argument, which every user of this machine can read.
subkey() {
  local secret=$1 inner='' outer='' digits i
  if [ ${#secret} -gt 128 ]; then secret=$(bytes "$secret" | sha256); fi
  while [ ${#secret} -lt 128 ]; do secret+='00'; done
  for ((i = 0; i < 128; i += 2)); do
    printf -v digits '%02x' $((16#${secret:i:2} ^ 0x36))
    inner+=$digits
    printf -v digits '%02x' $((16#${secret:i:2} ^ 0x5c))
    outer+=$digits
  done
  inner=$({ bytes "$inner" && printf '%s' "$2"; } | sha256)
  bytes "$outer$inner" | sha256
}

# own_list PART KEYS: what `control-plane edge-keys PART` prints for the control plane's list. Before the first image is
# built there is no program to ask.
own_list() {
  local list='' entry entries label made labels=()
  case $1 in
    edge) labels=(
      "attestations to the control plane, version 2" "attestations to the edge cache, version 2"
      "seals of idempotency keys, version 1" "tickets to watch a payment, version 1"
    ) ;;
    edge-cache) labels=("attestations to the edge cache, version 2" "answers in the edge cache, version 1") ;;
  esac
  IFS=, read -ra entries <<<"$2"
  for entry in "${entries[@]}"; do
    [[ $entry =~ ^[0-9A-Za-z]+:([0-9A-Fa-f]{2}){32,}$ ]] ||
      die "EDGE_ATTESTATION_KEYS must be id:hex with 64 or more digits, several separated by commas"
    list+=${list:+,}${entry%%:*}:$1:
    for label in "${labels[@]}"; do
      made=$(subkey "${entry#*:}" "payment gateway: $label")
      [ ${#made} = 64 ] || die "openssl makes no SHA-256"
      list+=$made
    done
  done
  printf '%s' "$list"
}

# own_lists KEYS: as lines of .env.
own_lists() {
  local edge cache
  edge=$(own_list edge "$1") || exit
  cache=$(own_list edge-cache "$1") || exit
  printf 'ENVOY_ATTESTATION_KEYS=%s\nEDGE_CACHE_ATTESTATION_KEYS=%s\n' "$edge" "$cache"
}

# Puts the lists of Envoy and edge cache behind the control plane's, in place of those that were there.
renew_own_lists() {
  local keys lists line
  keys=$(sed -n 's/^EDGE_ATTESTATION_KEYS=//p' "$environment" | tr -d "\"' \r")
  [ -n "$keys" ] || return 0
  lists=$(own_lists "$keys")
  while IFS= read -r line || [ -n "$line" ]; do
    case $line in
      ENVOY_ATTESTATION_KEYS=* | EDGE_CACHE_ATTESTATION_KEYS=*) ;;
      EDGE_ATTESTATION_KEYS=*) printf '%s\n%s\n' "$line" "$lists" ;;
      *) printf '%s\n' "$line" ;;
    esac
  done <"$environment" >"$environment.new"
  if cmp -s "$environment" "$environment.new"; then
    rm "$environment.new"
  else
    mv "$environment.new" "$environment"
    say "$environment: made the lists of Envoy and of the edge cache of EDGE_ATTESTATION_KEYS"
  fi
}

if [ -e "$environment" ]; then
  renew_own_lists
  say "$environment is there already; everything else in it stays as it is"
  exit 0
fi

mkdir -p "$tls"
if ! [ -e "$tls/private-key.pem" ]; then
  # Strict clients take no certificate of an authority for that of a server.
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=localhost \
    -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -addext 'basicConstraints=critical,CA:FALSE' \
    -keyout "$tls/private-key.pem" -out "$tls/certificate.pem" 2>/dev/null
  # The container's user is another.
  chmod 755 "$tls"
  chmod 644 "$tls/private-key.pem" "$tls/certificate.pem"
fi

sandbox_secret=$(random 24)
attestation_keys=k1:$(random 32)
lists=$(own_lists "$attestation_keys")
# Complete or not at all.
cat >"$environment.new" <<END
EDGE_ATTESTATION_KEYS=$attestation_keys
$lists
ENCRYPTION_KEYS=k1:$(random 32)
GATEWAY_CLIENTS=demo:$(random 24)
TLS_FOLDER=$tls
POSTGRES_PASSWORD=$(random 24)
REDIS_PASSWORD=$(random 24)
RABBITMQ_PASSWORD=$(random 24)
STRIPE_WEBHOOK_SECRETS=whsec_sandbox_$sandbox_secret
STRIPE_SECRET_KEY=sk_test_sandbox_$(random 24)
PAYPAL_CLIENT_ID=sandbox-$(random 16)
PAYPAL_CLIENT_SECRET=$(random 24)
AUDIT_SIGNING_KEY=localhost/audit:$(random 32)
# sandbox: with real credentials above, these four lines have to go. The control plane refuses to start otherwise. The
# sandbox is given nothing of what stands above.
COMPOSE_PROFILES=sandbox
SANDBOX_WEBHOOK_SECRET=$sandbox_secret
STRIPE_API_BASE=http://sandbox:8090
PAYPAL_API_BASE=http://sandbox:8090
END
mv "$environment.new" "$environment"
say "wrote $environment and $folder/.tls; keep both: the database's password is one of them, and without ENCRYPTION_KEYS nobody reads what it holds"
