//! The profiles of `envoy-bootstrap`, each with its defaults.

/// Where the gateway runs; affects only defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// One machine, for development and tests: loopback, demo clients
    Local,
    /// TLS everywhere; settings that need a decision have no default
    Production,
}

impl Profile {
    pub(super) const fn tls_listen(self) -> &'static str {
        match self {
            Self::Local => "127.0.0.1:8443",
            Self::Production => "0.0.0.0:8443",
        }
    }

    pub(super) const fn plain_listen(self) -> Option<&'static str> {
        match self {
            Self::Local => Some("127.0.0.1:8080"),
            Self::Production => None,
        }
    }

    pub(super) const fn control_plane(self) -> Option<&'static str> {
        match self {
            Self::Local => Some("127.0.0.1:8081"),
            Self::Production => None,
        }
    }

    pub(super) const fn edge_cache(self) -> Option<&'static str> {
        match self {
            Self::Local => Some("127.0.0.1:8082"),
            Self::Production => None,
        }
    }

    pub(super) const fn clients(self) -> Option<&'static str> {
        match self {
            Self::Local => Some("demo:demo-key,demo-2:demo-key-2"),
            Self::Production => None,
        }
    }

    /// The minimum length of a client's key.
    pub(super) const fn key_chars_min(self) -> usize {
        match self {
            Self::Local => 1,
            Self::Production => 16,
        }
    }
}
