//! Reading PayPal's orders, authorizations, captures and refunds.

use edge_core::money::{Amount, Currency};
use jiff::Timestamp;
use payments::model::provider::RefusalKind;
use payments::model::snapshot::ProviderStatus;
use serde_json::{Value, json};

use super::*;

const TXN: &str = "txn_00000000-0000-7101-8101-010101010101";
const OTHER: &str = "txn_00000000-0000-7202-8202-020202020202";

fn expected(mode: CaptureMode) -> Expected {
    Expected {
        payment: PaymentId::new(Timestamp::UNIX_EPOCH, [1; 10]),
        money: Money { amount: Amount::new(4_999).unwrap(), currency: Currency::from_code("USD").unwrap() },
        mode,
    }
}

fn transaction_json(id: &str, status: &str) -> Value {
    json!({
        "id": id, "status": status, "custom_id": TXN, "amount": { "currency_code": "USD", "value": "49.99" },
        "something_new": [1],
    })
}

fn order_with(status: &str, captures: &[Value], authorizations: &[Value]) -> Order {
    let order = json!({
        "id": "5O190127TN364715T", "status": status, "intent": "CAPTURE",
        "purchase_units": [{
            "reference_id": "default", "custom_id": TXN, "amount": { "currency_code": "USD", "value": "49.99" },
            "payments": { "captures": captures, "authorizations": authorizations, "refunds": [] },
        }],
        "links": [{ "href": "https://www.paypal.com/checkoutnow?token=5O190127TN364715T", "rel": "approve", "method": "GET" }],
    });
    serde_json::from_value(order).unwrap()
}

fn id() -> ProviderRef {
    ProviderRef::new("5O190127TN364715T")
}

fn paid_by(captures: &[Value]) -> Option<ProviderResult<Charged>> {
    order_with("COMPLETED", captures, &[]).paid(&id(), &expected(CaptureMode::Automatic))
}

#[test]
fn a_completed_order_with_a_declined_capture_is_a_decline() {
    let mut capture = transaction_json("C1", "DECLINED");
    capture["processor_response"] = json!({ "response_code": "0500", "avs_code": "G" });
    let Some(Err(NotDone::Refused(refusal))) = paid_by(&[capture]) else { panic!("not refused") };
    assert_eq!(refusal.kind, RefusalKind::Declined);
    assert_eq!(refusal.code.as_deref(), Some("DECLINED"));
    assert_eq!(refusal.decline_code.as_deref(), Some("0500"));
}

#[test]
fn each_status_of_a_capture_has_its_meaning() {
    let completed = Charged::Completed { payment: id(), charge: ProviderRef::new("C1"), paid_with: None };
    for (status, meaning) in [
        ("COMPLETED", completed.clone()),
        ("PARTIALLY_REFUNDED", completed.clone()),
        ("REFUNDED", completed.clone()),
        ("REVERSED", completed),
        ("PENDING", Charged::Pending { payment: id() }),
    ] {
        assert_eq!(paid_by(&[transaction_json("C1", status)]), Some(Ok(meaning)), "{status}");
    }
    assert!(matches!(paid_by(&[transaction_json("C1", "NEXT_YEARS")]), Some(Err(NotDone::Unknown(_)))));
    assert_eq!(paid_by(&[]), None);
}

#[test]
fn what_a_review_denied_is_declined_by_its_reason() {
    let mut denied = transaction_json("C1", "DENIED");
    assert!(
        matches!(paid_by(&[denied.clone()]), Some(Err(NotDone::Refused(r))) if r.kind == RefusalKind::Declined)
    );
    denied["status_details"] = json!({ "reason": "PAYER_ACCOUNT_LOCKED" });
    let reopened = order_with("APPROVED", &[denied], &[]).snapshot().unwrap().provider_status;
    let ProviderStatus::Approved { declined: Some(refusal), .. } = reopened else { panic!("{reopened:?}") };
    assert_eq!(refusal.decline_code.as_deref(), Some("PAYER_ACCOUNT_LOCKED"));
}

#[test]
fn each_status_of_an_authorization_has_its_meaning() {
    let read = |status: &str| {
        let order = order_with("COMPLETED", &[], &[transaction_json("A1", status)]);
        order.paid(&id(), &expected(CaptureMode::Manual)).unwrap()
    };
    let held = Charged::Authorized { payment: id(), authorization: ProviderRef::new("A1"), paid_with: None };
    assert_eq!(read("CREATED"), Ok(held));
    assert_eq!(read("PENDING"), Ok(Charged::Pending { payment: id() }));
    assert!(matches!(read("DENIED"), Err(NotDone::Refused(r)) if r.kind == RefusalKind::Declined));
    assert!(matches!(read("CAPTURED"), Err(NotDone::Unknown(_))));
}

#[test]
fn a_success_after_a_decline_is_a_success() {
    let captures = [transaction_json("C1", "DECLINED"), transaction_json("C2", "COMPLETED")];
    let completed = Charged::Completed { payment: id(), charge: ProviderRef::new("C2"), paid_with: None };
    assert_eq!(paid_by(&captures), Some(Ok(completed.clone())));
    let [first, second] = captures;
    assert_eq!(paid_by(&[second, first]), Some(Ok(completed)));
}

