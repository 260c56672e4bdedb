//! PayPal's environment: live, its sandbox, or a stand-in on this machine.

/// The hosts that certificates may be fetched from, and the name that certificates must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    origins: Vec<Origin>,
    certificate_name: String,
}

/// The allowed prefix of a certificate URL's path, character for character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) encrypted: bool,
    /// Host, and for a stand-in a port.
    pub(super) authority: String,
}

/// Why a stand-in was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    #[error("there is no origin to fetch certificates from")]
    NoOrigin,
    #[error("`{0}` is not `https://host`, `https://host:port` or, on this machine, `http://127.0.0.1:port`")]
    Origin(String),
    #[error("`{0}` is not a host name in lower case")]
    CertificateName(String),
}

impl Environment {
    #[must_use]
    pub fn live() -> Self {
        Self::paypal(["api.paypal.com", "api-m.paypal.com"], "messageverificationcerts.paypal.com")
    }

    #[must_use]
    pub fn sandbox() -> Self {
        Self::paypal(
            ["api.sandbox.paypal.com", "api-m.sandbox.paypal.com"],
            "messageverificationcerts.sandbox.paypal.com",
        )
    }

    fn paypal(hosts: [&str; 2], certificate_name: &str) -> Self {
        let origin = |host: &str| Origin { encrypted: true, authority: host.to_owned() };
        Self { origins: hosts.map(origin).to_vec(), certificate_name: certificate_name.to_owned() }
    }

    /// A stand-in for PayPal at `origins`, e.g. `http://127.0.0.1:8090`, with certificates for
    /// `certificate_name`. Without TLS only on this machine.
    ///
    /// # Errors
    /// Names the invalid origin or name.
    pub fn stand_in<'a>(
        origins: impl IntoIterator<Item = &'a str>,
        certificate_name: &str,
    ) -> Result<Self, EnvironmentError> {
        let origins = origins
            .into_iter()
            .map(|text| Origin::parse(text).ok_or_else(|| EnvironmentError::Origin(text.to_owned())))
            .collect::<Result<Vec<_>, _>>()?;
        if origins.is_empty() {
            return Err(EnvironmentError::NoOrigin);
        }
        if !is_host(certificate_name) {
            return Err(EnvironmentError::CertificateName(certificate_name.to_owned()));
        }
        Ok(Self { origins, certificate_name: certificate_name.to_owned() })
    }

    /// The name that a certificate must have.
    #[must_use]
    pub fn certificate_name(&self) -> &str {
        &self.certificate_name
    }

    pub(super) fn origin(&self, encrypted: bool, authority: &str) -> Option<&Origin> {
        self.origins.iter().find(|origin| origin.encrypted == encrypted && origin.authority == authority)
    }

    pub(super) fn has_unencrypted(&self) -> bool {
        self.origins.iter().any(|origin| !origin.encrypted)
    }
}

impl Origin {
    fn parse(text: &str) -> Option<Self> {
        let (encrypted, authority) = match text.split_once("://")? {
            ("https", authority) => (true, authority),
            ("http", authority) => (false, authority),
            _ => return None,
        };
        let host = match authority.rsplit_once(':') {
            Some((host, port)) => {
                let canonical = port.bytes().all(|b| b.is_ascii_digit()) && !port.starts_with('0');
                port.parse::<u16>().ok().filter(|_| canonical).map(|_| host)?
            }
            None => authority,
        };
        let here = host == "localhost" || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
        (is_host(host) && (encrypted || here)).then(|| Self { encrypted, authority: authority.to_owned() })
    }
}

fn is_host(name: &str) -> bool {
    let in_host = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    (1..=253).contains(&name.len()) && name.bytes().all(in_host)
}
