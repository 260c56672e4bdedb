//! Things that happen at a provider by themselves: a refund comes back, a payer disputes a charge.
//!
//! `POST /_sandbox/happen` starts them. Each changes the provider's own state and makes the events that tell.

use serde::Deserialize;

use crate::{
    faults::InvalidRule, ledger::EffectKind, paypal::OutcomeCode, provider::Provider, state::SandboxState,
};

/// What is to happen, to what.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Script {
    pub(crate) provider: Provider,
    /// The event that tells of it, by the provider's name; or a name of the sandbox's own where no event does.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// The object at the provider; or else `transactionId`.
    pub(crate) id: Option<String>,
    pub(crate) transaction_id: Option<String>,
    /// How a dispute ends.
    pub(crate) outcome: Option<Winner>,
    /// How a dispute at PayPal ends, by its own code.
    pub(crate) outcome_code: Option<OutcomeCode>,
    /// Why; the provider's own word for it.
    pub(crate) reason: Option<String>,
    /// Of a capture or refund, in ISO 4217 minor units; absent: all there is.
    pub(crate) amount: Option<i64>,
    /// Keeps back the events until `POST /_sandbox/webhooks/release`.
    #[serde(default)]
    pub(crate) withhold: bool,
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

/// What takes an amount.
const OF_AN_AMOUNT: [&str; 4] =
    ["payment_intent.succeeded", "charge.refunded", "PAYMENT.CAPTURE.COMPLETED", "PAYMENT.CAPTURE.REFUNDED"];

impl Script {
    /// Refuses what would be passed over in silence.
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

    /// The ids it may be about, the latest first: the one given, or those of the transaction's effects of these kinds.
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
