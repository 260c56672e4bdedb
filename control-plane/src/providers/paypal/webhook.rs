//! What a PayPal event is about (developer.paypal.com/api/rest/webhooks/event-names). Only names are taken
//! from it, and of a dispute what PayPal says of it; kinds and fields that are new are no trouble.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::answers::Link;
use super::currency::Sum;
use crate::domain::id::PaymentId;
use crate::domain::provider::ProviderRef;
use crate::domain::webhook::{About, Dispute, NotAnEvent, Notice, Trail};
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

    fn up(&self, kind: &str) -> Option<ProviderRef> {
        let links = self.0.get("links")?;
        Link::up(&Vec::<Link>::deserialize(links).ok()?, kind)
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
        // What is in these is the refund, and its capture only in a link.
        "PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.CAPTURE.REVERSED" => {
            About::Refund(Trail { payment, reference: None, charge: resource.up("captures"), refund: id })
        }
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
            let reference =
                if kind.starts_with("CHECKOUT.ORDER.") { id } else { resource.reference("/order_id") };
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

fn dispute(kind: &str, resource: &Resource<'_>, created_at: Option<Timestamp>) -> Option<Dispute> {
    let amount = resource.0.get("dispute_amount");
    let money = amount.and_then(|sum| Sum::deserialize(sum).ok()).and_then(|sum| sum.money());
    Some(Dispute {
        id: resource.reference("/dispute_id")?,
        reason: resource.code("/reason"),
        status: resource.code("/status"),
        amount: money.map(|money| money.amount),
        currency: money.map(|money| money.currency),
        opened_at: resource.text("/create_time").and_then(|time| time.parse().ok()),
        closed_at: created_at.filter(|_| kind == "CUSTOMER.DISPUTE.RESOLVED"),
        as_of: created_at?,
    })
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
