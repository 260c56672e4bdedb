//! What a PayPal event is about (developer.paypal.com/api/rest/webhooks/event-names). Only names are taken
//! from it, and of a dispute what PayPal says of it; kinds and fields that are new are no trouble.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::answers::Link;
use super::currency::Sum;
use crate::domain::id::PaymentId;
use crate::domain::provider::ProviderRef;
use crate::domain::webhook::{
    About, Dispute, DisputeOutcome, DisputeStage, NotAnEvent, Notice, Trail, Verdict,
};
use crate::providers::untrusted;

#[derive(Deserialize)]
struct Event {
    id: String,
    event_type: String,
    #[serde(default)]
    create_time: Value,
    #[serde(default)]
    resource: Value,
}

/// The resource in it, as far as it can be read: every field may be missing or of another type.
struct Resource<'a>(&'a Value);

impl Resource<'_> {
    fn text(&self, path: &str) -> Option<&str> {
        self.0.pointer(path)?.as_str()
    }

    fn reference(&self, path: &str) -> Option<ProviderRef> {
        untrusted::reference(self.text(path)?)
    }

    fn payment(&self, path: &str) -> Option<PaymentId> {
        self.text(path)?.parse().ok()
    }

    fn code(&self, path: &str) -> Option<String> {
        untrusted::code(self.text(path)?)
    }

    fn time(&self, path: &str) -> Option<Timestamp> {
        self.text(path)?.parse().ok()
    }

    fn link(&self, rel: &str, kind: &str) -> Option<ProviderRef> {
        let links = self.0.get("links")?;
        Link::to(&Vec::<Link>::deserialize(links).ok()?, rel, kind)
    }

    fn up(&self, kind: &str) -> Option<ProviderRef> {
        self.link("up", kind)
    }

    fn order(&self) -> Option<ProviderRef> {
        self.reference("/supplementary_data/related_ids/order_id").or_else(|| self.up("orders"))
    }
}

pub(super) fn read(body: &[u8]) -> Result<Notice, NotAnEvent> {
    let event: Event = serde_json::from_slice(body).map_err(|_| NotAnEvent)?;
    let id = untrusted::event_id(&event.id).ok_or(NotAnEvent)?;
    let kind = untrusted::code(&event.event_type).ok_or(NotAnEvent)?;
    let created_at = event.create_time.as_str().and_then(|time| time.parse().ok());
    let about = about(&kind, &Resource(&event.resource), created_at);
    Ok(Notice { id, kind, created_at, about })
}

fn about(kind: &str, resource: &Resource<'_>, created_at: Option<Timestamp>) -> About {
    let id = resource.reference("/id");
    let payment = resource.payment("/custom_id");
    match kind {
        "PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.CAPTURE.REVERSED" => About::Refund(given_back(resource)),
        _ if kind.starts_with("PAYMENT.REFUND.") => {
            About::Refund(Trail { payment, reference: None, charge: resource.up("captures"), refund: id })
        }
        _ if kind.starts_with("PAYMENT.CAPTURE.") => {
            About::Payment(Trail { payment, reference: resource.order(), charge: id, refund: None })
        }
        _ if kind.starts_with("PAYMENT.AUTHORIZATION.") => {
            About::Payment(Trail { payment, reference: resource.order(), charge: None, refund: None })
        }
        _ if kind.starts_with("CHECKOUT.ORDER.") || kind.starts_with("CHECKOUT.PAYMENT-APPROVAL.") => {
            let payment = resource.payment("/purchase_units/0/custom_id");
            // The id of an approval that was reversed is the order's in one of two places.
            let reference = resource.reference("/order_id").or(id);
            About::Payment(Trail { payment, reference, charge: None, refund: None })
        }
        _ if kind.starts_with("CUSTOMER.DISPUTE.") => {
            dispute(kind, resource, created_at).map_or(About::Other, |dispute| {
                let trail = Trail {
                    payment: resource.payment("/disputed_transactions/0/custom"),
                    reference: None,
                    charge: resource.reference("/disputed_transactions/0/seller_transaction_id"),
                    refund: None,
                };
                About::Dispute(trail, dispute)
            })
        }
        _ => About::Other,
    }
}

