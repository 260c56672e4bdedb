//! Where clients show wallets, and what their pages need for it. Nothing here is secret.

use std::collections::{BTreeMap, BTreeSet};

use edge_core::client::ClientId;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WalletSettings {
    /// `pk_…`
    pub stripe_publishable_key: Option<String>,
    /// The id of PayPal's app, where its credentials are configured.
    pub paypal_client_id: Option<String>,
    pub(crate) domains: BTreeMap<String, BTreeSet<String>>,
}

impl WalletSettings {
    /// The clients that have listed the domain.
    pub(crate) fn clients_of(&self, domain: &str) -> Vec<&str> {
        let listed = self.domains.iter().filter(|(_, listed)| listed.contains(domain));
        listed.map(|(client, _)| client.as_str()).collect()
    }

    /// Whether the domain is one that the client has listed.
    #[must_use]
    pub fn is_of(&self, client: &ClientId, domain: &str) -> bool {
        self.domains.get(client.as_str()).is_some_and(|listed| listed.contains(domain))
    }
}
