//! The URL of a certificate, which whoever sends a webhook writes.

use std::fmt;

use super::Environment;

const URL_BYTES_MAX: usize = 256;
const PATH: &str = "/v1/notifications/certs/";

/// A URL that leads to one of PayPal's certificates and to nothing else, e.g.
/// `https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406`.
///
/// It is compared, not parsed: whatever is not written exactly like this is refused, so two readers cannot differ
/// about where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateUrl {
    encrypted: bool,
    authority: String,
    path: String,
}

/// Why a URL was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateUrlError {
    #[error("it is longer than 256 characters")]
    TooLong,
    #[error("it does not begin with `https://`")]
    Scheme,
    #[error("it names a user")]
    User,
    #[error("it names a port")]
    Port,
    #[error("its host is none of PayPal's in this environment")]
    Host,
    #[error("its path is not `/v1/notifications/certs/` and one name of letters, digits, `-` and `_`")]
    Path,
}

impl CertificateUrl {
    /// # Errors
    /// Says which part is not PayPal's.
    pub fn parse(url: &str, environment: &Environment) -> Result<Self, CertificateUrlError> {
        if url.len() > URL_BYTES_MAX {
            return Err(CertificateUrlError::TooLong);
        }
        let (encrypted, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) if environment.has_unencrypted() => (false, rest),
            _ => return Err(CertificateUrlError::Scheme),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if environment.origin(encrypted, authority).is_none() {
            return Err(match authority {
                user if user.contains('@') => CertificateUrlError::User,
                port if port.contains(':') => CertificateUrlError::Port,
                _ => CertificateUrlError::Host,
            });
        }
        let name = path.strip_prefix(PATH).ok_or(CertificateUrlError::Path)?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if name.is_empty() || !name.bytes().all(plain) {
            return Err(CertificateUrlError::Path);
        }
        Ok(Self { encrypted, authority: authority.to_owned(), path: path.to_owned() })
    }

    /// Whether to use TLS; only a stand-in on this machine goes without.
    #[must_use]
    pub const fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// Host, and for a stand-in a port: what to ask and whom to expect there.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for CertificateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.encrypted { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}
