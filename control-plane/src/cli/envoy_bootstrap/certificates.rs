//! Where Envoy finds certificates, keys and authorities.
//!
//! Named in the bootstrap itself, they are read when Envoy starts. Named in a file of Envoy's secret discovery service
//! (SDS), they are read again whenever a file is moved into their folder, as cert-manager, Kubernetes and `mv` do.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

const SECRET: &str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

/// Collects the files of the secret discovery service while the bootstrap is rendered.
pub(super) struct Certificates {
    /// The bootstrap's own file, beside which they are. `None`: it goes to standard output, and there is no such file.
    bootstrap: Option<PathBuf>,
    /// Path and contents of each.
    pub(super) files: Vec<(PathBuf, String)>,
}

/// What an upstream's certificate must be.
pub(super) struct Server<'a> {
    /// A name for the authorities, unique among the secrets.
    pub(super) name: &'a str,
    /// The host that the certificate must name.
    pub(super) host: &'a str,
    /// PEM file.
    pub(super) authorities: &'a str,
}

impl Certificates {
    pub(super) const fn beside(bootstrap: Option<PathBuf>) -> Self {
        Self { bootstrap, files: Vec::new() }
    }

    /// The part of a `common_tls_context` with a certificate and its key.
    pub(super) fn identity(
        &mut self,
        name: &str,
        (certificate, private_key): (&str, &str),
    ) -> Map<String, Value> {
        let pair = json!({
            "certificate_chain": { "filename": certificate },
            "private_key": { "filename": private_key },
        });
        match self.secret(name, "tls_certificate", pair.clone(), certificate) {
            None => Map::from_iter([("tls_certificates".to_owned(), json!([pair]))]),
            Some(secret) => {
                Map::from_iter([("tls_certificate_sds_secret_configs".to_owned(), json!([secret]))])
            }
        }
    }

    /// The part of a `common_tls_context` that checks a server's certificate.
    pub(super) fn server(&mut self, server: &Server<'_>) -> Map<String, Value> {
        let Server { name, host, authorities } = *server;
        let kind = if is_address(host) { "IP_ADDRESS" } else { "DNS" };
        let names = json!([{ "san_type": kind, "matcher": { "exact": host } }]);
        let trusted = json!({ "trusted_ca": { "filename": authorities } });
        let Some(secret) = self.secret(name, "validation_context", trusted, authorities) else {
            let context = json!({
                "trusted_ca": { "filename": authorities },
                "match_typed_subject_alt_names": names,
            });
            return Map::from_iter([("validation_context".to_owned(), context)]);
        };
        let combined = json!({
            "default_validation_context": { "match_typed_subject_alt_names": names },
            "validation_context_sds_secret_config": secret,
        });
        Map::from_iter([("combined_validation_context".to_owned(), combined)])
    }

    /// Puts a secret, which Envoy reads again when the folder of `watched` changes, into a file of its own.
    fn secret(&mut self, name: &str, kind: &str, mut value: Value, watched: &str) -> Option<Value> {
        let path = self.file_of(name)?;
        if let (Some(value), Some(folder)) = (value.as_object_mut(), Path::new(watched).parent()) {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            value.insert("watched_directory".to_owned(), json!({ "path": folder.display().to_string() }));
        }
        let file = json!({ "resources": [{ "@type": SECRET, "name": name, kind: value }] });
        if !self.files.iter().any(|(other, _)| *other == path) {
            self.files.push((path.clone(), format!("{file:#}\n")));
        }
        Some(json!({
            "name": name,
            "sds_config": {
                "resource_api_version": "V3",
                "path_config_source": { "path": path.display().to_string() },
            },
        }))
    }

    /// `/bootstrap/envoy.yaml` has its secrets in `/bootstrap/envoy.NAME.json`.
    fn file_of(&self, name: &str) -> Option<PathBuf> {
        Some(self.bootstrap.as_ref()?.with_extension(format!("{name}.json")))
    }
}

/// An IP address is no server name (RFC 6066, section 3), so it is only matched against the certificate.
pub(super) fn is_address(host: &str) -> bool {
    host.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_with_a_file_is_followed_and_another_is_named_in_the_bootstrap() {
        let mut stated = Certificates::beside(None);
        let identity = stated.identity("listener", ("/tls/cert.pem", "/tls/key.pem"));
        assert_eq!(identity["tls_certificates"][0]["private_key"]["filename"], "/tls/key.pem");
        assert!(stated.files.is_empty());

        let mut watched = Certificates::beside(Some("/bootstrap/envoy.yaml".into()));
        let identity = watched.identity("listener", ("/tls/cert.pem", "/tls/key.pem"));
        let source = &identity["tls_certificate_sds_secret_configs"][0]["sds_config"]["path_config_source"];
        assert_eq!(source["path"], "/bootstrap/envoy.listener.json");
        let [(path, text)] = watched.files.as_slice() else { panic!("{:?}", watched.files) };
        assert_eq!(path, Path::new("/bootstrap/envoy.listener.json"));
        let file: Value = serde_json::from_str(text).unwrap();
        assert_eq!(file["resources"][0]["tls_certificate"]["watched_directory"]["path"], "/tls");
    }

    #[test]
    fn a_server_must_have_its_hosts_name_however_its_authorities_are_found() {
        for (bootstrap, context) in [
            (None, "/validation_context"),
            (Some("envoy.yaml".into()), "/combined_validation_context/default_validation_context"),
        ] {
            for (host, kind) in [("control-plane", "DNS"), ("10.0.0.1", "IP_ADDRESS")] {
                let server = Server { name: "control_plane", host, authorities: "ca.pem" };
                let part = Value::from(Certificates::beside(bootstrap.clone()).server(&server));
                let names = part.pointer(&format!("{context}/match_typed_subject_alt_names/0")).unwrap();
                assert_eq!((&names["san_type"], &names["matcher"]["exact"]), (&json!(kind), &json!(host)));
            }
        }
    }
}
