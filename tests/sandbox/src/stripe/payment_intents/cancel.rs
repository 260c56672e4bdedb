//! `POST /v1/payment_intents/{intent}/cancel`

use serde_json::Value;

use crate::{
    ledger::EffectKind,
    stripe::{charge::Outcome, desk::Desk, errors::Result, params::Params, payment_intent::Status},
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

    pub(crate) fn execute(&self, desk: &mut Desk<'_>) -> Result<Value> {
        let (pages, now) = (desk.pages, desk.now);
        let intent = desk.intent(&self.intent)?;
        if matches!(intent.status, Status::Succeeded { .. } | Status::Canceled { .. }) {
            return intent.unexpected_state("canceled", pages).refuse();
        }
        let released = intent.capturable();
        intent.status = Status::Canceled { at: now, reason: self.reason };
        let (currency, transaction) = (intent.currency, intent.transaction_id());
        let charge = intent.latest_charge.clone();
        if let Some(charge) = charge.and_then(|id| desk.books.charges.get_mut(&id))
            && matches!(charge.outcome, Outcome::Authorized)
        {
            charge.outcome = Outcome::Released;
        }
        desk.record(EffectKind::Cancel, released, currency, &self.intent, transaction);
        desk.announce_intent("payment_intent.canceled", &self.intent);
        desk.show_intent(&self.intent, &self.expand)
    }
}
