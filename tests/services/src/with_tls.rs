//! Servers that speak TLS.

use std::path::{Path, PathBuf};

/// What a server needs for TLS, in PEM.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// Names `localhost` and `127.0.0.1`.
    pub certificate: String,
    pub private_key: String,
    /// Who issues the clients' certificates.
    pub authority: String,
}

/// The names of the files in a server's folder.
pub(crate) const CERTIFICATE: &str = "server.pem";
pub(crate) const PRIVATE_KEY: &str = "server-key.pem";
pub(crate) const AUTHORITY: &str = "authority.pem";

impl ServerTls {
    /// Writes the files, and returns their paths.
    pub(crate) fn write(&self, folder: &Path) -> [PathBuf; 3] {
        let contents = [
            (CERTIFICATE, &self.certificate),
            (PRIVATE_KEY, &self.private_key),
            (AUTHORITY, &self.authority),
        ];
        contents.map(|(name, text)| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            // PostgreSQL takes no key that others can read.
            std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
            path
        })
    }
}
