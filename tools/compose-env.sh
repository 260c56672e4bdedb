#!/usr/bin/env bash
# Writes what docker-compose.yml needs and does not hold: .env, with secrets that are nobody else's, and a
# certificate for localhost in .tls/. What is there already stays.
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
if [ -e "$environment" ]; then
  say "$environment is there already, and stays as it is"
  exit 0
fi

# random BYTES: as hex digits, which need no escaping in a URI.
random() { openssl rand -hex "$1"; }

umask 077
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
# Complete or not at all.
cat >"$environment.new" <<END
EDGE_ATTESTATION_KEYS=k1:$(random 32)
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
