//! The environment of the parts, with every setting that parts must agree on.

use std::{collections::BTreeMap, net::SocketAddr, path::Path};

use anyhow::Result;
use edge_core::attestation::{Holder, Keys};
use reqwest::ClientBuilder;

use crate::{
    Addresses, Destination, Options, RunDir,
    addresses::EDGE_CACHE,
    inside::InternalTls,
    secrets::{self, Certificate},
};

/// Variables by name.
pub type Environment = BTreeMap<String, String>;

/// The client key of the demo client, as in `Authorization: Bearer demo-key`.
pub const DEMO_KEY: &str = "demo-key";
const REDIS_URI: &str = "REDIS_URI";
const AMQP_URI: &str = "AMQP_URI";
const CLIENTS: &str = "demo:demo-key,demo-2:demo-key-2";

/// The settings of a stack, and which of them each part receives.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What the caller adds: the search path, proxies, settings of single parts.
    surroundings: Environment,
    own: Environment,
    inside: Option<InternalTls>,
}

impl Settings {
    /// Settings in `options.environment` override the stack's own values; only the addresses are always the chosen
    /// ones.
    pub(crate) fn new(options: &Options, addresses: Addresses, run_dir: &RunDir) -> Result<Self> {
        let mut own = secrets::keep(run_dir)?;
        let tls = Certificate::keep(run_dir)?;
        let inside = InternalTls::keep(&options.environment, run_dir)?;
        let path = |path: &std::path::Path| path.display().to_string();
        own.extend(
            [
                ("GATEWAY_CLIENTS", CLIENTS.to_owned()),
                ("EDGE_FILTER_WASM", path(&options.programs.filter)),
                ("GATEWAY_DOCS", path(&options.programs.docs)),
                ("TLS_CERTIFICATE", path(&tls.certificate)),
                ("TLS_PRIVATE_KEY", path(&tls.private_key)),
                ("ENVOY_ACCESS_LOG", path(&run_dir.log("access"))),
                ("DB_URI", sqlite_uri(&run_dir.path().join("gateway.db"))),
                // No other part delivers webhooks to it.
                ("MIGRATE_ON_START", "on".to_owned()),
                ("AUDIT_ANCHOR_FILE", path(&run_dir.path().join("audit-anchors"))),
                ("LOG_LEVEL", "info".to_owned()),
                ("GRAPHQL_INTROSPECTION", "on".to_owned()),
                ("STRIPE_API_BASE", api_base(&options.providers.stripe, addresses.sandbox)),
                ("PAYPAL_API_BASE", api_base(&options.providers.paypal, addresses.sandbox)),
                (SANDBOX_GATEWAY, format!("http://{}", addresses.gateway)),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        own.extend(webhooks(options, addresses, run_dir));
        let settings = inside.iter().flat_map(InternalTls::settings);
        own.extend(settings.map(|(name, value)| (name.to_owned(), value)));
        for (name, value) in &mut own {
            if let Some(given) = options.environment.get(name) {
                value.clone_from(given);
            }
        }
        // They may contain a password, so they go only to the parts that need them.
        for uri in [REDIS_URI, AMQP_URI] {
            own.extend(options.environment.get_key_value(uri).map(|(name, uri)| (name.clone(), uri.clone())));
        }
        own.extend(addresses.named().map(|(name, address)| (name.to_owned(), address.to_string())));
        Ok(Self { surroundings: options.environment.clone(), own, inside })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.own.get(name).map(String::as_str)
    }

    /// The URL of a part's own port.
    pub(crate) fn url(&self, address: SocketAddr) -> String {
        let scheme = if self.inside.is_some() { "https" } else { "http" };
        format!("{scheme}://{address}")
    }

    /// Prepares a client for the parts' own ports.
    pub(crate) fn client(&self, client: ClientBuilder) -> Result<ClientBuilder> {
        match &self.inside {
            Some(inside) => inside.client(client),
            None => Ok(client),
        }
    }

    /// For `.run/env`.
    pub(crate) fn lines(&self) -> String {
        secrets::lines(&self.own)
    }

    pub(crate) fn of_control_plane(&self) -> Environment {
        let mut environment = self.surroundings.clone();
        environment.extend(self.own.clone());
        if self.has_redis() {
            environment.insert(EDGE_CACHE.to_owned(), "off".to_owned());
        }
        environment
    }

    /// It serves no requests, so it gets neither the edge's keys nor the edge cache.
    pub(crate) fn of_worker(&self) -> Environment {
        let mut environment = self.of_control_plane();
        environment
            .retain(|name, _| !["EDGE_ATTESTATION_KEYS", REDIS_URI, EDGE_CACHE].contains(&name.as_str()));
        environment
    }

    /// The settings for Envoy's bootstrap.
    pub(crate) fn of_bootstrap(&self) -> Environment {
        let mut environment = self.surroundings.clone();
        environment.extend(self.own.clone());
        environment
    }

    /// With a Redis from the caller, the edge cache is a separate process.
    pub(crate) fn has_redis(&self) -> bool {
        self.own.contains_key(REDIS_URI)
    }

    /// With a RabbitMQ and a database that can be shared, both from the caller, the worker is a separate process.
    pub(crate) fn has_worker(&self) -> bool {
        self.own.contains_key(AMQP_URI)
            && self.own.get("DB_URI").is_some_and(|uri| uri.starts_with("postgres"))
    }

    pub(crate) fn of_edge_cache(&self) -> Environment {
        let tls = self.inside.iter().flat_map(InternalTls::settings).map(|(name, _)| name);
        let names: Vec<_> =
            ["EDGE_ATTESTATION_KEYS", EDGE_CACHE, REDIS_URI, "LOG_LEVEL"].into_iter().chain(tls).collect();
        with_keys_of(Holder::EdgeCache, self.only(&names))
    }

    /// Envoy and the sandbox get neither providers' nor the database's credentials.
    pub(crate) fn of_envoy(&self) -> Environment {
        with_keys_of(Holder::Edge, self.only(&["EDGE_ATTESTATION_KEYS", "STRIPE_WEBHOOK_SECRETS"]))
    }

    /// The sandbox signs only for the providers that it replaces.
    pub(crate) fn of_sandbox(&self) -> Environment {
        let mut names = vec!["SANDBOX_LISTEN", SANDBOX_GATEWAY, "LOG_LEVEL"];
        if self.own.contains_key(STRIPE_WEBHOOK_URL) {
            names.extend([STRIPE_WEBHOOK_URL, "STRIPE_WEBHOOK_SECRETS"]);
        }
        if self.own.contains_key(PAYPAL_WEBHOOK_URL) {
            names.extend([PAYPAL_WEBHOOK_URL, "PAYPAL_WEBHOOK_ID", PAYPAL_CA_DIR, PAYPAL_REVIEW_SECONDS]);
        }
        self.only(&names)
    }

    fn only(&self, names: &[&str]) -> Environment {
        let mut environment = self.surroundings.clone();
        environment.retain(|name, _| !self.own.contains_key(name));
        let own = self.own.iter().filter(|(name, _)| names.contains(&name.as_str()));
        environment.extend(own.map(|(name, value)| (name.clone(), value.clone())));
        environment
    }
}

/// The gateway of the sandbox's own pages.
const SANDBOX_GATEWAY: &str = "SANDBOX_GATEWAY_URL";
const STRIPE_WEBHOOK_URL: &str = "SANDBOX_STRIPE_WEBHOOK_URL";
const PAYPAL_WEBHOOK_URL: &str = "SANDBOX_PAYPAL_WEBHOOK_URL";
/// Read when Envoy's bootstrap is created, after the sandbox has written it.
const PAYPAL_TRUST: &str = "PAYPAL_WEBHOOK_TRUST";
const PAYPAL_CA_DIR: &str = "SANDBOX_PAYPAL_CA_DIR";
const PAYPAL_REVIEW_SECONDS: &str = "SANDBOX_PAYPAL_REVIEW_SECONDS";

/// Where the sandbox delivers webhooks for the providers that it replaces, and the folder with the root of PayPal's
/// certificates (`root.pem`).
fn webhooks(options: &Options, addresses: Addresses, run_dir: &RunDir) -> Environment {
    let to = |provider: &str| format!("http://{}/webhooks/{provider}", addresses.gateway);
    let mut settings = Vec::new();
    if options.providers.stripe == Destination::Sandbox {
        settings.push((STRIPE_WEBHOOK_URL, to("stripe")));
    }
    if options.providers.paypal == Destination::Sandbox {
        settings.push((PAYPAL_WEBHOOK_URL, to("paypal")));
        let authority = run_dir.path().join("paypal-ca");
        settings.push((PAYPAL_TRUST, authority.join("root.pem").display().to_string()));
        settings.push((PAYPAL_CA_DIR, authority.display().to_string()));
        // Long enough to see the payment pending.
        settings.push((PAYPAL_REVIEW_SECONDS, "10".to_owned()));
    }
    settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn api_base(destination: &Destination, sandbox: SocketAddr) -> String {
    match destination {
        Destination::Sandbox => format!("http://{sandbox}"),
        Destination::Given(base) => base.clone(),
    }
}

/// Escapes characters that would end the path in a URL or encode another character.
fn sqlite_uri(path: &Path) -> String {
    let path = path.display().to_string().replace('%', "%25").replace('?', "%3F").replace('#', "%23");
    format!("sqlite://{path}")
}

/// With what this part needs of the attestation keys, as `control-plane edge-keys` prints it. Keys that cannot be read
/// stay, and the part says what is wrong with them.
fn with_keys_of(holder: Holder, mut environment: Environment) -> Environment {
    if let Some(list) = environment.get_mut("EDGE_ATTESTATION_KEYS")
        && let Some(own) = Keys::parse(list).ok().and_then(|keys| keys.of(holder))
    {
        *list = own;
    }
    environment
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Destinations, Programs};

    fn settings(given: &[(&str, &str)]) -> (tempfile::TempDir, Settings) {
        let folder = tempfile::tempdir().unwrap();
        let environment: Environment =
            given.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let options = Options {
            run_dir: folder.path().to_owned(),
            addresses: Addresses::FREE,
            programs: Programs {
                control_plane: "control-plane".into(),
                sandbox: "sandbox".into(),
                envoy: "envoy".into(),
                filter: "filter.wasm".into(),
                docs: "docs".into(),
            },
            providers: Destinations::from_environment(&environment).unwrap(),
            environment,
            envoy_workers: 1,
            extra_routes: Vec::new(),
            extra_clusters: Vec::new(),
            start_within: std::time::Duration::from_secs(1),
        };
        let run_dir = RunDir::open(folder.path()).unwrap();
        let settings = Settings::new(&options, Addresses::WELL_KNOWN, &run_dir).unwrap();
        (folder, settings)
    }

    #[test]
    fn the_control_plane_calls_the_sandbox_of_its_own_stack() {
        let (_folder, settings) = settings(&[]);
        assert_eq!(settings.get("STRIPE_API_BASE"), Some("http://127.0.0.1:8090"));
        assert_eq!(settings.get("PAYPAL_API_BASE"), Some("http://127.0.0.1:8090"));
        assert_eq!(settings.get("CONTROL_PLANE_LISTEN"), Some("127.0.0.1:8081"));
    }

    #[test]
    fn with_a_key_of_the_callers_own_the_real_stripe_is_called() {
        let (_folder, settings) = settings(&[("STRIPE_SECRET_KEY", "sk_test_mine")]);
        assert_eq!(settings.get("STRIPE_API_BASE"), Some("https://api.stripe.com"));
        assert_eq!(settings.of_control_plane()["STRIPE_SECRET_KEY"], "sk_test_mine");
        assert_eq!(settings.get("PAYPAL_API_BASE"), Some("http://127.0.0.1:8090"));
    }

    #[test]
    fn the_sandbox_delivers_to_the_gateway_for_the_providers_that_it_plays() {
        let given = [("STRIPE_SECRET_KEY", "sk_test_mine"), ("STRIPE_WEBHOOK_SECRETS", "whsec_mine")];
        let (_folder, mixed) = settings(&given);
        let sandbox = mixed.of_sandbox();
        assert_eq!(sandbox["SANDBOX_PAYPAL_WEBHOOK_URL"], "http://127.0.0.1:8080/webhooks/paypal");
        assert_eq!(sandbox["PAYPAL_WEBHOOK_ID"], mixed.of_control_plane()["PAYPAL_WEBHOOK_ID"]);
        assert!(!sandbox.contains_key("SANDBOX_STRIPE_WEBHOOK_URL"));
        assert!(!sandbox.contains_key("STRIPE_WEBHOOK_SECRETS"));
        let (_folder, all) = settings(&[]);
        let sandbox = all.of_sandbox();
        assert_eq!(sandbox["SANDBOX_STRIPE_WEBHOOK_URL"], "http://127.0.0.1:8080/webhooks/stripe");
        assert!(sandbox["STRIPE_WEBHOOK_SECRETS"].starts_with("whsec_"));
    }

    #[test]
    fn a_worker_knows_nothing_of_the_edge() {
        let (_folder, settings) = settings(&[("REDIS_URI", "redis://mine"), ("AMQP_URI", "amqp://mine")]);
        let worker = settings.of_worker();
        assert!(!worker.contains_key("EDGE_ATTESTATION_KEYS") && !worker.contains_key("REDIS_URI"));
        for name in ["STRIPE_SECRET_KEY", "ENCRYPTION_KEYS", "AMQP_URI"] {
            assert!(worker.contains_key(name), "{name}");
        }
    }

    #[test]
    fn envoy_and_the_edge_cache_get_no_attestation_key_but_their_own() {
        let (_folder, settings) = settings(&[("REDIS_URI", "redis://mine")]);
        let all = settings.of_control_plane()["EDGE_ATTESTATION_KEYS"].clone();
        let (_, secret) = all.split_once(':').unwrap();
        for (environment, name) in [(settings.of_envoy(), "edge"), (settings.of_edge_cache(), "edge-cache")] {
            let keys = &environment["EDGE_ATTESTATION_KEYS"];
            assert!(keys.starts_with(&format!("k1:{name}:")) && !keys.contains(secret), "{name}");
        }
    }

    #[test]
    fn credentials_are_seen_by_the_control_plane_alone() {
        let given = [
            ("PATH", "/bin"),
            ("STRIPE_SECRET_KEY", "sk_test_mine"),
            ("DB_URI", "sqlite://mine"),
            ("REDIS_URI", "redis://mine"),
        ];
        let (_folder, settings) = settings(&given);
        for environment in [settings.of_envoy(), settings.of_sandbox()] {
            assert_eq!(environment["PATH"], "/bin");
            for secret in [
                "STRIPE_SECRET_KEY",
                "PAYPAL_CLIENT_SECRET",
                "ENCRYPTION_KEYS",
                "DB_URI",
                "REDIS_URI",
                "AUDIT_SIGNING_KEY",
            ] {
                assert!(!environment.contains_key(secret), "{secret}");
            }
        }
        assert_eq!(settings.of_control_plane()["DB_URI"], "sqlite://mine");
    }

    #[test]
    fn with_redis_the_edge_cache_is_a_process_of_its_own_and_else_in_the_control_plane() {
        let (_folder, alone) = settings(&[]);
        assert_eq!(alone.of_control_plane()["EDGE_CACHE_LISTEN"], "127.0.0.1:8082");
        let (_folder, shared) = settings(&[("REDIS_URI", "redis://mine")]);
        assert_eq!(shared.of_control_plane()["EDGE_CACHE_LISTEN"], "off");
        assert_eq!(shared.of_bootstrap()["EDGE_CACHE_LISTEN"], "127.0.0.1:8082");
        let edge_cache = shared.of_edge_cache();
        assert_eq!(edge_cache["REDIS_URI"], "redis://mine");
        assert!(!edge_cache.contains_key("STRIPE_SECRET_KEY") && !edge_cache.contains_key("ENCRYPTION_KEYS"));
    }
}
