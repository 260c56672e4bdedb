//! `POST /v1/payment_intents/{intent}/cancel`

use serde_json::Value;

use crate::{
    ledger::EffectKind,
    stripe::{
        charge::Outcome, context::RequestContext, errors::Result, params::Params, payment_intent::Status,
        release::release,
    },
};

#[derive(Debug)]
pub(crate) struct Request {
    intent: String,
    reason: Option<&'static str>,
    expand: Vec<String>,
}

const REASONS: [(&str, &str); 4] = [
    ("duplicate", "duplicate"),
    ("fraudulent", "fraudulent"),
    ("requested_by_customer", "requested_by_customer"),
    ("abandoned", "abandoned"),
];

impl Request {
    pub(crate) fn read(intent: &str, mut params: Params) -> Result<Self> {
        let request = Self {
            intent: intent.to_owned(),
            reason: params.choice("cancellation_reason", &REASONS)?,
            expand: params.texts("expand")?,
        };
        params.finish()?;
        Ok(request)
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Value> {
        cancel(context, &self.intent, &Cause::Canceled(self.reason))?;
        context.show_intent(&self.intent, &self.expand)
    }
}

/// Why a PaymentIntent ends without a payment, with its `cancellation_reason`.
#[derive(Debug)]
pub(crate) enum Cause {
    Canceled(Option<&'static str>),
    /// The authorization expired.
    Expired(&'static str),
}

/// Ends a PaymentIntent and releases the authorized amount.
pub(crate) fn cancel(context: &mut RequestContext<'_>, id: &str, cause: &Cause) -> Result<()> {
    let (pages, now) = (context.pages, context.now);
    let (reason, effect, refund_reason) = match cause {
        Cause::Canceled(reason) => (*reason, EffectKind::Cancel, None),
        Cause::Expired(reason) => (Some(*reason), EffectKind::Expire, Some("expired_uncaptured_charge")),
    };
    let intent = context.intent(id)?;
    if matches!(intent.status, Status::Succeeded { .. } | Status::Canceled { .. }) {
        return intent.unexpected_state("canceled", pages).refuse();
    }
    let released = intent.capturable();
    intent.status = Status::Canceled { at: now, reason };
    let (currency, transaction) = (intent.currency, intent.transaction_id());
    let charge_id = intent.latest_charge.clone().unwrap_or_default();
    if let Some(charge) = context.objects.charges.get_mut(&charge_id)
        && matches!(charge.outcome, Outcome::Authorized)
    {
        charge.outcome = Outcome::Released;
    }
    context.record(effect, released, currency, id, transaction);
    release(context, &charge_id, released, refund_reason);
    if matches!(cause, Cause::Expired(_)) {
        context.announce_charge("charge.expired", &charge_id);
    }
    context.announce_intent("payment_intent.canceled", id);
    Ok(())
}
