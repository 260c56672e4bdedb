//! The way out to providers: whom TLS trusts, and an explicit proxy. The environment's `HTTPS_PROXY` and
//! `SSL_CERT_FILE` are not asked: where credentials go is a setting of the gateway.

use std::fmt;
use std::sync::Arc;

use reqwest::{ClientBuilder, Proxy, Url};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;

/// HTTP/2 if the provider has it (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// How HTTPS leaves this process. By default directly, trusting whom the machine trusts.
#[derive(Clone, Default)]
pub struct Outgoing {
    proxy: Option<Proxy>,
    /// `None`: those of the machine.
    authorities: Option<Arc<RootCertStore>>,
}

/// Why a proxy or authorities cannot be used. Never repeats a value, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOutgoing {
    #[error("must be http://[USER:PASSWORD@]HOST:PORT or https://…, with no path or query")]
    Proxy,
    #[error("has no certificate in PEM, or one that is no authority's")]
    Authorities,
}

impl Outgoing {
    /// Sends HTTPS through the proxy at this URL, by `CONNECT` (RFC 9110, section 9.3.6): the proxy sees names of hosts
    /// and nothing else. Plain HTTP, which only sandboxes use, goes directly.
    ///
    /// # Errors
    /// The URL is not a proxy's.
    pub fn through(self, url: &str) -> Result<Self, InvalidOutgoing> {
        let proxy = Url::parse(url).ok().filter(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.path() == "/"
                && url.query().is_none()
                && url.fragment().is_none()
        });
        let proxy = proxy.and_then(|url| Proxy::https(url).ok()).ok_or(InvalidOutgoing::Proxy)?;
        Ok(Self { proxy: Some(proxy), ..self })
    }

    /// Trusts the authorities of a PEM bundle, instead of the machine's.
    ///
    /// # Errors
    /// It holds no authority.
    pub fn trusting(self, pem: &[u8]) -> Result<Self, InvalidOutgoing> {
        let mut roots = RootCertStore::empty();
        for authority in CertificateDer::pem_slice_iter(pem) {
            let authority = authority.map_err(|_| InvalidOutgoing::Authorities)?;
            roots.add(authority).map_err(|_| InvalidOutgoing::Authorities)?;
        }
        if roots.is_empty() {
            return Err(InvalidOutgoing::Authorities);
        }
        Ok(Self { authorities: Some(Arc::new(roots)), ..self })
    }

    /// Configures a client for HTTPS: proxy, authorities, TLS 1.3 or 1.2. Providers may not have 1.3, so the process's
    /// own rule of 1.3 alone does not hold here.
    ///
    /// # Errors
    /// The machine's authorities cannot be read.
    pub fn apply(&self, client: ClientBuilder) -> Result<ClientBuilder, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut tls = match &self.authorities {
            Some(authorities) => builder.with_root_certificates(authorities.clone()).with_no_client_auth(),
            None => builder.with_platform_verifier()?.with_no_client_auth(),
        };
        tls.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).into();
        // First, because it also forgets proxies that were set.
        let client = client.no_proxy().tls_backend_preconfigured(tls);
        Ok(match &self.proxy {
            Some(proxy) => client.proxy(proxy.clone()),
            None => client,
        })
    }
}

/// Omits the proxy's password.
impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outgoing")
            .field("has_proxy", &self.proxy.is_some())
            .field("authorities", &self.authorities.as_ref().map(|authorities| authorities.len()))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_place_and_its_password_is_never_shown() {
        for right in ["http://proxy:3128", "https://user:hidden@proxy.example:443/"] {
            let outgoing = Outgoing::default().through(right).unwrap();
            assert!(!format!("{outgoing:?}").contains("hidden"));
        }
        for wrong in
            ["proxy:3128", "socks5://proxy:1080", "http://user:hidden@proxy/path", "http://proxy/?a", ""]
        {
            let problem = Outgoing::default().through(wrong).unwrap_err();
            assert!(!problem.to_string().contains("hidden"), "{problem}");
        }
    }

    #[test]
    fn a_bundle_without_an_authority_is_refused() {
        for wrong in ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            let refused = Outgoing::default().trusting(wrong.as_bytes()).map(drop);
            assert_eq!(refused, Err(InvalidOutgoing::Authorities), "{wrong}");
        }
    }
}
