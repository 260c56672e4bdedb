//! The URL of a certificate, which the sender of a webhook chooses.

use std::fmt;

use super::Environment;

const URL_BYTES_MAX: usize = 256;
/// The prefix of a certificate's name, before its three groups.
const PATH: &str = "/v1/notifications/certs/CERT-";

/// A URL that leads to one of PayPal's certificates and to nothing else, e.g.
/// `https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406`.
///
/// It is compared, not parsed: anything that is not written exactly like this is rejected, so two parsers cannot
/// disagree about where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateUrl {
    encrypted: bool,
    authority: String,
    path: String,
}

/// Why a URL was rejected.
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
    #[error(
        "its path is not `/v1/notifications/certs/CERT-` and three groups of eight hexadecimal digits in lower case"
    )]
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
        // The form of every certificate name known since 2015; other names of a sender are never requested.
        let groups = path.strip_prefix(PATH).ok_or(CertificateUrlError::Path)?;
        let is_group = |group: &str| {
            group.len() == 8 && group.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        if groups.split('-').count() != 3 || !groups.split('-').all(is_group) {
            return Err(CertificateUrlError::Path);
        }
        Ok(Self { encrypted, authority: authority.to_owned(), path: path.to_owned() })
    }

    /// Whether to use TLS; only a stand-in on this machine goes without.
    #[must_use]
    pub const fn encrypted(&self) -> bool {
        self.encrypted
    }

    /// The host, and for a stand-in the port: the server to request, and the name to expect.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn only_the_certificates_of_the_own_environment_are_fetched() {
        let parse = |url: &str| CertificateUrl::parse(url, &Environment::live());
        for host in ["api.paypal.com", "api-m.paypal.com"] {
            let text = format!("https://{host}/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406");
            let url = parse(&text).unwrap();
            assert_eq!(url.to_string(), text);
            assert_eq!((url.encrypted(), url.authority()), (true, host));
            assert_eq!(url.path(), "/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406");
        }
        let other = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406";
        assert_eq!(parse(other), Err(CertificateUrlError::Host));
    }

    #[test]
    fn urls_that_lead_to_another_host_are_refused() {
        use CertificateUrlError::{Host, Port, Scheme, TooLong, User};
        let long = format!("https://api.paypal.com/v1/notifications/certs/{}", "0".repeat(256));
        for (url, error) in [
            ("", Scheme),
            ("api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Scheme),
            ("http://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Scheme),
            ("HTTPS://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Scheme),
            (" https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Scheme),
            ("https:\\\\api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Scheme),
            ("https://evilpaypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://api.paypal.com.evil.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://evil.com/api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://API.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://api.paypal.com./v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://api.p\u{430}ypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://api.xn--pypal-4ve.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            (
                "https://api.paypal.com\\@evil.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
                User,
            ),
            (
                "https://api.paypal.com\\.evil.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
                Host,
            ),
            ("https://api.paypal.com?x/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://api.paypal.com#/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://%61pi.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https:///v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://www.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Host),
            ("https://api.paypal.com@evil.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", User),
            (
                "https://user:secret@api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
                User,
            ),
            ("https://api.paypal.com:443/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Port),
            ("https://api.paypal.com:/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Port),
            ("https://[::1]/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406", Port),
            (long.as_str(), TooLong),
        ] {
            assert_eq!(CertificateUrl::parse(url, &Environment::live()), Err(error), "{url}");
        }
    }

    #[test]
    fn urls_that_lead_to_another_path_are_refused() {
        for url in [
            "https://api.paypal.com",
            "https://api.paypal.com/",
            "https://api.paypal.com/v1/notifications/certs",
            "https://api.paypal.com/v1/notifications/certs/",
            "https://api.paypal.com//v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
            "https://api.paypal.com/V1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406/",
            "https://api.paypal.com/v1/notifications/certs/../C",
            "https://api.paypal.com/v1/notifications/certs/..",
            "https://api.paypal.com/v1/notifications/certs/.",
            "https://api.paypal.com/v1/notifications/certs/%2e%2e",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406%2F..",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406?x=1",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406#x",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406;x",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406\\D",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406\n",
            "https://api.paypal.com/v1/notifications/webhooks/CERT-360caa42-fca2a594-b0d12406",
            "https://api.paypal.com/v1/notifications/certs/C",
            "https://api.paypal.com/v1/notifications/certs/CERT-1",
            "https://api.paypal.com/v1/notifications/certs/360caa42-fca2a594-b0d12406",
            "https://api.paypal.com/v1/notifications/certs/cert-360caa42-fca2a594-b0d12406",
            "https://api.paypal.com/v1/notifications/certs/CERT-360CAA42-FCA2A594-B0D12406",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d1240",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d124060",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d1240g",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406-",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42_fca2a594_b0d12406",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406-b0d12406",
        ] {
            let parsed = CertificateUrl::parse(url, &Environment::live());
            assert_eq!(parsed, Err(CertificateUrlError::Path), "{url}");
        }
    }

    #[test]
    fn a_stand_in_has_its_own_origin_and_no_other() {
        let environment = Environment::stand_in(["http://127.0.0.1:8090"], "certs.test").unwrap();
        let parse = |url: &str| CertificateUrl::parse(url, &environment);
        let url =
            parse("http://127.0.0.1:8090/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406").unwrap();
        assert_eq!((url.encrypted(), url.authority()), (false, "127.0.0.1:8090"));
        for other in [
            "https://127.0.0.1:8090/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
            "http://127.0.0.1:8091/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
            "http://127.0.0.1/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
            "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-b0d12406",
        ] {
            assert!(parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn without_tls_a_stand_in_is_on_this_machine() {
        for good in
            ["http://127.0.0.1:1", "http://127.1.2.3", "http://localhost:80", "https://paypal.test:8443"]
        {
            assert!(Environment::stand_in([good], "certs.test").is_ok(), "{good}");
        }
        for wrong in [
            "http://10.0.0.1:80",
            "http://paypal.test",
            "ftp://127.0.0.1",
            "127.0.0.1:80",
            "http://127.0.0.1:0",
            "http://127.0.0.1:080",
            "http://127.0.0.1:65536",
            "https://PayPal.test",
            "https://a@b.test",
            "https://b.test/",
            "https://",
            "http://127.0.0.1.evil.test",
        ] {
            assert!(Environment::stand_in([wrong], "certs.test").is_err(), "{wrong}");
        }
        assert!(Environment::stand_in([], "certs.test").is_err());
        assert!(Environment::stand_in(["https://paypal.test"], "Certs.test").is_err());
    }
}
