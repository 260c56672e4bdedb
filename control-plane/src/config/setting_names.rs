//! The names of all settings: the control plane's, those of the other programs, and what other software calls them.

use super::envoy_settings::envoy_setting_names;
use super::settings::SETTINGS;

const OF_THE_SANDBOX: &str = "of the provider sandbox: see `provider-sandbox --help`";
const OF_THE_STACK: &str = "of the local stack: see `local-stack --help`";
const OF_DRAINING: &str = "of `envoy/run-envoy.sh`, which drains Envoy before it ends it";

/// The settings of the gateway's other programs, with the program that reads each. They may be in the same file, as in
/// a local stack's `.run/env`.
pub(super) const OF_OTHER_PROGRAMS: [(&str, &str); 24] = [
    (
        "STRIPE_WEBHOOK_SECRETS",
        "of the filter, in Envoy's environment: the signing secrets of Stripe's webhooks, a comma list with both while one \
         is replaced",
    ),
    (
        "STRIPE_WEBHOOK_SECRETS_FILE",
        "of `envoy/run-envoy.sh`, which reads STRIPE_WEBHOOK_SECRETS from this file",
    ),
    ("SANDBOX_LISTEN", OF_THE_SANDBOX),
    ("SANDBOX_PUBLIC_URL", OF_THE_SANDBOX),
    ("SANDBOX_GATEWAY_URL", OF_THE_SANDBOX),
    ("SANDBOX_GATEWAY_KEY", OF_THE_SANDBOX),
    ("SANDBOX_WEBHOOK_TRIES", OF_THE_SANDBOX),
    ("SANDBOX_WEBHOOK_CONCURRENCY", OF_THE_SANDBOX),
    ("SANDBOX_PAYPAL_CERT_NAME", OF_THE_SANDBOX),
    ("SANDBOX_STRIPE_WEBHOOK_URL", OF_THE_SANDBOX),
    ("SANDBOX_PAYPAL_WEBHOOK_URL", OF_THE_SANDBOX),
    ("SANDBOX_PAYPAL_CA_DIR", OF_THE_SANDBOX),
    ("SANDBOX_PAYPAL_CERT_BASE", OF_THE_SANDBOX),
    ("SANDBOX_PAYPAL_REVIEW_SECONDS", OF_THE_SANDBOX),
    ("SANDBOX_PAYPAL_TOKEN_SECONDS", OF_THE_SANDBOX),
    ("SANDBOX_STRIPE_RELEASES_AS_REFUNDS", OF_THE_SANDBOX),
    ("RUN_DIR", OF_THE_STACK),
    ("ENVOY_WORKERS", OF_THE_STACK),
    ("ALLOW_LIVE_KEYS", OF_THE_STACK),
    ("GATEWAY_SHARED", OF_THE_STACK),
    ("LOCAL_TLS", OF_THE_STACK),
    ("DRAIN_SECONDS", OF_DRAINING),
    ("DRAIN_NOTICE_SECONDS", OF_DRAINING),
    ("GATEWAY_CONFIG", "of the command line: the file of settings, as `--config`"),
];

/// Secrets, and addresses that may hold one, each with the setting that names a file with it.
pub const IN_FILES: [(&str, &str); 11] = [
    ("EDGE_ATTESTATION_KEYS", "EDGE_ATTESTATION_KEYS_FILE"),
    ("ENCRYPTION_KEYS", "ENCRYPTION_KEYS_FILE"),
    ("VAULT_TOKEN", "VAULT_TOKEN_FILE"),
    ("DB_URI", "DB_URI_FILE"),
    ("REDIS_URI", "REDIS_URI_FILE"),
    ("AMQP_URI", "AMQP_URI_FILE"),
    ("STRIPE_SECRET_KEY", "STRIPE_SECRET_KEY_FILE"),
    ("PAYPAL_CLIENT_SECRET", "PAYPAL_CLIENT_SECRET_FILE"),
    (GATEWAY_CLIENTS, "GATEWAY_CLIENTS_FILE"),
    ("OUTGOING_PROXY", "OUTGOING_PROXY_FILE"),
    ("AUDIT_SIGNING_KEY", "AUDIT_SIGNING_KEY_FILE"),
];