#[test]
fn a_payment_of_something_else_is_never_believed() {
    for (field, value) in [
        ("amount", json!({ "currency_code": "USD", "value": "49.98" })),
        ("amount", json!({ "currency_code": "EUR", "value": "49.99" })),
        ("amount", Value::Null),
        ("custom_id", json!(OTHER)),
        ("id", json!("../../orders")),
    ] {
        let mut capture = transaction_json("C1", "COMPLETED");
        capture[field] = value;
        let read = paid_by(&[capture]);
        assert!(matches!(read, Some(Err(NotDone::Unknown(_)))), "{field}: {read:?}");
    }
}

#[test]
fn an_order_is_compared_with_the_request_field_by_field() {
    let order = order_with("APPROVED", &[], &[]);
    assert_eq!(order.contradicts(&expected(CaptureMode::Automatic)), None);
    assert_eq!(order.contradicts(&expected(CaptureMode::Manual)), Some("capture"));
    let asked = |minor, code: &str| {
        let money =
            Money { amount: Amount::new(minor).unwrap(), currency: Currency::from_code(code).unwrap() };
        order.contradicts(&Expected { money, ..expected(CaptureMode::Automatic) })
    };
    assert_eq!(asked(5_000, "USD"), Some("amount"));
    assert_eq!(asked(4_999, "EUR"), Some("currency"));
}

#[test]
fn the_custom_id_says_whose_an_order_is() {
    let payment = expected(CaptureMode::Automatic).payment;
    assert_eq!(owner(Some(TXN), payment), Owner::ThisPayment);
    assert_eq!(owner(Some(OTHER), payment), Owner::AnotherPayment);
    assert_eq!(owner(Some("invoice 7"), payment), Owner::Client);
    assert_eq!(owner(None, payment), Owner::Client);
}

#[test]
fn the_payer_is_sent_to_the_page_that_paypal_names_first() {
    let links = |links: &Value| serde_json::from_value::<Vec<Link>>(links.clone()).unwrap();
    let approve = json!({ "rel": "approve", "href": "https://paypal.example/approve" });
    let action = json!({ "rel": "payer-action", "href": "https://paypal.example/action" });
    let script = json!({ "rel": "payer-action", "href": "javascript:alert(1)" });
    let other = json!({ "rel": "self", "href": "https://paypal.example/self" });
    let page = |all: &Value| Link::payers_page(&links(all));
    assert_eq!(page(&json!([other, approve, action])).as_deref(), Some("https://paypal.example/action"));
    assert_eq!(page(&json!([other, approve])).as_deref(), Some("https://paypal.example/approve"));
    assert_eq!(page(&json!([other, script])), None);
    assert_eq!(page(&json!([])), None);
}

#[test]
fn a_refund_is_processed_pending_or_failed() {
    let read = |status: &str| {
        let refund: Transaction = serde_json::from_value(transaction_json("R1", status)).unwrap();
        refund.refunded(&expected(CaptureMode::Automatic))
    };
    let refund = ProviderRef::new("R1");
    assert_eq!(read("COMPLETED"), Ok(Refunded::Processed { refund: refund.clone() }));
    assert_eq!(read("PENDING"), Ok(Refunded::Pending { refund }));
    for status in ["FAILED", "CANCELLED"] {
        assert!(
            matches!(read(status), Err(NotDone::Refused(r)) if r.code.as_deref() == Some("refund_failed"))
        );
    }
}

#[test]
fn what_paypal_took_back_is_a_refund_of_what_was_left_of_the_capture() {
    let mut order = order_with("COMPLETED", &[transaction_json("C1", "REVERSED")], &[]);
    let provider_status = order.snapshot().unwrap().provider_status;
    assert!(
        matches!(provider_status, ProviderStatus::Captured { money, .. } if money.amount.minor() == 4_999),
        "{provider_status:?}"
    );
    let reversal = |order: &Order| {
        let refunds = order.refunds().unwrap();
        let of_the_capture = refunds.into_iter().find(|refund| refund.reference.as_str() == "C1");
        of_the_capture.map(|refund| refund.money.unwrap().amount.minor())
    };
    assert_eq!(reversal(&order), Some(4_999));
    for (value, left) in [("20.00", Some(2_999)), ("29.99", None)] {
        let refund = json!({
            "id": "R1", "status": "COMPLETED", "amount": { "currency_code": "USD", "value": value },
            "links": [{ "href": "https://api.paypal.com/v2/payments/captures/C1", "rel": "up" }],
        });
        order.purchase_units[0].payments.refunds.push(serde_json::from_value(refund).unwrap());
        assert_eq!(reversal(&order), left, "{value}");
    }
}

#[test]
fn what_is_not_an_order_leaves_the_outcome_open() {
    for body in [
        "",
        "<html>ok</html>",
        "[]",
        "{}",
        r#"{"id":1,"status":"COMPLETED"}"#,
        r#"{"id":"a/b","status":"X"}"#,
    ] {
        let answer = ProviderResponse::of(201, body.to_owned());
        assert!(matches!(super::order(&answer, RequestKind::Look), Err(NotDone::Unknown(_))), "{body}");
    }
}

#[test]
fn after_a_declined_capture_what_was_held_may_still_end() {
    let declined = [transaction_json("C1", "DECLINED")];
    let provider_status =
        |held| order_with("COMPLETED", &declined, &[transaction_json("A1", held)]).snapshot();
    assert!(matches!(provider_status("CREATED").unwrap().provider_status, ProviderStatus::Declined(_)));
    for (ended, is_expired) in [("VOIDED", false), ("EXPIRED", true)] {
        assert_eq!(provider_status(ended).unwrap().provider_status, ProviderStatus::Canceled { is_expired });
    }
}
