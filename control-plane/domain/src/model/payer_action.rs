//! What a payer has to do before the money can move.

use std::fmt;

use edge_core::card;
use serde::{Deserialize, Serialize};

/// How the payer acts.
#[derive(Clone, PartialEq, Eq)]
pub enum PayerAction {
    /// The payer acts on this page of the provider, to which the browser is sent.
    Page(String),
    /// The payer acts in the provider's script on the client's own page, which needs the secret.
    Script(ClientSecret),
    /// In a wallet on the client's own page: the payer's browser confirms the provider's order with it.
    ConfirmOrder,
}

impl PayerAction {
    /// The provider's page, if the payer acts on one.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        match self {
            Self::Page(url) => Some(url),
            Self::Script(_) | Self::ConfirmOrder => None,
        }
    }

    /// Whether it has a secret with which anyone can act on the payment at the provider: alone, or in a page's URL.
    #[must_use]
    pub fn holds_secret(&self) -> bool {
        match self {
            Self::Page(url) => card::holds_client_secret(url.as_bytes()),
            Self::Script(_) => true,
            Self::ConfirmOrder => false,
        }
    }
}

impl fmt::Debug for PayerAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Page(_) if self.holds_secret() => f.write_str("Page([secret])"),
            Self::Page(url) => f.debug_tuple("Page").field(url).finish(),
            Self::Script(secret) => f.debug_tuple("Script").field(secret).finish(),
            Self::ConfirmOrder => f.write_str("ConfirmOrder"),
        }
    }
}

/// What lets a payer's browser act on one payment at the provider. Shown to the payment's client alone, and only while
/// the payment waits for the payer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientSecret(String);

impl ClientSecret {
    #[must_use]
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for an answer to the payment's client.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}