/// For `control-plane envoy-bootstrap`: who may call.
pub(super) const GATEWAY_CLIENTS: &str = "GATEWAY_CLIENTS";

/// For tests only, so not in the table.
pub(super) const CRASH_POINTS: &str = "CRASH_POINTS";

/// Names that other software uses for the same settings, with ours.
const NAMES_ELSEWHERE: [(&str, &str); 19] = [
    ("DATABASE_URL", "DB_URI"),
    ("DATABASE_URI", "DB_URI"),
    ("POSTGRES_URL", "DB_URI"),
    ("POSTGRES_URI", "DB_URI"),
    ("POSTGRESQL_URL", "DB_URI"),
    ("POSTGRESQL_URI", "DB_URI"),
    ("SQLITE_URL", "DB_URI"),
    ("RABBITMQ_URL", "AMQP_URI"),
    ("RABBITMQ_URI", "AMQP_URI"),
    ("STRIPE_KEY", "STRIPE_SECRET_KEY"),
    ("STRIPE_SECRET", "STRIPE_SECRET_KEY"),
    ("STRIPE_API_KEY", "STRIPE_SECRET_KEY"),
    ("STRIPE_URL", "STRIPE_API_BASE"),
    ("PAYPAL_SECRET", "PAYPAL_CLIENT_SECRET"),
    ("PAYPAL_ID", "PAYPAL_CLIENT_ID"),
    ("PAYPAL_URL", "PAYPAL_API_BASE"),
    ("ATTESTATION_KEYS", "EDGE_ATTESTATION_KEYS"),
    ("RUST_LOG", "LOG_LEVEL"),
    ("PORT", "CONTROL_PLANE_LISTEN"),
];

/// The minimum Jaro similarity (1 is equal) for suggesting a setting in place of an unknown name. A missing, doubled or
/// swapped letter, or a singular in place of a plural, gives 0.9 or more.
const LIKENESS_MIN: f64 = 0.85;

/// Every name that a program of the gateway reads.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let own = SETTINGS.iter().flat_map(|setting| setting.keys.iter().copied());
    let others = OF_OTHER_PROGRAMS.iter().map(|(name, _)| *name);
    let files = IN_FILES.iter().map(|(_, file)| *file);
    own.chain(envoy_setting_names()).chain(others).chain(files).chain([CRASH_POINTS])
}

/// The setting of exactly this name.
pub(super) fn known(name: &str) -> Option<&'static str> {
    names().find(|known| *known == name)
}

/// The setting that `name` probably means.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    if let Some((_, ours)) = NAMES_ELSEWHERE.iter().find(|(theirs, _)| *theirs == name) {
        return Some(ours);
    }
    let likeness = names().map(|known| (strsim::jaro(known, &name), known));
    let (likeness, best) = likeness.max_by(|a, b| a.0.total_cmp(&b.0))?;
    (likeness >= LIKENESS_MIN).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_setting_is_offered_and_no_far_one() {
        for (written, wanted) in [
            ("DATABASE_URL", Some("DB_URI")),
            ("PROVIDER_TIMEOUT_SECOND", Some("PROVIDER_TIMEOUT_SECONDS")),
            ("REDIS_URL", Some("REDIS_URI")),
            ("RABBITMQ_URI", Some("AMQP_URI")),
            ("POSTGRES_URI", Some("DB_URI")),
            ("PAYPAL_SECRET", Some("PAYPAL_CLIENT_SECRET")),
            ("STRIPE_KEY", Some("STRIPE_SECRET_KEY")),
            ("stripe_secret_key", Some("STRIPE_SECRET_KEY")),
            ("LOGLEVEL", Some("LOG_LEVEL")),
            ("GATEWAY_CLIENT", Some("GATEWAY_CLIENTS")),
            ("SSL_CERT_FILE", None),
            ("HTTPS_PROXY", None),
            ("TZ", None),
        ] {
            assert_eq!(meant(written), wanted, "{written}");
        }
    }
}
