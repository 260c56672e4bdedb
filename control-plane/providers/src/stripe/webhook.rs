//! The subject of a Stripe event (docs.stripe.com/api/events/object). Only ids are taken from it, and for a dispute
//! Stripe's own data; unknown kinds and fields are ignored.

use std::collections::BTreeMap;

use jiff::Timestamp;
use payments::model::provider::ProviderRef;
use payments::model::webhook::{
    Dispute, DisputeOutcome, DisputeStage, DisputeVerdict, EventRefs, EventSubject, NotAnEvent, ParsedEvent,
};
use serde::Deserialize;
use serde_json::Value;

use super::currency::from_stripe_units;
use crate::untrusted;

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    created: Value,
    #[serde(default)]
    data: Value,
}

/// The object in an event: every field may be missing or of another type.
struct Object<'a>(&'a Value);

impl Object<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    fn id(&self) -> Option<ProviderRef> {
        self.text("id").and_then(untrusted::reference)
    }

    /// A reference to another object, which may be expanded to the whole object.
    fn link(&self, name: &str) -> Option<ProviderRef> {
        let value = self.0.get(name)?;
        value.as_str().or_else(|| value.get("id")?.as_str()).and_then(untrusted::reference)
    }

    fn time(&self, name: &str) -> Option<Timestamp> {
        Timestamp::from_second(self.0.get(name)?.as_i64()?).ok()
    }

    fn refs(&self, reference: Option<ProviderRef>) -> EventRefs {
        let metadata: BTreeMap<&str, &Value> = self
            .0
            .get("metadata")
            .and_then(Value::as_object)
            .map(|pairs| pairs.iter().map(|(name, value)| (name.as_str(), value)).collect())
            .unwrap_or_default();
        let payment = metadata.get("transactionId").and_then(|id| id.as_str()?.parse().ok());
        EventRefs { payment, charge: reference.clone(), reference, refund: None }
    }
}

pub(super) fn read(body: &[u8]) -> Result<ParsedEvent, NotAnEvent> {
    let event: Event = serde_json::from_slice(body).map_err(|_| NotAnEvent)?;
    let id = untrusted::event_id(&event.id).ok_or(NotAnEvent)?;
    let kind = untrusted::code(&event.kind).ok_or(NotAnEvent)?;
    let created_at = event.created.as_i64().and_then(|at| Timestamp::from_second(at).ok());
    let nothing = Value::Null;
    let object = Object(event.data.get("object").unwrap_or(&nothing));
    let subject = subject(&kind, &object, created_at);
    Ok(ParsedEvent { id, kind, created_at, subject })
}

fn subject(kind: &str, object: &Object<'_>, created_at: Option<Timestamp>) -> EventSubject {
    let of_intent = || object.refs(object.link("payment_intent"));
    if kind.starts_with("payment_intent.") {
        EventSubject::Payment(object.refs(object.id()))
    } else if kind.starts_with("charge.dispute.") {
        dispute(kind, object, created_at)
            .map_or(EventSubject::Other, |dispute| EventSubject::Dispute(of_intent(), dispute))
    } else if kind.starts_with("charge.refund.") || kind.starts_with("refund.") {
        EventSubject::Refund(EventRefs { refund: object.id(), ..of_intent() })
    } else if kind == "charge.refunded" {
        EventSubject::Refund(of_intent())
    } else if kind.starts_with("charge.") {
        EventSubject::Payment(of_intent())
    } else {
        EventSubject::Other
    }
}

