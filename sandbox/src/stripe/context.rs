//! The context in which a Stripe request is executed: objects, ledger and request metadata.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    charge::Charge,
    currencies::StripeCurrency,
    errors::{Result, StripeError},
    events::{EventContent, Request, Snapshot},
    methods::TestMethod,
    objects::Objects,
    payment_intent::PaymentIntent,
};
use crate::{
    ledger::{Effect, EffectKind, Ledger},
    provider::Provider,
    webhooks::{Announcer, Content},
};

pub(crate) struct RequestContext<'a> {
    pub(crate) objects: &'a mut Objects,
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) now: Timestamp,
    pub(crate) idempotency_key: Option<&'a str>,
    /// Absent if no request of the merchant is the cause.
    pub(crate) request_id: Option<&'a str>,
    pub(crate) announcer: Announcer<'a>,
    /// Base URL of the sandbox's own pages.
    pub(crate) pages: &'a str,
}

impl RequestContext<'_> {
    /// The PaymentIntent in a URL; 404 if there is none.
    pub(crate) fn intent(&mut self, id: &str) -> Result<&mut PaymentIntent> {
        self.objects
            .intents
            .get_mut(id)
            .ok_or_else(|| Box::new(StripeError::no_such("payment_intent", id, "intent").not_found()))
    }

    pub(crate) fn record(
        &mut self,
        kind: EffectKind,
        amount: i64,
        currency: StripeCurrency,
        id: &str,
        transaction_id: Option<String>,
    ) {
        self.ledger.record(Effect {
            provider: Provider::Stripe,
            kind,
            money: currency.to_money(amount),
            id: id.to_owned(),
            idempotency_key: self.idempotency_key.map(str::to_owned),
            transaction_id,
            at: self.now,
        });
    }

    /// Announces an event to the webhooks, with the current state of the object.
    pub(crate) fn announce(&mut self, kind: &'static str, object: Snapshot) {
        self.announce_change(kind, object, None);
    }

    /// As [`Self::announce`], with the previous values of the changed fields.
    pub(crate) fn announce_change(&mut self, kind: &'static str, object: Snapshot, before: Option<Value>) {
        let request = self.request_id.map(|id| Request {
            id: id.to_owned(),
            idempotency_key: self.idempotency_key.map(str::to_owned),
        });
        let content = Content::Stripe(EventContent { request, object, before });
        self.announcer.announce(kind, content);
    }

    pub(crate) fn announce_intent(&mut self, kind: &'static str, id: &str) {
        if let Some(intent) = self.objects.intents.get(id) {
            let object = Snapshot::Intent(Box::new(intent.clone()));
            self.announce(kind, object);
        }
    }

    pub(crate) fn announce_charge(&mut self, kind: &'static str, id: &str) {
        if let Some(charge) = self.objects.charges.get(id) {
            let object = Snapshot::Charge(Box::new(charge.clone()));
            self.announce(kind, object);
        }
    }

    /// Replaces the ids named in `expand[]` with their objects.
    pub(crate) fn expand(&self, view: &mut Value, properties: &[String]) -> Result<()> {
        for property in properties {
            let id = view.get(property).and_then(Value::as_str);
            let object = match property.as_str() {
                "latest_charge" | "charge" => {
                    id.and_then(|id| self.objects.charges.get(id)).map(Charge::view)
                }
                "payment_intent" => {
                    id.and_then(|id| self.objects.intents.get(id)).map(|it| it.view(self.pages))
                }
                "payment_method" => id.and_then(TestMethod::find).map(TestMethod::view),
                _ => None,
            };
            let known = view.get(property).is_some_and(Value::is_null);
            match (object, view.get_mut(property)) {
                (Some(object), Some(place)) => *place = object,
                _ if known => {}
                _ => {
                    return StripeError::invalid(format!("This property cannot be expanded ({property})."))
                        .param("expand")
                        .refuse();
                }
            }
        }
        Ok(())
    }

    /// The view of the PaymentIntent.
    pub(crate) fn show_intent(&self, id: &str, expand: &[String]) -> Result<Value> {
        let Some(intent) = self.objects.intents.get(id) else {
            return StripeError::no_such("payment_intent", id, "intent").not_found().refuse();
        };
        let mut view = intent.view(self.pages);
        self.expand(&mut view, expand)?;
        Ok(view)
    }
}
