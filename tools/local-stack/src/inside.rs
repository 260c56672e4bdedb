//! TLS between the parts of a stack, where the caller asks for it (`LOCAL_TLS=on`): control plane, edge cache and
//! worker then take no connection without a certificate.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use reqwest::{Certificate, ClientBuilder, Identity};

use crate::authority::Authority;
use crate::run_dir::write_private;
use crate::{Environment, RunDir};

/// The setting.
const SWITCH: &str = "LOCAL_TLS";

/// The name of Envoy's client certificate, and of the one for tools and tests.
const ENVOY: &str = "envoy.local";
const TOOLS: &str = "tools.local";

/// The files.
#[derive(Debug)]
pub(crate) struct InternalTls {
    folder: PathBuf,
}

impl InternalTls {
    /// Makes what is missing of the files. `None`: the parts speak plain HTTP.
    pub(crate) fn keep(environment: &Environment, run_dir: &RunDir) -> Result<Option<Self>> {
        match environment.get(SWITCH).map(String::as_str) {
            None | Some("off" | "") => return Ok(None),
            Some("on") => {}
            Some(other) => bail!("{SWITCH} is `{other}`; it must be `on` or `off`"),
        }
        let inside = Self { folder: run_dir.path().join("tls") };
        let (certificate, key) = (inside.file("authority.pem"), inside.file("authority-key.pem"));
        if !(certificate.is_file() && key.is_file()) {
            let authority = Authority::new()?;
            write_private(&key, &authority.private_key())?;
            write_private(&certificate, authority.pem())?;
            for (part, names) in [
                ("services", &["localhost", "127.0.0.1", "::1"][..]),
                ("envoy", &[ENVOY]),
                ("tools", &[TOOLS]),
            ] {
                let [certificate, key] = inside.identity(part);
                authority.issue(names)?.replace(&certificate, &key)?;
            }
        }
        Ok(Some(inside))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Certificate and key of a part.
    fn identity(&self, part: &str) -> [PathBuf; 2] {
        [self.file(&format!("{part}.pem")), self.file(&format!("{part}-key.pem"))]
    }

    /// The settings of the parts.
    pub(crate) fn settings(&self) -> [(&'static str, String); 8] {
        let text = |path: PathBuf| path.display().to_string();
        let [service, service_key] = self.identity("services").map(text);
        let [envoy, envoy_key] = self.identity("envoy").map(text);
        let authority = text(self.file("authority.pem"));
        [
            ("SERVICE_TLS_CERTIFICATE", service),
            ("SERVICE_TLS_PRIVATE_KEY", service_key),
            ("SERVICE_TLS_CLIENT_CA", authority.clone()),
            ("SERVICE_TLS_CLIENT_NAMES", format!("{ENVOY},{TOOLS}")),
            ("ENVOY_CLIENT_CERTIFICATE", envoy),
            ("ENVOY_CLIENT_PRIVATE_KEY", envoy_key),
            ("CONTROL_PLANE_CA", authority.clone()),
            ("EDGE_CACHE_CA", authority),
        ]
    }

    /// Prepares a client for the parts' own ports.
    pub(crate) fn client(&self, client: ClientBuilder) -> Result<ClientBuilder> {
        let read = |path: PathBuf| {
            std::fs::read(&path).with_context(|| format!("{} cannot be read", path.display()))
        };
        let [certificate, key] = self.identity("tools");
        let identity = Identity::from_pem(&[read(certificate)?, read(key)?].concat())?;
        let authority = Certificate::from_pem(&read(self.file("authority.pem"))?)?;
        Ok(client.tls_certs_only([authority]).identity(identity))
    }
}
