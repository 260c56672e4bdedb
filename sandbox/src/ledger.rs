//! Every effect on money, in order: the reference for "charged twice".

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{money::Money, provider::Provider};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EffectKind {
    Charge,
    Authorize,
    /// A new authorization holds this amount instead of what the original held.
    Reauthorize,
    Capture,
    /// The amount is what the cancellation released: zero if nothing was authorized.
    Cancel,
    /// The provider released an expired authorization; the amount is what that released.
    Expire,
    Refund,
    /// A refund's amount came back because the payer's bank rejected it.
    #[serde(rename = "refund_failed")]
    RefundFailed,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Effect {
    pub(crate) provider: Provider,
    pub(crate) kind: EffectKind,
    /// Amount in ISO 4217 minor units, regardless of the provider's own decimals, and the currency.
    #[serde(flatten)]
    pub(crate) money: Money,
    /// The provider's object that the effect created or changed.
    pub(crate) id: String,
    /// The key the provider received: `Idempotency-Key` or `PayPal-Request-Id`.
    pub(crate) idempotency_key: Option<String>,
    /// The gateway's transaction, from `metadata[transactionId]` or `custom_id`.
    pub(crate) transaction_id: Option<String>,
    pub(crate) at: Timestamp,
}

/// A filter for effects; absent fields match all.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Filter {
    transaction_id: Option<String>,
    kind: Option<EffectKind>,
    provider: Option<Provider>,
    #[serde(default)]
    summary: u8,
}

impl Filter {
    pub(crate) fn wants_summary(&self) -> bool {
        self.summary != 0
    }

    fn matches(&self, effect: &Effect) -> bool {
        self.kind.is_none_or(|kind| kind == effect.kind)
            && self.provider.is_none_or(|provider| provider == effect.provider)
            && self.transaction_id.as_deref().is_none_or(|id| effect.transaction_id.as_deref() == Some(id))
    }
}

#[derive(Debug, Default, Serialize)]
pub(crate) struct Summary {
    total: u64,
    counts: BTreeMap<Provider, BTreeMap<EffectKind, u64>>,
    /// By provider, kind and currency, in minor units. Wide, because a long run adds up many amounts.
    sums: BTreeMap<Provider, BTreeMap<EffectKind, BTreeMap<&'static str, i128>>>,
}

#[derive(Debug, Default)]
pub(crate) struct Ledger {
    effects: Vec<Effect>,
    by_transaction: HashMap<String, Vec<usize>>,
}

impl Ledger {
    pub(crate) fn record(&mut self, effect: Effect) {
        if let Some(transaction) = &effect.transaction_id {
            self.by_transaction.entry(transaction.clone()).or_default().push(self.effects.len());
        }
        self.effects.push(effect);
    }

    /// The matching effects, in order. With a transaction id, only that transaction's effects are scanned.
    pub(crate) fn select<'a>(&'a self, filter: &'a Filter) -> impl Iterator<Item = &'a Effect> {
        let (few, all) = match &filter.transaction_id {
            Some(id) => (self.by_transaction.get(id).map(Vec::as_slice).unwrap_or_default(), [].as_slice()),
            None => ([].as_slice(), self.effects.as_slice()),
        };
        few.iter()
            .filter_map(|&index| self.effects.get(index))
            .chain(all)
            .filter(|effect| filter.matches(effect))
    }

    /// The effects of one transaction, in order.
    pub(crate) fn of_transaction(&self, id: &str) -> impl Iterator<Item = &Effect> {
        let places = self.by_transaction.get(id).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|&index| self.effects.get(index))
    }

    pub(crate) fn summarize(&self, filter: &Filter) -> Summary {
        let mut summary = Summary::default();
        for effect in self.select(filter) {
            summary.total += 1;
            *summary.counts.entry(effect.provider).or_default().entry(effect.kind).or_default() += 1;
            *summary
                .sums
                .entry(effect.provider)
                .or_default()
                .entry(effect.kind)
                .or_default()
                .entry(effect.money.currency.code())
                .or_default() += i128::from(effect.money.minor);
        }
        summary
    }
}