/// What is in the event is the refund, and its capture only in a link. After a reversal it may be the capture itself:
/// then no refund is named, and those of the capture are looked at.
fn given_back(resource: &Resource<'_>) -> Trail {
    let payment = resource.payment("/custom_id");
    let (id, reference) = (resource.reference("/id"), resource.order());
    if let Some(capture) = resource.link("self", "captures") {
        return Trail { payment, reference, charge: Some(capture), refund: None };
    }
    let refund = resource.link("self", "refunds").or(id);
    Trail { payment, reference, charge: resource.up("captures"), refund }
}

fn dispute(kind: &str, resource: &Resource<'_>, created_at: Option<Timestamp>) -> Option<Dispute> {
    let amount = resource.0.get("dispute_amount");
    let money = amount.and_then(|sum| Sum::deserialize(sum).ok()).and_then(|sum| sum.money());
    let status = resource.code("/status");
    let is_closed = kind == "CUSTOMER.DISPUTE.RESOLVED" || status.as_deref() == Some("RESOLVED");
    let stage = match status.as_deref() {
        _ if is_closed => DisputeStage::Closed,
        Some("UNDER_REVIEW") => DisputeStage::Review,
        _ => DisputeStage::Open,
    };
    let code = resource.code("/dispute_outcome/outcome_code").filter(|_| is_closed);
    Some(Dispute {
        id: resource.reference("/dispute_id")?,
        reason: resource.code("/reason"),
        status,
        amount: money.map(|money| money.amount),
        currency: money.map(|money| money.currency),
        stage,
        outcome: code.map(|code| DisputeOutcome::new(verdict(&code), code)),
        opened_at: resource.time("/create_time"),
        closed_at: created_at.filter(|_| is_closed),
        as_of: created_at?,
        changed_at: resource.time("/update_time"),
    })
}

