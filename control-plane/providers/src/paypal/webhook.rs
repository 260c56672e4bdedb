//! The subject of a PayPal event (developer.paypal.com/api/rest/webhooks/event-names). Only ids are taken from it, and
//! for a dispute the event's claims; unknown kinds and fields are ignored.

use jiff::Timestamp;
use payments::model::webhook::{EventRefs, EventSubject, NotAnEvent, ParsedEvent};
use serde::Deserialize;
use serde_json::Value;

use super::dispute::claimed;
use super::resource::Resource;
use crate::untrusted;

#[derive(Deserialize)]
struct Event {
    id: String,
    event_type: String,
    #[serde(default)]
    create_time: Value,
    #[serde(default)]
    resource: Value,
}

pub(super) fn read(body: &[u8]) -> Result<ParsedEvent, NotAnEvent> {
    let event: Event = serde_json::from_slice(body).map_err(|_| NotAnEvent)?;
    let id = untrusted::event_id(&event.id).ok_or(NotAnEvent)?;
    let kind = untrusted::code(&event.event_type).ok_or(NotAnEvent)?;
    let created_at = event.create_time.as_str().and_then(|time| time.parse().ok());
    let subject = subject(&kind, &Resource(&event.resource), created_at);
    Ok(ParsedEvent { id, kind, created_at, subject })
}

fn subject(kind: &str, resource: &Resource<'_>, created_at: Option<Timestamp>) -> EventSubject {
    let id = resource.reference("/id");
    let payment = resource.payment("/custom_id");
    match kind {
        "PAYMENT.CAPTURE.REFUNDED" | "PAYMENT.CAPTURE.REVERSED" => EventSubject::Refund(given_back(resource)),
        _ if kind.starts_with("PAYMENT.REFUND.") => EventSubject::Refund(EventRefs {
            payment,
            reference: None,
            charge: resource.up("captures"),
            refund: id,
        }),
        _ if kind.starts_with("PAYMENT.CAPTURE.") => EventSubject::Payment(EventRefs {
            payment,
            reference: resource.order(),
            charge: id,
            refund: None,
        }),
        _ if kind.starts_with("PAYMENT.AUTHORIZATION.") => EventSubject::Payment(EventRefs {
            payment,
            reference: resource.order(),
            charge: None,
            refund: None,
        }),
        _ if kind.starts_with("CHECKOUT.ORDER.") || kind.starts_with("CHECKOUT.PAYMENT-APPROVAL.") => {
            let payment = resource.payment("/purchase_units/0/custom_id");
            // A reversed approval has the order's id in one of two places.
            let reference = resource.reference("/order_id").or(id);
            EventSubject::Payment(EventRefs { payment, reference, charge: None, refund: None })
        }
        _ if kind.starts_with("CUSTOMER.DISPUTE.") => claimed(kind, resource, created_at),
        _ => EventSubject::Other,
    }
}

