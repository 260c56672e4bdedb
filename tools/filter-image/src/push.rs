//! The registry.

use std::env;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context as _;
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciImageManifest};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};

use crate::form::Parts;

/// A registry that says nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(60);

/// Pushes it, and gives its name with its digest.
pub(crate) async fn push(name: &Reference, parts: Parts) -> anyhow::Result<String> {
    let registry = name.resolve_registry();
    let protocol = if is_this_machine(registry) { ClientProtocol::Http } else { ClientProtocol::Https };
    let config = ClientConfig {
        protocol,
        read_timeout: Some(SILENCE),
        connect_timeout: Some(SILENCE),
        ..ClientConfig::default()
    };
    let client = Client::try_from(config).context("no connection can be made")?;
    let auth = credentials();
    let layers = [parts.layer];
    let mut manifest = OciImageManifest::build(&layers, &parts.config, None);
    manifest.media_type = Some(OCI_IMAGE_MEDIA_TYPE.to_owned());
    let pushed = client.push(name, &layers, parts.config, &auth, Some(manifest)).await;
    pushed.with_context(|| format!("{name} could not be pushed"))?;
    let digest = client.fetch_manifest_digest(name, &auth).await;
    let digest = digest.with_context(|| format!("{name} was pushed, and cannot be read back"))?;
    Ok(format!("{registry}/{}@{digest}", name.repository()))
}

fn credentials() -> RegistryAuth {
    let [user, password] = ["REGISTRY_USERNAME", "REGISTRY_PASSWORD"]
        .map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    user.zip(password).map_or(RegistryAuth::Anonymous, |(user, password)| RegistryAuth::Basic(user, password))
}

/// Whether a registry, `host` or `host:port`, is on this machine.
fn is_this_machine(registry: &str) -> bool {
    let host = registry.rsplit_once(':').map_or(registry, |(host, _)| host);
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_this_machine;

    #[test]
    fn only_this_machine_is_asked_without_tls() {
        for own in ["localhost", "localhost:5000", "127.0.0.1:5000", "[::1]:5000"] {
            assert!(is_this_machine(own), "{own}");
        }
        for other in ["registry.example", "localhost.example:5000", "10.0.0.1:5000", "127.0.0.1.example"] {
            assert!(!is_this_machine(other), "{other}");
        }
    }
}
