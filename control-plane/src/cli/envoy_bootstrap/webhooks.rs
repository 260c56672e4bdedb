//! The edge's configuration for verifying webhooks, from the settings.

use edge_core::webhook::paypal::{Environment, WebhookId};
use edge_core::webhook::x509::Trust;
use serde_json::{Map, Value, json};

use super::certificates::{Certificates, Server};
use super::transports::{Endpoint, plain_transport, tls_transport};
use super::values::number;
use crate::config::{ConfigError, PAYPAL_API, Source, api_base};

/// The authorities that PayPal's webhook certificates have chained to so far, and those expected in the future.
const TRUST: &str = include_str!("../../../../envoy/trust/paypal.pem");

/// The name in the provider sandbox's certificates, the same as in those of PayPal's own sandbox.
const STAND_IN_CERTIFICATE_NAME: &str = "messageverificationcerts.sandbox.paypal.com";

const WEBHOOK_ID: &str = "PAYPAL_WEBHOOK_ID";
const API_BASE: &str = "PAYPAL_API_BASE";
const TRUST_FILE: &str = "PAYPAL_WEBHOOK_TRUST";
const CERTIFICATE_NAME: &str = "PAYPAL_CERTIFICATE_NAME";
const SYSTEM_CA: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The clusters for fetching certificates, one per host that may serve them.
pub(super) const CLUSTERS: [&str; 2] = ["paypal_certificates_1", "paypal_certificates_2"];

/// The filter's `webhooks` settings, and the address and transport of each of [`CLUSTERS`].
pub(super) struct Webhooks {
    pub(super) settings: Value,
    pub(super) clusters: [(Value, Value); 2],
}

pub(super) fn read(source: &Source) -> Result<Webhooks, ConfigError> {
    let tolerance = number(source, "WEBHOOK_TOLERANCE_SECONDS", 1, 3_600, 300)?;
    let refresh = number(source, "PAYPAL_CERTIFICATE_REFRESH_SECONDS", 1, 86_400, 43_200)?;
    let Some(id) = source.get(WEBHOOK_ID) else {
        return Ok(Webhooks {
            settings: json!({ "toleranceSeconds": tolerance }),
            clusters: [(); 2].map(|()| (Endpoint::nowhere().to_envoy(), plain_transport())),
        });
    };
    WebhookId::parse(id).ok_or_else(|| {
        source.invalid(
            WEBHOOK_ID,
            "must be the id that PayPal gave the webhook: 1 to 64 letters, digits, `-` and `_`",
        )
    })?;
    let place = CertificateOrigins::of(source)?;
    let mut names = Map::new();
    for (origin, cluster) in place.origins.iter().zip(CLUSTERS) {
        names.insert(origin.authority.clone(), cluster.into());
    }
    let paypal = json!({
        "environment": place.environment,
        "webhookId": id,
        "trust": trust(source)?,
        "clusters": names,
        "refreshSeconds": refresh,
    });
    let settings = json!({ "toleranceSeconds": tolerance, "paypal": paypal });
    let authority = source.get("PAYPAL_TLS_CA").unwrap_or(SYSTEM_CA);
    let cluster = |origin: &Origin| {
        let transport = match origin.encrypted {
            true => paypal_transport(&origin.endpoint.host, authority),
            false => plain_transport(),
        };
        (origin.endpoint.to_envoy(), transport)
    };
    let (first, last) = (place.origins.first(), place.origins.last());
    match (first, last) {
        (Some(first), Some(last)) => Ok(Webhooks { settings, clusters: [cluster(first), cluster(last)] }),
        _ => Err(source.invalid(API_BASE, "names no host")),
    }
}

/// PayPal may not have TLS 1.3 everywhere. The machine's authorities change with its packages, so they are not
/// followed.
fn paypal_transport(host: &str, authorities: &str) -> Value {
    let server = Server { name: "paypal", host, authorities };
    tls_transport(host, Certificates::beside(None).server(&server), &["http/1.1"], "TLSv1_2")
}

fn trust(source: &Source) -> Result<String, ConfigError> {
    let Some(path) = source.get(TRUST_FILE) else { return Ok(TRUST.to_owned()) };
    let pem = std::fs::read_to_string(path)
        .map_err(|error| source.invalid(TRUST_FILE, format!("{path}: {error}")))?;
    Trust::from_pem(pem.as_bytes()).map_err(|problem| source.invalid(TRUST_FILE, problem.to_string()))?;
    Ok(pem)
}

/// The origins of PayPal's certificates.
struct CertificateOrigins {
    environment: Value,
    origins: Vec<Origin>,
}

struct Origin {
    authority: String,
    encrypted: bool,
    endpoint: Endpoint,
}

impl CertificateOrigins {
    /// Derives the environment from the API that the control plane calls.
    fn of(source: &Source) -> Result<Self, ConfigError> {
        let url = api_base(source, API_BASE, PAYPAL_API)?;
        let paypal = |environment: &str, hosts: [&str; 2]| Self {
            environment: environment.into(),
            origins: hosts.map(|host| Origin::new(host, true, 443, host.to_owned())).into(),
        };
        match url.host_str().unwrap_or_default() {
            "api.paypal.com" | "api-m.paypal.com" => {
                Ok(paypal("live", ["api.paypal.com", "api-m.paypal.com"]))
            }
            "api.sandbox.paypal.com" | "api-m.sandbox.paypal.com" => {
                Ok(paypal("sandbox", ["api.sandbox.paypal.com", "api-m.sandbox.paypal.com"]))
            }
            host => {
                let name = source.get(CERTIFICATE_NAME).unwrap_or(STAND_IN_CERTIFICATE_NAME);
                let origin = url.origin().ascii_serialization();
                Environment::stand_in([origin.as_str()], name).map_err(|problem| {
                    source.invalid(API_BASE, format!("as the place of certificates: {problem}"))
                })?;
                let encrypted = url.scheme() == "https";
                let port = url.port_or_known_default().unwrap_or(443);
                let authority = origin.split_once("://").map_or("", |(_, authority)| authority).to_owned();
                Ok(Self {
                    environment: json!({ "standIn": { "origins": [origin], "certificateName": name } }),
                    origins: vec![Origin::new(host, encrypted, port, authority)],
                })
            }
        }
    }
}

impl Origin {
    fn new(host: &str, encrypted: bool, port: u16, authority: String) -> Self {
        Self { authority, encrypted, endpoint: Endpoint { host: host.to_owned(), port } }
    }
}
