//! Reads where clients show wallets, and what their pages need for it.

use std::collections::{BTreeMap, BTreeSet};

use edge_core::client::ClientId;
use edge_core::request::is_domain;

use super::{ConfigError, Source, keep};
use crate::http::WalletSettings;

/// Domains of all clients together; a longer list is a mistake.
const DOMAINS_MAX: usize = 1_000;

impl WalletSettings {
    pub(crate) fn read(source: &Source) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let key = keep(&mut errors, source.read_with("STRIPE_PUBLISHABLE_KEY", publishable_key));
        let domains = keep(&mut errors, source.read_with("WALLET_DOMAINS", domains));
        let (Some(stripe_publishable_key), Some(domains)) = (key, domains) else { return Err(errors) };
        Ok(Self {
            stripe_publishable_key,
            // Judged with the secret that belongs to it.
            paypal_client_id: source.get("PAYPAL_CLIENT_ID").map(str::to_owned),
            domains: domains.unwrap_or_default(),
        })
    }
}

/// Never repeats the value: it may be a secret key by mistake.
fn publishable_key(key: &str) -> Result<String, String> {
    let is_key = ["pk_test_", "pk_live_"].into_iter().any(|kind| {
        key.strip_prefix(kind).is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        })
    });
    is_key
        .then(|| key.to_owned())
        .ok_or_else(|| "must be a publishable key, `pk_test_…` or `pk_live_…`".to_owned())
}

fn domains(list: &str) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let mut domains = BTreeMap::<_, BTreeSet<_>>::new();
    for (n, entry) in (1..).zip(list.split(',')) {
        if n > DOMAINS_MAX {
            return Err(format!("has more than {DOMAINS_MAX} entries"));
        }
        let (client, domain) =
            entry.trim().split_once(':').ok_or(format!("entry {n} is not `client:domain`"))?;
        if ClientId::parse(client).is_none() {
            return Err(format!("entry {n} has a client that is not 1 to 64 of A-Z a-z 0-9 _ . -"));
        }
        if !is_domain(domain) {
            return Err(format!("entry {n} needs a domain with a dot, in lower case, e.g. `shop.example`"));
        }
        domains.entry(client.to_owned()).or_default().insert(domain.to_owned());
    }
    Ok(domains)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<WalletSettings, String> {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        WalletSettings::read(&Source::new(settings, None).unwrap()).map_err(|errors| errors[0].to_string())
    }

    #[test]
    fn a_client_has_the_domains_that_are_listed_for_it_and_no_others() {
        let wallets =
            read(&[("WALLET_DOMAINS", "demo:shop.example, demo:www.shop.example,b:b.example")]).unwrap();
        let is_of = |client, domain| wallets.is_of(&ClientId::parse(client).unwrap(), domain);
        assert!(
            is_of("demo", "shop.example") && is_of("demo", "www.shop.example") && is_of("b", "b.example")
        );
        assert!(!is_of("demo", "b.example") && !is_of("b", "shop.example") && !is_of("c", "shop.example"));
        assert!(!is_of("demo", "x.shop.example"));
        assert_eq!((wallets.clients_of("b.example"), wallets.clients_of("c.example")), (vec!["b"], vec![]));
    }

    #[test]
    fn mistakes_are_named_and_secret_keys_are_not_repeated() {
        for wrong in ["shop.example", "demo:shop", "de mo:shop.example", "demo:https://shop.example", ""] {
            let error = read(&[("WALLET_DOMAINS", wrong)]);
            assert!(wrong.is_empty() || error.unwrap_err().starts_with("WALLET_DOMAINS"), "{wrong}");
        }
        let error = read(&[("STRIPE_PUBLISHABLE_KEY", "sk_live_hidden")]).unwrap_err();
        assert!(error.starts_with("STRIPE_PUBLISHABLE_KEY") && !error.contains("hidden"), "{error}");
    }
}
