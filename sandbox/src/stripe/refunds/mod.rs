//! `/v1/refunds`.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod retrieve;
pub(crate) mod update;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    charge::Outcome,
    context::RequestContext,
    currencies::StripeCurrency,
    events::Snapshot,
    params::Metadata,
    payment_intent::{metadata_view, transaction_id},
};
use crate::ledger::EffectKind;

/// A refund. The sandbox's refunds succeed at once, as card refunds mostly do, or are pending until a script completes
/// them; a script can also make one fail later.
#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: StripeCurrency,
    /// The balance transaction; absent if no money moved.
    pub(crate) balance_transaction: Option<String>,
    pub(crate) reason: Option<&'static str>,
    pub(crate) metadata: Metadata,
    pub(crate) created: Timestamp,
    /// Stripe is still processing it.
    pub(crate) pending: bool,
    pub(crate) failure: Option<RefundFailure>,
}

/// Why a refund that had succeeded failed (docs.stripe.com/refunds#failed-refunds).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RefundFailure {
    ExpiredOrCanceledCard,
    LostOrStolenCard,
    ChargeForPendingRefundDisputed,
    Declined,
    Unknown,
}

impl RefundFailure {
    fn name(self) -> &'static str {
        match self {
            Self::ExpiredOrCanceledCard => "expired_or_canceled_card",
            Self::LostOrStolenCard => "lost_or_stolen_card",
            Self::ChargeForPendingRefundDisputed => "charge_for_pending_refund_disputed",
            Self::Declined => "declined",
            Self::Unknown => "unknown",
        }
    }
}

impl Refund {
    pub(crate) fn status(&self) -> &'static str {
        match (self.failure, self.pending) {
            (Some(_), _) => "failed",
            (None, true) => "pending",
            (None, false) => "succeeded",
        }
    }

    pub(crate) fn view(&self) -> Value {
        let mut view = json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": self.balance_transaction,
            "charge": self.charge,
            "created": self.created.as_second(),
            "currency": self.currency.code(),
            "metadata": metadata_view(&self.metadata),
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status(),
            "transfer_reversal": null,
        });
        // Stripe includes these only when they have a value.
        if let Some(view) = view.as_object_mut() {
            if let Some(failure) = self.failure {
                view.insert("failure_reason".to_owned(), json!(failure.name()));
            } else if self.pending {
                view.insert("pending_reason".to_owned(), json!("processing"));
            }
        }
        view
    }
}

/// The payer's bank returns a refund that had left the account; `None` if there is none.
pub(crate) fn fail(context: &mut RequestContext<'_>, id: &str, failure: RefundFailure) -> Option<Refund> {
    let refund = context.objects.refunds.get_mut(id)?;
    let before = json!({ "status": refund.status() });
    refund.failure = Some(failure);
    let refund = refund.clone();
    let charge = context.objects.charges.get_mut(&refund.charge);
    let of_charge = charge.and_then(|charge| {
        if let Outcome::Captured { refunded, .. } = &mut charge.outcome {
            *refunded -= refund.amount;
        }
        transaction_id(&charge.metadata)
    });
    let transaction = transaction_id(&refund.metadata).or(of_charge);
    context.record(EffectKind::RefundFailed, refund.amount, refund.currency, id, transaction);
    for kind in ["refund.updated", "refund.failed", "charge.refund.updated"] {
        let before = (kind != "refund.failed").then(|| before.clone());
        context.announce_change(kind, Snapshot::Refund(Box::new(refund.clone())), before);
    }
    Some(refund)
}
