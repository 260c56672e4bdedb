//! The address of Redis, with the files that its TLS needs.

use std::fmt;
use std::str::FromStr;

use redis::aio::{ConnectionManager, PubSub};
use redis::{
    Client, ClientTlsConfig, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisResult,
    TlsCertificates,
};

use super::connection::{connection, tcp_settings};
use crate::client_tls::ClientTls;
use crate::escapes::ESCAPES;
use crate::this_machine::is_this_machine;

/// The address of Redis. Never printed in full, since it may hold a password.
#[derive(Clone)]
pub struct RedisUri(pub(super) Client);

impl FromStr for RedisUri {
    type Err = String;

    fn from_str(uri: &str) -> Result<Self, Self::Err> {
        let client = uri.into_connection_info().and_then(|info| {
            // With RESP3 the client detects a broken connection at once, not when the next command fails.
            let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            Client::open(info.set_redis_settings(redis).set_tcp_settings(tcp_settings()))
        });
        client.map(Self).map_err(|_| {
            format!("must be redis://[USER:PASSWORD@]HOST[:PORT][/DB], or rediss://… for TLS; {ESCAPES}")
        })
    }
}

impl RedisUri {
    /// With these files for TLS. Without authorities among them, the machine's count.
    ///
    /// # Errors
    /// The address is without TLS.
    pub(crate) fn with_tls(self, tls: &ClientTls) -> Result<Self, String> {
        let info = self.0.get_connection_info().clone();
        let certificates = TlsCertificates {
            client_tls: tls.identity.as_ref().map(|(certificate, key)| ClientTlsConfig {
                client_cert: certificate.clone(),
                client_key: key.to_vec(),
            }),
            root_cert: tls.authorities.clone(),
        };
        let client = Client::build_with_tls(info, certificates);
        client.map(Self).map_err(|_| "must be rediss://…, since a setting has certificates for it".to_owned())
    }

    /// Whether nobody on the way can read or change the traffic: it stays on this machine, or is TLS.
    pub(crate) fn is_protected(&self) -> bool {
        match self.0.get_connection_info().addr() {
            ConnectionAddr::TcpTls { .. } | ConnectionAddr::Unix(_) => true,
            ConnectionAddr::Tcp(host, _) => is_this_machine(host),
            _ => false,
        }
    }

    /// A connection for commands. Connects on first use.
    pub(crate) fn commands(&self) -> RedisResult<ConnectionManager> {
        connection(self)
    }

    /// A connection that receives messages.
    pub(crate) async fn listener(&self) -> RedisResult<PubSub> {
        self.0.get_async_pubsub().await
    }

    pub(crate) fn database(&self) -> i64 {
        self.0.get_connection_info().redis_settings().db()
    }
}

/// Omits user and password.
impl fmt::Display for RedisUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let info = self.0.get_connection_info();
        write!(f, "Redis {}, database {}", info.addr(), info.redis_settings().db())
    }
}

impl fmt::Debug for RedisUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisUri(…)")
    }
}