/// The event contains the refund, and its capture only as a link. After a reversal it may contain the capture itself:
/// then no refund is named, and the capture's refunds are looked up.
fn given_back(resource: &Resource<'_>) -> EventRefs {
    let payment = resource.payment("/custom_id");
    let (id, reference) = (resource.reference("/id"), resource.order());
    if let Some(capture) = resource.link("self", "captures") {
        return EventRefs { payment, reference, charge: Some(capture), refund: None };
    }
    let charge = resource.up("captures");
    // Without its capture, the refund could be anyone's: then the payment's refunds are looked up.
    let refund = resource.link("self", "refunds").or(id).filter(|_| charge.is_some());
    EventRefs { payment, reference, charge, refund }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use payments::model::provider::ProviderRef;

    const TXN: &str = "txn_00000000-0000-7101-8101-010101010101";

    fn parsed(kind: &str, resource: &Value) -> ParsedEvent {
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
            let EventSubject::Payment(refs) = parsed("PAYMENT.CAPTURE.COMPLETED", &resource).subject else {
                panic!()
            };
            assert_eq!((refs.reference, refs.charge), (order.clone(), Some(ProviderRef::new("C1"))));
            assert_eq!(refs.payment.map(|id| id.to_string()), id);
        }
    }

    #[test]
    fn of_a_refunded_capture_the_refund_is_told_and_the_capture_is_above_it() {
        let resource = json!({ "id": "R1", "links": up("https://api.paypal.com/v2/payments/captures/0JF852973C016714D") });
        let EventSubject::Refund(refs) = parsed("PAYMENT.CAPTURE.REFUNDED", &resource).subject else {
            panic!()
        };
        assert_eq!(refs.refund, Some(ProviderRef::new("R1")));
        assert_eq!(refs.charge, Some(ProviderRef::new("0JF852973C016714D")));
    }

    #[test]
    fn a_reversal_that_shows_the_capture_names_no_refund() {
        let order = json!({ "related_ids": { "order_id": "1AB234567A1234567" } });
        let resource = json!({ "id": "C1", "custom_id": TXN, "status": "REVERSED", "supplementary_data": order,
            "links": [{ "href": "https://api.paypal.com/v2/payments/captures/C1", "rel": "self" }] });
        let EventSubject::Refund(refs) = parsed("PAYMENT.CAPTURE.REVERSED", &resource).subject else {
            panic!()
        };
        assert_eq!((refs.refund, refs.charge), (None, Some(ProviderRef::new("C1"))));
        assert_eq!(refs.reference, Some(ProviderRef::new("1AB234567A1234567")));
        assert_eq!(refs.payment.unwrap().to_string(), TXN);
    }

    #[test]
    fn a_refund_is_named_by_the_link_to_itself() {
        let links = json!([{ "href": "https://api.paypal.com/v2/payments/refunds/R2", "rel": "self" },
                           { "href": "https://api.paypal.com/v2/payments/captures/C1", "rel": "up" }]);
        let resource = json!({ "id": "R1", "links": links });
        let EventSubject::Refund(refs) = parsed("PAYMENT.CAPTURE.REVERSED", &resource).subject else {
            panic!()
        };
        assert_eq!(refs.refund, Some(ProviderRef::new("R2")));
        assert_eq!(refs.charge, Some(ProviderRef::new("C1")));
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
            let EventSubject::Payment(refs) = parsed(kind, &resource).subject else { panic!("{kind}") };
            assert_eq!(refs.reference, order, "{kind}");
            assert_eq!(refs.payment.unwrap().to_string(), TXN, "{kind}");
        }
    }

    #[test]
    fn an_approved_order_names_our_payment() {
        let resource = json!({ "id": "5O190127TN364715T", "purchase_units": [{ "custom_id": TXN }] });
        let EventSubject::Payment(refs) = parsed("CHECKOUT.ORDER.APPROVED", &resource).subject else {
            panic!()
        };
        assert_eq!(refs.payment.unwrap().to_string(), TXN);
        assert_eq!(refs.reference, Some(ProviderRef::new("5O190127TN364715T")));
    }

    #[test]
    fn what_is_new_or_strange_is_no_trouble() {
        assert_eq!(parsed("BILLING.PLAN.CREATED", &json!({ "id": "P-1" })).subject, EventSubject::Other);
        for resource in [json!(null), json!([1]), json!({ "id": 7, "links": "x", "custom_id": {} })] {
            let EventSubject::Payment(refs) = parsed("PAYMENT.CAPTURE.OF-NEXT-YEAR", &resource).subject
            else {
                panic!()
            };
            assert_eq!(refs, EventRefs::default());
        }
        for body in ["", "[]", "{}", r#"{"id":"WH-1"}"#, r#"{"id":"../x","event_type":"X"}"#] {
            assert_eq!(read(body.as_bytes()), Err(NotAnEvent), "{body}");
        }
    }
}
