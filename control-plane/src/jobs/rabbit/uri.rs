//! The address of RabbitMQ, checked when it is read.

use std::fmt;
use std::str::FromStr;

use lapin::tcp::{OwnedIdentity, OwnedTLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use reqwest::Url;

use crate::client_tls::ClientTls;
use crate::escapes::ESCAPES;
use crate::this_machine::is_this_machine;

/// A dead peer is detected after twice this time.
const HEARTBEAT_S: u16 = 10;

/// The address of RabbitMQ. Never printed in full, since it holds a password.
#[derive(Clone)]
pub struct AmqpUri {
    parts: AMQPUri,
    tls: Option<ClientTls>,
}

impl AmqpUri {
    pub(super) fn parts(&self) -> AMQPUri {
        self.parts.clone()
    }

    /// With these files for TLS. The authorities come on top of the machine's.
    #[must_use]
    pub(crate) fn with_tls(self, tls: ClientTls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    pub(super) fn tls(&self) -> OwnedTLSConfig {
        let text = |pem: &Vec<u8>| String::from_utf8_lossy(pem).into_owned();
        let Some(ClientTls { authorities, identity }) = &self.tls else { return OwnedTLSConfig::default() };
        OwnedTLSConfig {
            identity: identity
                .as_ref()
                .map(|(pem, key)| OwnedIdentity::PKCS8 { pem: pem.clone(), key: key.to_vec() }),
            cert_chain: authorities.as_ref().map(text),
        }
    }

    /// Whether nobody on the way can read or change the traffic: it stays on this machine, or is TLS.
    pub(crate) fn is_protected(&self) -> bool {
        matches!(self.parts.scheme, AMQPScheme::AMQPS) || is_this_machine(&self.parts.authority.host)
    }
}

impl FromStr for AmqpUri {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            || format!("must be amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST], or amqps://… for TLS; {ESCAPES}");
        let (Ok(url), Ok(mut uri)) = (Url::parse(text), text.parse::<AMQPUri>()) else { return Err(wrong()) };
        // The library would substitute `localhost` for a missing host or an IPv6 address.
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
        uri.authority.host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        // A trailing slash means the default virtual host, not one with an empty name.
        if uri.vhost.is_empty() {
            "/".clone_into(&mut uri.vhost);
        }
        uri.query.heartbeat.get_or_insert(HEARTBEAT_S);
        Ok(Self { parts: uri, tls: None })
    }
}

/// Omits user and password.
impl fmt::Display for AmqpUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let AMQPUri { scheme, authority, vhost, .. } = &self.parts;
        write!(f, "{scheme}://{}:{}, virtual host {vhost}", authority.host, authority.port)
    }
}

impl fmt::Debug for AmqpUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AmqpUri(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, u16, String) {
        let uri = text.parse::<AmqpUri>().unwrap().parts();
        (uri.authority.host, uri.authority.port, uri.vhost)
    }

    #[test]
    fn what_is_left_out_has_rabbitmqs_defaults() {
        for text in ["amqp://broker", "amqp://broker/", "amqp://broker:5672/%2f"] {
            assert_eq!(parts(text), ("broker".to_owned(), 5672, "/".to_owned()), "{text}");
        }
        assert_eq!(parts("amqps://u:p@10.0.0.7/pay"), ("10.0.0.7".to_owned(), 5671, "pay".to_owned()));
        assert_eq!(parts("amqp://[::1]:5673"), ("::1".to_owned(), 5673, "/".to_owned()));
    }

    #[test]
    fn an_address_is_checked_when_it_is_read_and_never_printed() {
        let uri: AmqpUri = "amqp://gateway:hidden@broker".parse().unwrap();
        assert!(!format!("{uri:?}").contains("hidden"));
        for wrong in ["", "broker:5672", "http://hidden@broker", "amqp://", "amqp://u:hidden@broker:port"] {
            let error = wrong.parse::<AmqpUri>().unwrap_err();
            assert!(error.starts_with("must be amqp://") && !error.contains("hidden"), "{error}");
        }
    }
}