fn dispute(kind: &str, object: &Object<'_>, created_at: Option<Timestamp>) -> Option<Dispute> {
    let units = object.0.get("amount").and_then(Value::as_u64);
    let money = units.zip(object.text("currency")).and_then(|(units, code)| from_stripe_units(units, code));
    let status = object.text("status").and_then(untrusted::code);
    let is_closing = kind == "charge.dispute.closed";
    let (stage, verdict) = progress(status.as_deref(), is_closing);
    Some(Dispute {
        id: object.id()?,
        is_verified: true,
        reason: object.text("reason").and_then(untrusted::code),
        amount: money.map(|money| money.amount),
        currency: money.map(|money| money.currency),
        stage,
        outcome: verdict.zip(status.clone()).map(|(verdict, code)| DisputeOutcome::new(verdict, code)),
        status,
        opened_at: object.time("created"),
        closed_at: created_at.filter(|_| is_closing),
        as_of: created_at?,
        changed_at: None,
    })
}

/// A dispute's stage and verdict by Stripe's status (docs.stripe.com/api/disputes/object). An unknown status ends a
/// dispute only if the event closes it.
fn progress(status: Option<&str>, is_closing: bool) -> (DisputeStage, Option<DisputeVerdict>) {
    let closed = |verdict| (DisputeStage::Closed, Some(verdict));
    match status {
        Some("won") => closed(DisputeVerdict::Won),
        Some("lost") => closed(DisputeVerdict::Lost),
        Some("warning_closed") => closed(DisputeVerdict::Withdrawn),
        Some("prevented") => closed(DisputeVerdict::Prevented),
        Some("charge_refunded") => closed(DisputeVerdict::Other),
        _ if is_closing => closed(DisputeVerdict::Other),
        Some("warning_needs_response" | "warning_under_review") => (DisputeStage::Inquiry, None),
        Some("under_review") => (DisputeStage::Review, None),
        _ => (DisputeStage::Open, None),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TXN: &str = "txn_00000000-0000-7101-8101-010101010101";

    fn parsed(kind: &str, object: &Value) -> ParsedEvent {
        let event = json!({
            "id": "evt_1", "object": "event", "type": kind, "created": 1_767_225_600, "livemode": false,
            "data": { "object": object, "previous_attributes": {} }, "something_new": [1],
        });
        read(event.to_string().as_bytes()).unwrap()
    }

    #[test]
    fn a_payment_is_named_by_our_id_and_by_stripes() {
        let object =
            json!({ "id": "pi_1", "object": "payment_intent", "metadata": { "transactionId": TXN } });
        let read = parsed("payment_intent.succeeded", &object);
        let EventSubject::Payment(refs) = read.subject else { panic!("{read:?}") };
        assert_eq!(refs.payment.unwrap().to_string(), TXN);
        assert_eq!(refs.reference, Some(ProviderRef::new("pi_1")));
        assert_eq!((read.id.as_str(), read.created_at.unwrap().as_second()), ("evt_1", 1_767_225_600));
    }

    #[test]
    fn a_refund_leads_to_its_payment_also_where_that_is_expanded() {
        for intent in [json!("pi_1"), json!({ "id": "pi_1", "object": "payment_intent" })] {
            let object =
                json!({ "id": "re_1", "object": "refund", "payment_intent": intent, "metadata": null });
            for kind in ["refund.created", "charge.refund.updated"] {
                let EventSubject::Refund(refs) = parsed(kind, &object).subject else { panic!("{kind}") };
                assert_eq!(refs.reference, Some(ProviderRef::new("pi_1")));
                assert_eq!(refs.refund, Some(ProviderRef::new("re_1")));
            }
        }
    }

    #[test]
    fn a_dispute_is_closed_when_stripe_says_so() {
        let object = json!({
            "id": "du_1", "object": "dispute", "payment_intent": "pi_1", "amount": 4_999, "currency": "usd",
            "reason": "fraudulent", "status": "lost", "created": 1_767_200_000,
        });
        let EventSubject::Dispute(_, dispute) = parsed("charge.dispute.closed", &object).subject else {
            panic!()
        };
        assert_eq!(dispute.status.as_deref(), Some("lost"));
        assert_eq!(dispute.amount.unwrap().minor(), 4_999);
        assert_eq!(dispute.closed_at.unwrap().as_second(), 1_767_225_600);
        let EventSubject::Dispute(_, told) = parsed("charge.dispute.updated", &object).subject else {
            panic!()
        };
        assert_eq!(told.closed_at, None, "the event that closes it says when");
    }

    #[test]
    fn stripes_status_tells_how_far_a_dispute_has_come_and_how_it_ended() {
        let (updated, closed) = ("charge.dispute.updated", "charge.dispute.closed");
        for (kind, status, stage, outcome) in [
            (updated, "warning_needs_response", DisputeStage::Inquiry, None),
            (updated, "warning_under_review", DisputeStage::Inquiry, None),
            (updated, "needs_response", DisputeStage::Open, None),
            (updated, "under_review", DisputeStage::Review, None),
            (updated, "a_word_of_next_year", DisputeStage::Open, None),
            ("charge.dispute.funds_reinstated", "won", DisputeStage::Closed, Some(DisputeVerdict::Won)),
            (closed, "won", DisputeStage::Closed, Some(DisputeVerdict::Won)),
            (closed, "lost", DisputeStage::Closed, Some(DisputeVerdict::Lost)),
            (closed, "warning_closed", DisputeStage::Closed, Some(DisputeVerdict::Withdrawn)),
            (closed, "prevented", DisputeStage::Closed, Some(DisputeVerdict::Prevented)),
            (closed, "charge_refunded", DisputeStage::Closed, Some(DisputeVerdict::Other)),
            (closed, "a_word_of_next_year", DisputeStage::Closed, Some(DisputeVerdict::Other)),
        ] {
            let object = json!({ "id": "du_1", "payment_intent": "pi_1", "status": status });
            let EventSubject::Dispute(_, told) = parsed(kind, &object).subject else { panic!("{status}") };
            let outcome = outcome.map(|verdict| DisputeOutcome::new(verdict, status));
            assert_eq!((told.stage, told.outcome), (stage, outcome), "{kind} {status}");
        }
    }

    #[test]
    fn every_event_of_a_charge_or_refund_leads_to_its_payment() {
        let charge = json!({ "id": "ch_1", "object": "charge", "payment_intent": "pi_1",
            "metadata": { "transactionId": TXN } });
        for kind in ["charge.expired", "charge.failed", "charge.captured", "charge.refunded"] {
            let subject = parsed(kind, &charge).subject;
            let (EventSubject::Payment(refs) | EventSubject::Refund(refs)) = subject else {
                panic!("{kind}")
            };
            assert_eq!(refs.reference, Some(ProviderRef::new("pi_1")), "{kind}");
            assert_eq!(refs.payment.unwrap().to_string(), TXN, "{kind}");
        }
        let refund = json!({ "id": "re_1", "object": "refund", "charge": "ch_1", "payment_intent": "pi_1" });
        for kind in ["charge.refund.updated", "refund.created", "refund.updated", "refund.failed"] {
            let EventSubject::Refund(refs) = parsed(kind, &refund).subject else { panic!("{kind}") };
            assert_eq!(refs.reference, Some(ProviderRef::new("pi_1")), "{kind}");
            assert_eq!(refs.refund, Some(ProviderRef::new("re_1")), "{kind}");
        }
    }

    #[test]
    fn what_is_new_or_strange_is_no_trouble() {
        assert_eq!(parsed("customer.created", &json!({ "id": "cus_1" })).subject, EventSubject::Other);
        for object in [json!(null), json!([1]), json!({ "id": 7, "metadata": { "transactionId": 9 } })] {
            let EventSubject::Payment(refs) = parsed("payment_intent.of_next_year", &object).subject else {
                panic!()
            };
            assert_eq!(refs, EventRefs::default());
        }
        for body in
            ["", "[]", "{}", r#"{"id":"evt_1"}"#, r#"{"id":"a b","type":"x"}"#, r#"{"id":1,"type":"x"}"#]
        {
            assert_eq!(read(body.as_bytes()), Err(NotAnEvent), "{body}");
        }
    }
}
