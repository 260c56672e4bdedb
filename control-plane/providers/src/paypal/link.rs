//! The links of PayPal's answers and objects.

use payments::model::provider::ProviderRef;
use serde::Deserialize;

use crate::untrusted;

#[derive(Debug, Deserialize)]
pub(super) struct Link {
    href: String,
    rel: String,
}

impl Link {
    /// The page on which the payer approves or authenticates.
    pub(super) fn payers_page(links: &[Self]) -> Option<String> {
        let with = |rel: &str| links.iter().find(|link| link.rel == rel);
        let link = with("payer-action").or_else(|| with("approve")).or_else(|| with("redirect"))?;
        untrusted::page(&link.href)
    }

    /// The id of the object of this `kind` that the link with this `rel` leads to: `up` is the parent, `self` the
    /// object itself.
    pub(super) fn to(links: &[Self], rel: &str, kind: &str) -> Option<ProviderRef> {
        let path = links.iter().filter(|link| link.rel == rel).map(|link| link.href.as_str());
        path.filter_map(|href| href.split(['?', '#']).next())
            .filter_map(|href| href.rsplit_once('/'))
            .find(|(before, _)| before.rsplit('/').next() == Some(kind))
            .and_then(|(_, id)| untrusted::reference(id))
    }
}