/// Who has the money (developer.paypal.com/api/customer-disputes/v1, `dispute_outcome`). With a payout PayPal itself
/// bears the loss. `NONE`: closed without a decision, because another dispute goes on in its place.
fn verdict(outcome_code: &str) -> Verdict {
    match outcome_code {
        "RESOLVED_SELLER_FAVOUR" | "RESOLVED_WITH_PAYOUT" | "DENIED" => Verdict::Won,
        "RESOLVED_BUYER_FAVOUR" | "ACCEPTED" => Verdict::Lost,
        "CANCELED_BY_BUYER" => Verdict::Withdrawn,
        _ => Verdict::Other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TXN: &str = "txn_00000000-0000-7101-8101-010101010101";

    fn notice(kind: &str, resource: &Value) -> Notice {
        let event = json!({
            "id": "WH-58D329510W468432D-8HN650336L201105X", "event_version": "1.0", "event_type": kind,
            "create_time": "2026-02-14T21:50:07.940Z", "resource_type": "any", "resource": resource,
            "links": [], "something_new": [1],
        });
        read(event.to_string().as_bytes()).unwrap()
    }

    fn up(href: &str) -> Value {
        json!([{ "href": "https://api.paypal.com/v2/x", "rel": "self" }, { "href": href, "rel": "up" }])
    }

    #[test]
    fn a_capture_names_its_order_in_one_of_two_places() {
        let order = Some(ProviderRef::new("1AB234567A1234567"));
        let related = json!({ "id": "C1", "custom_id": TXN,
            "supplementary_data": { "related_ids": { "order_id": "1AB234567A1234567" } } });
        let linked =
            json!({ "id": "C1", "links": up("https://api.paypal.com/v2/checkout/orders/1AB234567A1234567") });
        for (resource, id) in [(related, Some(TXN.to_owned())), (linked, None)] {
            let About::Payment(trail) = notice("PAYMENT.CAPTURE.COMPLETED", &resource).about else {
                panic!()
            };
            assert_eq!((trail.reference, trail.charge), (order.clone(), Some(ProviderRef::new("C1"))));
            assert_eq!(trail.payment.map(|id| id.to_string()), id);
        }
    }

    #[test]
    fn of_a_refunded_capture_the_refund_is_told_and_the_capture_is_above_it() {
        let resource = json!({ "id": "R1", "links": up("https://api.paypal.com/v2/payments/captures/0JF852973C016714D") });
        let About::Refund(trail) = notice("PAYMENT.CAPTURE.REFUNDED", &resource).about else { panic!() };
        assert_eq!(trail.refund, Some(ProviderRef::new("R1")));
        assert_eq!(trail.charge, Some(ProviderRef::new("0JF852973C016714D")));
    }

    #[test]
    fn a_reversal_that_shows_the_capture_names_no_refund() {
        let order = json!({ "related_ids": { "order_id": "1AB234567A1234567" } });
        let resource = json!({ "id": "C1", "custom_id": TXN, "status": "REVERSED", "supplementary_data": order,
            "links": [{ "href": "https://api.paypal.com/v2/payments/captures/C1", "rel": "self" }] });
        let About::Refund(trail) = notice("PAYMENT.CAPTURE.REVERSED", &resource).about else { panic!() };
        assert_eq!((trail.refund, trail.charge), (None, Some(ProviderRef::new("C1"))));
        assert_eq!(trail.reference, Some(ProviderRef::new("1AB234567A1234567")));
        assert_eq!(trail.payment.unwrap().to_string(), TXN);
    }

    #[test]
    fn a_refund_is_named_by_the_link_to_itself() {
        let links = json!([{ "href": "https://api.paypal.com/v2/payments/refunds/R2", "rel": "self" },
                           { "href": "https://api.paypal.com/v2/payments/captures/C1", "rel": "up" }]);
        let resource = json!({ "id": "R1", "links": links });
        let About::Refund(trail) = notice("PAYMENT.CAPTURE.REVERSED", &resource).about else { panic!() };
        assert_eq!(trail.refund, Some(ProviderRef::new("R2")));
        assert_eq!(trail.charge, Some(ProviderRef::new("C1")));
    }

    #[test]
    fn what_ends_an_order_or_an_authorization_leads_to_its_payment() {
        let order = Some(ProviderRef::new("1AB234567A1234567"));
        let unit = json!([{ "reference_id": "default", "custom_id": TXN }]);
        let voided = json!({ "id": "A1", "custom_id": TXN, "status": "VOIDED",
            "links": up("https://api.paypal.com/v2/checkout/orders/1AB234567A1234567") });
        for (kind, resource) in [
            ("PAYMENT.AUTHORIZATION.VOIDED", voided),
            ("CHECKOUT.ORDER.VOIDED", json!({ "id": "1AB234567A1234567", "purchase_units": unit })),
            (
                "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
                json!({ "order_id": "1AB234567A1234567", "purchase_units": unit }),
            ),
            (
                "CHECKOUT.PAYMENT-APPROVAL.REVERSED",
                json!({ "id": "1AB234567A1234567", "purchase_units": unit }),
            ),
        ] {
            let About::Payment(trail) = notice(kind, &resource).about else { panic!("{kind}") };
            assert_eq!(trail.reference, order, "{kind}");
            assert_eq!(trail.payment.unwrap().to_string(), TXN, "{kind}");
        }
    }

    #[test]
    fn an_approved_order_names_our_payment() {
        let resource = json!({ "id": "5O190127TN364715T", "purchase_units": [{ "custom_id": TXN }] });
        let About::Payment(trail) = notice("CHECKOUT.ORDER.APPROVED", &resource).about else { panic!() };
        assert_eq!(trail.payment.unwrap().to_string(), TXN);
        assert_eq!(trail.reference, Some(ProviderRef::new("5O190127TN364715T")));
    }

    #[test]
    fn a_dispute_leads_to_the_capture_it_is_about() {
        let resource = json!({
            "dispute_id": "PP-D-27803", "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "status": "RESOLVED",
            "dispute_amount": { "currency_code": "USD", "value": "49.99" },
            "create_time": "2026-02-01T00:00:00.000Z",
            "disputed_transactions": [{ "seller_transaction_id": "C1", "custom": TXN }],
        });
        let About::Dispute(trail, dispute) = notice("CUSTOMER.DISPUTE.RESOLVED", &resource).about else {
            panic!()
        };
        assert_eq!(trail.charge, Some(ProviderRef::new("C1")));
        assert_eq!(dispute.amount.unwrap().minor(), 4_999);
        assert!(dispute.opened_at.is_some() && dispute.closed_at == Some(dispute.as_of));
    }

    #[test]
    fn paypals_outcome_tells_who_has_the_money() {
        for (code, verdict) in [
            ("RESOLVED_SELLER_FAVOUR", Verdict::Won),
            ("RESOLVED_WITH_PAYOUT", Verdict::Won),
            ("DENIED", Verdict::Won),
            ("RESOLVED_BUYER_FAVOUR", Verdict::Lost),
            ("ACCEPTED", Verdict::Lost),
            ("CANCELED_BY_BUYER", Verdict::Withdrawn),
            ("NONE", Verdict::Other),
            ("A_WORD_OF_NEXT_YEAR", Verdict::Other),
        ] {
            let resource = json!({ "dispute_id": "PP-D-1", "status": "RESOLVED",
                "dispute_outcome": { "outcome_code": code }, "update_time": "2026-02-14T21:50:07.123Z" });
            let about = notice("CUSTOMER.DISPUTE.RESOLVED", &resource).about;
            let About::Dispute(_, told) = about else { panic!("{code}") };
            assert_eq!(told.outcome, Some(DisputeOutcome::new(verdict, code)));
            assert_eq!(told.changed_at.unwrap().subsec_millisecond(), 123);
        }
    }

    #[test]
    fn a_dispute_that_goes_on_has_no_outcome() {
        for (status, stage) in [
            ("OPEN", DisputeStage::Open),
            ("WAITING_FOR_SELLER_RESPONSE", DisputeStage::Open),
            ("UNDER_REVIEW", DisputeStage::Review),
            ("A_WORD_OF_NEXT_YEAR", DisputeStage::Open),
        ] {
            let resource = json!({ "dispute_id": "PP-D-1", "status": status,
                "dispute_outcome": { "outcome_code": "RESOLVED_BUYER_FAVOUR" } });
            let about = notice("CUSTOMER.DISPUTE.UPDATED", &resource).about;
            let About::Dispute(_, told) = about else { panic!("{status}") };
            assert_eq!((told.stage, told.outcome, told.closed_at), (stage, None, None), "{status}");
        }
    }

    #[test]
    fn what_is_new_or_strange_is_no_trouble() {
        assert_eq!(notice("BILLING.PLAN.CREATED", &json!({ "id": "P-1" })).about, About::Other);
        for resource in [json!(null), json!([1]), json!({ "id": 7, "links": "x", "custom_id": {} })] {
            let About::Payment(trail) = notice("PAYMENT.CAPTURE.OF-NEXT-YEAR", &resource).about else {
                panic!()
            };
            assert_eq!(trail, Trail::default());
        }
        for body in ["", "[]", "{}", r#"{"id":"WH-1"}"#, r#"{"id":"../x","event_type":"X"}"#] {
            assert_eq!(read(body.as_bytes()), Err(NotAnEvent), "{body}");
        }
    }
}
