//! Things that happen at a provider by themselves: a refund comes back, a payer disputes a charge.
//!
//! `POST /_sandbox/webhooks/send` starts them. Each changes the provider's own state and makes the events that tell.

use serde::Deserialize;

use crate::{faults::InvalidRule, ledger::EffectKind, provider::Provider, world::World};

/// What is to happen, to what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Script {
    pub(crate) provider: Provider,
    /// The event that tells of it, by the provider's name.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The object at the provider; or else `transactionId`.
    id: Option<String>,
    transaction_id: Option<String>,
    /// How a dispute ends.
    pub(crate) outcome: Option<Winner>,
    /// Why; the provider's own word for it.
    pub(crate) reason: Option<String>,
}

/// Who gets the money of a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Winner {
    /// The merchant keeps it.
    Won,
    /// The payer gets it back.
    Lost,
}

impl Script {
    /// The ids it may be about, the latest first: the one given, or those of the transaction's effects of these kinds.
    pub(crate) fn subjects(&self, world: &World, kinds: &[EffectKind]) -> Result<Vec<String>, InvalidRule> {
        match (&self.id, &self.transaction_id) {
            (Some(id), None) => Ok(vec![id.clone()]),
            (None, Some(transaction)) => {
                let effects = world.ledger.of_transaction(transaction);
                let wanted = effects.filter(|it| it.provider == self.provider && kinds.contains(&it.kind));
                let mut ids: Vec<String> = wanted.map(|effect| effect.id.clone()).collect();
                ids.reverse();
                Ok(ids)
            }
            _ => Err(invalid("id", "give one of `id` and `transactionId`")),
        }
    }

    pub(crate) fn winner(&self) -> Result<Winner, InvalidRule> {
        self.outcome.ok_or_else(|| invalid("outcome", "must be `won` or `lost`"))
    }
}

pub(crate) fn invalid(field: &str, message: &str) -> InvalidRule {
    InvalidRule { field: field.to_owned(), message: message.to_owned() }
}
