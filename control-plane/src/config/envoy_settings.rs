//! The settings of `control-plane envoy-bootstrap`, as its help says them; `config explain` says the same.

pub(crate) const HELP: &str = "\
Settings:
  EDGE_FILTER_WASM                     the filter's .wasm (required)
  EDGE_FILTER_CONFIG                   .yaml file for the filter alone, written with --output: Envoy loads the filter
                                       from it, and again when another is moved to its place; none
  GATEWAY_PROFILE                      local or production, for --profile
  ALLOW_PLAINTEXT                      wires beyond this machine that may go without TLS in production, a comma list of
                                       gateway, control-plane, edge-cache, rate-limits; none
  TLS_CERTIFICATE, TLS_PRIVATE_KEY     PEM files of the TLS listener (required)
  GATEWAY_CLIENTS                      client:key,client:key,…; production: required, keys of 16 or more characters
  CONTROL_PLANE_ADDRESS                host:port; local: CONTROL_PLANE_LISTEN or 127.0.0.1:8081; production: required
  CONTROL_PLANE_CA                     PEM file; set: TLS to the control plane, verified against it and the host's name.
                                       Production: required, or ALLOW_PLAINTEXT, as for the two below
  ENVOY_CLIENT_CERTIFICATE, ENVOY_CLIENT_PRIVATE_KEY
                                       PEM files with which Envoy proves itself to the services behind it; none
  EDGE_CACHE_ADDRESS                   host:port; local: EDGE_CACHE_LISTEN or 127.0.0.1:8082; production: required
  EDGE_CACHE_CA                        PEM file; set: TLS to the edge cache, verified as above
  EDGE_CACHE_DOWN                      what happens to idempotency keys when the cache does not answer: pass (the
                                       control plane still holds), or reject with 503; per operation behind it, as
                                       in pass,refund=reject
  EDGE_CACHE_TIMEOUT_MS                how long a call to the cache may take; 500
  IDEMPOTENCY_LEASE_MS                 how long a key stays with a request whose end is not heard of; 15000
  IDEMPOTENCY_RECENT_ANSWERS           how many answers each worker of Envoy remembers by itself; 1024
  PAYPAL_WEBHOOK_ID                    the webhook's id at PayPal; without it PayPal's webhooks get 503
  PAYPAL_API_BASE                      tells live, sandbox or a stand-in apart, and so where certificates may be
  PAYPAL_WEBHOOK_TRUST                 PEM file of roots and intermediates; those that PayPal has used so far, and
                                       those that it can be expected to move to
  PAYPAL_CERTIFICATE_REFRESH_SECONDS   how old a certificate's key may be when it is fetched again; 43200
  PAYPAL_TLS_CA                        PEM file for TLS to PayPal; /etc/ssl/certs/ca-certificates.crt
  RETURN_URL_HOSTS                     the hosts that a charge's returnUrl may lead to, a comma list; any
  WALLET_ASSOCIATION_FILES             which file each domain gives to Apple, domain=path,domain=path,…: its provider's
                                       file at /.well-known/apple-developer-merchantid-domain-association; none
  WEBHOOK_TOLERANCE_SECONDS            how far from now Stripe may have signed; 300
  GATEWAY_TLS_LISTEN                   local: 127.0.0.1:8443; production: 0.0.0.0:8443
  GATEWAY_LISTEN                       without TLS; local: 127.0.0.1:8080; production: off
  ENVOY_ADMIN_LISTEN                   loopback only, 127.0.0.1:9901; answers what probes, scrapers and draining need
  ENVOY_STATS_LISTEN                   for Prometheus, without TLS: /stats/prometheus and /ready alone; 127.0.0.1:9902
  ENVOY_ACCESS_LOG                     /dev/stdout
  GATEWAY_ADDRESS_REQUESTS_PER_SECOND  of each address (IPv6: each /64) before authentication; local: 4000; production:
                                       1000. This and the rates below are per Envoy; what is above them gets 429
  GATEWAY_CLIENT_REQUESTS_PER_SECOND   of each client, with exceptions as in 500,shop=1000,batch=50; local: 2000;
                                       production: 500
  GATEWAY_REQUESTS_PER_SECOND          of all clients together; local: 4500; production: 2000
  GATEWAY_ADDRESS_WEBHOOKS_PER_SECOND  of each address; local: 1000; production: 500
  GATEWAY_WEBHOOKS_PER_SECOND          of all providers together, which no client takes from; local: 2000; production:
                                       1000
  GATEWAY_TICKET_STREAMS_PER_SECOND    opened with tickets, of all payers together, which no client takes from; local:
                                       1000; production: 500
  GATEWAY_CLIENT_REQUESTS_IN_FLIGHT    of each client, per worker of Envoy, above it 429; local: 1024; production: 512
  GATEWAY_ADDRESS_CONNECTIONS          of each address, per worker of Envoy; local: 4000; production: 512. Not counted
                                       with trusted proxies
  GATEWAY_ADDRESS_NEW_CONNECTIONS_PER_SECOND
                                       of each address that has opened as many at once, per worker; local: 2000;
                                       production: 50
  GATEWAY_RATE_LIMIT_SERVICE           host:port of an Envoy rate limit service, for a limit that several Envoys share
  GATEWAY_RATE_LIMIT_SERVICE_CA        PEM file; set: TLS to it, verified as above
  GATEWAY_TRUSTED_PROXIES              how many proxies in front append to x-forwarded-for; 0
  GATEWAY_DOCS                         folder with the API's documentation, docs/ of the repository, that Envoy then
                                       serves at /docs to everybody; off

Envoy itself needs EDGE_ATTESTATION_KEYS in its environment, and for Stripe's webhooks STRIPE_WEBHOOK_SECRETS, a
comma list with both secrets while one is being rolled.

The output contains the clients' keys: protect it accordingly.

Example:
  control-plane envoy-bootstrap --profile production --output envoy.yaml && envoy -c envoy.yaml";

/// The settings in the first column of the help.
pub fn envoy_setting_names() -> impl Iterator<Item = &'static str> {
    let rows = HELP.lines().filter_map(|line| line.strip_prefix("  ")).filter(|row| !row.starts_with(' '));
    let names = rows.flat_map(|row| row.split("  ").next().unwrap_or_default().split(", "));
    names.filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
}

/// The help's explanation of a setting of the bootstrap.
pub(super) fn explained(name: &str) -> Option<String> {
    let mut rows = HELP.lines().filter_map(|line| line.strip_prefix("  "));
    let is_of =
        |row: &&str| row.split("  ").next().is_some_and(|names| names.split(", ").any(|one| one == name));
    let first = rows.find(is_of)?;
    let (_, text) = first.split_once("  ").unwrap_or((first, ""));
    let rest = rows.take_while(|row| row.starts_with(' ')).map(str::trim);
    let words: Vec<_> = std::iter::once(text.trim()).chain(rest).filter(|text| !text.is_empty()).collect();
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_explained_as_the_help_has_it() {
        assert_eq!(explained("EDGE_CACHE_TIMEOUT_MS").unwrap(), "how long a call to the cache may take; 500");
        let several_lines = explained("GATEWAY_ADDRESS_NEW_CONNECTIONS_PER_SECOND").unwrap();
        assert!(
            several_lines.starts_with("of each address that") && several_lines.ends_with("production: 50")
        );
        for name in envoy_setting_names() {
            assert!(explained(name).is_some_and(|text| !text.is_empty()), "{name}");
        }
        assert_eq!(explained("Example:"), None);
    }
}
