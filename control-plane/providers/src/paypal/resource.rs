//! A PayPal object, read field by field.

use jiff::Timestamp;
use payments::model::id::PaymentId;
use payments::model::provider::ProviderRef;
use serde::Deserialize as _;
use serde_json::Value;

use super::currency::Sum;
use super::link::Link;
use crate::untrusted;

/// A PayPal object, in an event or by itself: every field may be missing or of another type.
pub(super) struct Resource<'a>(pub(super) &'a Value);

impl Resource<'_> {
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.0.pointer(path)?.as_str()
    }

    pub(super) fn reference(&self, path: &str) -> Option<ProviderRef> {
        untrusted::reference(self.text(path)?)
    }

    pub(super) fn payment(&self, path: &str) -> Option<PaymentId> {
        self.text(path)?.parse().ok()
    }

    pub(super) fn code(&self, path: &str) -> Option<String> {
        untrusted::code(self.text(path)?)
    }

    pub(super) fn time(&self, path: &str) -> Option<Timestamp> {
        self.text(path)?.parse().ok()
    }

    pub(super) fn link(&self, rel: &str, kind: &str) -> Option<ProviderRef> {
        let links = self.0.get("links")?;
        Link::to(&Vec::<Link>::deserialize(links).ok()?, rel, kind)
    }

    pub(super) fn up(&self, kind: &str) -> Option<ProviderRef> {
        self.link("up", kind)
    }

    pub(super) fn order(&self) -> Option<ProviderRef> {
        self.reference("/supplementary_data/related_ids/order_id").or_else(|| self.up("orders"))
    }

    pub(super) fn sum(&self, path: &str) -> Option<Sum> {
        Sum::deserialize(self.0.pointer(path)?).ok()
    }
}
