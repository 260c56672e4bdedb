//! Events that a provider triggers by itself: a refund fails, a payer disputes a charge.
//!
//! `POST /_sandbox/happen` triggers them. Each changes the provider's own state and creates the corresponding events.

use serde::Deserialize;

use crate::{
    faults::InvalidRule, ledger::EffectKind, paypal::OutcomeCode, provider::Provider, state::SandboxState,
};

/// A scripted event and its object.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Script {
    pub(crate) provider: Provider,
    /// The provider's name for the event, or the sandbox's own name where there is no event.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The object at the provider, or else `transactionId`.
    pub(crate) id: Option<String>,
    pub(crate) transaction_id: Option<String>,
    /// The outcome of a dispute.
    pub(crate) outcome: Option<Winner>,
    /// The outcome of a dispute at PayPal, by PayPal's own code.
    pub(crate) outcome_code: Option<OutcomeCode>,
    /// The reason, in the provider's terms.
    pub(crate) reason: Option<String>,
    /// The amount of a capture or refund, in ISO 4217 minor units; absent: the full amount.
    pub(crate) amount: Option<i64>,
    /// Withholds the events until `POST /_sandbox/webhooks/release`.
    #[serde(default)]
    pub(crate) withhold: bool,
}

/// Who wins a dispute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Winner {
    /// The merchant keeps the money.
    Won,
    /// The payer gets the money back.
    Lost,
}

/// The scripts that accept an amount.
const OF_AN_AMOUNT: [&str; 4] =
    ["payment_intent.succeeded", "charge.refunded", "PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.REFUNDED"];

impl Script {
    /// Rejects fields that would be ignored.
    pub(crate) fn check(&self) -> Result<(), InvalidRule> {
        if self.amount.is_some() && !OF_AN_AMOUNT.contains(&self.kind.as_str()) {
            return Err(invalid("amount", &format!("is for {} only", OF_AN_AMOUNT.join(", "))));
        }
        if self.amount.is_some_and(|amount| amount < 1) {
            return Err(invalid("amount", "must be at least 1"));
        }
        if self.outcome_code.is_some() && self.kind != "CUSTOMER.DISPUTE.RESOLVED" {
            return Err(invalid("outcomeCode", "is for CUSTOMER.DISPUTE.RESOLVED only"));
        }
        Ok(())
    }

    /// The candidate ids, latest first: the given one, or those of the transaction's effects of these kinds.
    pub(crate) fn subjects(
        &self,
        state: &SandboxState,
        kinds: &[EffectKind],
    ) -> Result<Vec<String>, InvalidRule> {
        match (&self.id, &self.transaction_id) {
            (Some(id), None) => Ok(vec![id.clone()]),
            (None, Some(transaction)) => {
                let effects = state.ledger.of_transaction(transaction);
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
