//! `POST /v1/refunds`

use serde_json::Value;

use super::{self as refunds, Refund, RefundFailure};
use crate::{
    ids,
    ledger::EffectKind,
    stripe::{
        charge::{Charge, Outcome},
        context::RequestContext,
        dispute::{Dispute, DisputeStatus},
        errors::{Result, StripeError},
        events::Snapshot,
        objects::OrderedTable,
        params::{Metadata, Params},
        payment_intent::{Status, transaction_id},
        payment_intents::create::check_amount,
        quirks::{Quirk, check_balance},
    },
};

#[derive(Debug)]
pub(crate) struct Request {
    target: RefundTarget,
    /// Absent: everything that was not refunded yet.
    amount: Option<i64>,
    reason: Option<&'static str>,
    metadata: Metadata,
    expand: Vec<String>,
}

#[derive(Debug)]
enum RefundTarget {
    PaymentIntent(String),
    Charge(String),
}

const REASONS: [(&str, &str); 3] = [
    ("duplicate", "duplicate"),
    ("fraudulent", "fraudulent"),
    ("requested_by_customer", "requested_by_customer"),
];

impl Request {
    pub(crate) fn read(mut params: Params) -> Result<Self> {
        let target = match (params.text("payment_intent")?, params.text("charge")?) {
            (Some(intent), None) => RefundTarget::PaymentIntent(intent),
            (None, Some(charge)) => RefundTarget::Charge(charge),
            (None, None) => {
                let message = "One of the following params should be provided for this request: payment_intent or charge.";
                return StripeError::invalid(message).code("parameter_missing").refuse();
            }
            (Some(_), Some(_)) => {
                let message = "You may only specify one of these parameters: payment_intent, charge.";
                return StripeError::invalid(message).refuse();
            }
        };
        let request = Self {
            target,
            amount: params.integer("amount")?,
            reason: params.choice("reason", &REASONS)?,
            metadata: params.metadata()?,
            expand: params.texts("expand")?,
        };
        params.unsupported(&[
            "currency",
            "customer",
            "origin",
            "refund_application_fee",
            "reverse_transfer",
        ])?;
        params.ignore(&["instructions_email"]);
        params.finish()?;
        Ok(request)
    }

    /// A refund made in the dashboard, which has no metadata.
    pub(crate) fn of_dashboard(intent: String, amount: Option<i64>) -> Self {
        Self {
            target: RefundTarget::PaymentIntent(intent),
            amount,
            reason: None,
            metadata: Vec::new(),
            expand: Vec::new(),
        }
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        let charge_id = self.find_charge(context)?;
        let now = context.now;
        let charge = context
            .objects
            .charges
            .get_mut(&charge_id)
            .ok_or_else(|| Box::new(StripeError::no_such("charge", &charge_id, "charge")))?;
        if disputed(&context.objects.disputes, charge) {
            let message = format!("Charge {charge_id} has been charged back; cannot issue a refund.");
            return StripeError::invalid(message).code("charge_disputed").refuse();
        }
        check_balance(charge.method)?;
        let id = ids::stripe("re");
        let amount = take(charge, &id, self.amount)?;
        let refund = Refund {
            id: id.clone(),
            charge: charge_id.clone(),
            payment_intent: charge.payment_intent.clone(),
            amount,
            currency: charge.currency,
            balance_transaction: Some(ids::stripe("txn")),
            reason: self.reason,
            metadata: self.metadata.clone(),
            created: now,
            pending: charge.method.quirk == Some(Quirk::PendingRefunds),
            failure: None,
        };
        let fails_later = charge.method.quirk == Some(Quirk::FailingRefunds);
        let transaction = transaction_id(&self.metadata).or_else(|| transaction_id(&charge.metadata));
        let currency = charge.currency;
        let mut view = refund.view();
        context.objects.refunds.insert(&id, refund.clone());
        context.record(EffectKind::Refund, amount, currency, &id, transaction);
        context.announce("refund.created", Snapshot::Refund(Box::new(refund)));
        context.announce_charge("charge.refunded", &charge_id);
        if fails_later {
            // Not visible in the response yet.
            refunds::fail(context, &id, RefundFailure::Unknown);
        }
        context.expand(&mut view, &self.expand)?;
        Ok(view)
    }

    fn find_charge(&self, context: &RequestContext<'_>) -> Result<String> {
        let id = match &self.target {
            RefundTarget::Charge(charge) => return Ok(charge.clone()),
            RefundTarget::PaymentIntent(id) => id,
        };
        let intent = context
            .objects
            .intents
            .get(id)
            .ok_or_else(|| Box::new(StripeError::no_such("payment_intent", id, "payment_intent")))?;
        match (&intent.status, &intent.latest_charge) {
            (Status::Succeeded { .. } | Status::RequiresCapture, Some(charge)) => Ok(charge.clone()),
            _ => StripeError::invalid(format!(
                "This PaymentIntent ({id}) does not have a successful charge to refund."
            ))
            .refuse(),
        }
    }
}

/// An open or lost dispute already holds the money.
fn disputed(disputes: &OrderedTable<Dispute>, charge: &Charge) -> bool {
    let dispute = charge.dispute.as_deref().and_then(|id| disputes.get(id));
    dispute.is_some_and(|dispute| dispute.status != DisputeStatus::Won)
}

/// Deducts the amount from the charge's captured amount.
fn take(charge: &mut Charge, refund: &str, wanted: Option<i64>) -> Result<i64> {
    let (charge_id, currency) = (&charge.id, charge.currency);
    let (captured, refunded, refunds) = match &mut charge.outcome {
        Outcome::Captured { amount, refunded, refunds } => (*amount, refunded, refunds),
        Outcome::Authorized | Outcome::Released => {
            let message = format!(
                "Charge {charge_id} has not been captured, so it cannot be refunded. Cancel the PaymentIntent instead."
            );
            return StripeError::invalid(message).refuse();
        }
        Outcome::Declined(_) => {
            return StripeError::invalid(format!("Charge {charge_id} failed, so it cannot be refunded."))
                .refuse();
        }
    };
    let rest = captured - *refunded;
    if rest == 0 {
        let message = format!("Charge {charge_id} has already been refunded.");
        return StripeError::invalid(message).code("charge_already_refunded").refuse();
    }
    let amount = wanted.unwrap_or(rest);
    check_amount(amount, currency, "amount")?;
    if amount > rest {
        let message = format!(
            "Refund amount ({amount} {code}) is greater than unrefunded amount on charge ({rest} {code})",
            code = currency.code()
        );
        return StripeError::invalid(message).param("amount").refuse();
    }
    *refunded += amount;
    refunds.push(refund.to_owned());
    Ok(amount)
}
