//! A dispute: the payer asks the bank to reverse a charge.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    charge::Outcome,
    context::RequestContext,
    currencies::StripeCurrency,
    errors::{Result, StripeError},
    events::Snapshot,
    params::Params,
};
use crate::ids;

/// How long the merchant has to respond.
const RESPONSE_TIME: SignedDuration = SignedDuration::from_hours(7 * 24);

#[derive(Debug, Clone)]
pub(crate) struct Dispute {
    pub(crate) id: String,
    pub(crate) charge: String,
    pub(crate) payment_intent: String,
    pub(crate) amount: i64,
    pub(crate) currency: StripeCurrency,
    pub(crate) brand: &'static str,
    pub(crate) reason: String,
    pub(crate) status: DisputeStatus,
    pub(crate) created: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DisputeStatus {
    NeedsResponse,
    UnderReview,
    Won,
    Lost,
}

impl DisputeStatus {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::NeedsResponse => "needs_response",
            Self::UnderReview => "under_review",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

impl Dispute {
    pub(crate) fn view(&self) -> Value {
        let due_by = self.created.saturating_add(RESPONSE_TIME).unwrap_or(Timestamp::MAX);
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": [],
            "charge": self.charge,
            "created": self.created.as_second(),
            "currency": self.currency.code(),
            "evidence": {},
            "evidence_details": {
                "due_by": due_by.as_second(),
                "has_evidence": false,
                "past_due": false,
                "submission_count": 0,
            },
            "is_charge_refundable": false,
            "livemode": false,
            "metadata": {},
            "payment_intent": self.payment_intent,
            "payment_method_details": {
                "card": { "brand": self.brand, "network_reason_code": "10.4" },
                "type": "card",
            },
            "reason": self.reason,
            "status": self.status.name(),
        })
    }
}

/// The payer's bank reverses the remainder of a captured charge; `None` if nothing remains.
pub(super) fn open(context: &mut RequestContext<'_>, charge: &str, reason: &str) -> Option<Dispute> {
    let now = context.now;
    let charge = context.objects.charges.get_mut(charge)?;
    let Outcome::Captured { amount, refunded, .. } = charge.outcome else { return None };
    let dispute = Dispute {
        id: ids::stripe("dp"),
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent.clone(),
        amount: amount - refunded,
        currency: charge.currency,
        brand: charge.method.brand,
        reason: reason.to_owned(),
        status: DisputeStatus::NeedsResponse,
        created: now,
    };
    charge.dispute = Some(dispute.id.clone());
    context.objects.disputes.insert(&dispute.id, dispute.clone());
    context.announce("charge.dispute.created", Snapshot::Dispute(Box::new(dispute.clone())));
    Some(dispute)
}

/// `GET /v1/disputes/{dispute}`
#[derive(Debug)]
pub(crate) struct RetrieveDispute {
    dispute: String,
    expand: Vec<String>,
}

impl RetrieveDispute {
    pub(crate) fn read(dispute: &str, mut params: Params) -> Result<Self> {
        let request = Self { dispute: dispute.to_owned(), expand: params.texts("expand")? };
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &RequestContext<'_>) -> Result<Value> {
        let Some(dispute) = context.objects.disputes.get(&self.dispute) else {
            return StripeError::no_such("dispute", &self.dispute, "dispute").not_found().refuse();
        };
        let mut view = dispute.view();
        context.expand(&mut view, &self.expand)?;
        Ok(view)
    }
}
