//! Requests to PayPal. The same order always makes the same requests, request ids included, so a retry cannot charge
//! twice.

use edge_core::request::CaptureMode;
use payments::model::id::AttemptId;
use payments::model::provider::{CaptureOrder, ChargeOrder, ProviderRef, RefundOrder};
use reqwest::Method;
use serde_json::{Value, json};

use super::body::object;
use super::methods::PaymentMethod;
use crate::transport::{Body, ProviderRequest};

const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Creates an order over `sum`.
pub(super) fn create_order(
    order: &ChargeOrder,
    method: &PaymentMethod<'_>,
    sum: Value,
    return_url: Option<&str>,
) -> ProviderRequest {
    let unit = object([
        ("amount", Some(sum)),
        ("custom_id", Some(order.payment.to_string().into())),
        ("reference_id", order.customer_reference.as_deref().map(Into::into)),
        ("description", order.description.as_deref().map(Into::into)),
    ]);
    let intent = match order.capture {
        CaptureMode::Automatic => "CAPTURE",
        CaptureMode::Manual => "AUTHORIZE",
    };
    let body = object([
        ("intent", Some(intent.into())),
        ("purchase_units", Some(json!([unit]))),
        ("payment_source", method.source(return_url)),
    ]);
    let path = ["v2", "checkout", "orders"];
    keyed("charge", &path, &order.attempt, "order", body)
}

/// Captures or authorizes an order that the payer agreed to.
pub(super) fn complete_order(order: &ProviderRef, attempt: &AttemptId, mode: CaptureMode) -> ProviderRequest {
    let step = match mode {
        CaptureMode::Automatic => "capture",
        CaptureMode::Manual => "authorize",
    };
    let path = ["v2", "checkout", "orders", order.as_str(), step];
    keyed("charge", &path, attempt, step, json!({}))
}

pub(super) fn look_at_order(order: &ProviderRef) -> ProviderRequest {
    look(&["v2", "checkout", "orders", order.as_str()])
}

pub(super) fn look_at_authorization(authorization: &ProviderRef) -> ProviderRequest {
    look(&["v2", "payments", "authorizations", authorization.as_str()])
}

pub(super) fn look_at_capture(capture: &ProviderRef) -> ProviderRequest {
    look(&["v2", "payments", "captures", capture.as_str()])
}

pub(super) fn look_at_dispute(dispute: &ProviderRef) -> ProviderRequest {
    look(&["v1", "customer", "disputes", dispute.as_str()])
}

pub(super) fn look_at_refund(refund: &ProviderRef) -> ProviderRequest {
    look(&["v2", "payments", "refunds", refund.as_str()])
}

pub(super) fn capture(order: &CaptureOrder, sum: &Value) -> ProviderRequest {
    let path = ["v2", "payments", "authorizations", order.authorization.as_str(), "capture"];
    keyed("capture", &path, &order.attempt, "capture", json!({ "amount": sum, "final_capture": true }))
}

/// The endpoint takes no request id, but a second void has no further effect.
pub(super) fn void(authorization: &ProviderRef) -> ProviderRequest {
    ProviderRequest {
        operation: "cancel",
        method: Method::POST,
        path: path(&["v2", "payments", "authorizations", authorization.as_str(), "void"]),
        headers: vec![header(JSON)],
        body: Body::Empty,
    }
}

/// `custom_id` names the payment, as on all objects of a payment; `invoice_id` names the refund, and PayPal refuses a
/// duplicate.
pub(super) fn refund(order: &RefundOrder, sum: &Value) -> ProviderRequest {
    let body = json!({
        "amount": sum,
        "custom_id": order.payment.to_string(),
        "invoice_id": order.refund.to_string(),
    });
    let path = ["v2", "payments", "captures", order.charge.as_str(), "refund"];
    keyed("refund", &path, &order.attempt, "refund", body)
}

pub(super) fn token() -> ProviderRequest {
    ProviderRequest {
        operation: "token",
        method: Method::POST,
        path: path(&["v1", "oauth2", "token"]),
        headers: Vec::new(),
        body: Body::Form(vec![("grant_type".to_owned(), "client_credentials".to_owned())]),
    }
}

fn keyed(
    operation: &'static str,
    segments: &[&str],
    attempt: &AttemptId,
    step: &str,
    body: Value,
) -> ProviderRequest {
    ProviderRequest {
        operation,
        method: Method::POST,
        path: path(segments),
        headers: vec![
            ("PayPal-Request-Id", format!("{attempt}:{step}")),
            header(("Prefer", "return=representation")),
        ],
        body: Body::Json(body),
    }
}

fn look(segments: &[&str]) -> ProviderRequest {
    ProviderRequest {
        operation: "retrieve",
        method: Method::GET,
        path: path(segments),
        headers: Vec::new(),
        body: Body::Empty,
    }
}

fn path(segments: &[&str]) -> Vec<String> {
    segments.iter().map(|&segment| segment.to_owned()).collect()
}

fn header((name, value): (&'static str, &str)) -> (&'static str, String) {
    (name, value.to_owned())
}

#[cfg(test)]
mod tests {
    use edge_core::money::{Amount, Currency, Money};
    use jiff::Timestamp;

    use super::*;
    use crate::paypal::currency::sum;
    use payments::model::id::{PaymentId, RefundId};

    fn order() -> ChargeOrder {
        ChargeOrder {
            payment: PaymentId::new(Timestamp::UNIX_EPOCH, [1; 10]),
            client: edge_core::client::ClientId::parse("demo").unwrap(),
            attempt: AttemptId::new(Timestamp::UNIX_EPOCH, [2; 10]),
            money: Money {
                amount: Amount::new(4_999).unwrap(),
                currency: Currency::from_code("USD").unwrap(),
            },
            method: None,
            wallet: None,
            verification: None,
            is_judged: false,
            capture: CaptureMode::Manual,
            description: Some("two chairs".to_owned()),
            customer_reference: Some("customer-7".to_owned()),
            metadata: edge_core::request::Metadata::default(),
            return_url: None,
        }
    }

    fn show(request: &ProviderRequest) -> String {
        let mut lines = vec![format!("{} /{}", request.method, request.path.join("/"))];
        lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if let Body::Json(body) = &request.body {
            lines.push(body.to_string());
        }
        lines.join("\n")
    }

    #[test]
    fn an_order_names_the_payment_and_is_made_under_the_attempts_key() {
        let method = PaymentMethod::VaultedWallet("v1");
        let request = create_order(&order(), &method, sum(order().money).unwrap(), None);
        insta::assert_snapshot!(show(&request), @r#"
        POST /v2/checkout/orders
        PayPal-Request-Id: att_00000000-0000-7202-8202-020202020202:order
        Prefer: return=representation
        {"intent":"AUTHORIZE","payment_source":{"paypal":{"vault_id":"v1"}},"purchase_units":[{"amount":{"currency_code":"USD","value":"49.99"},"custom_id":"txn_00000000-0000-7101-8101-010101010101","description":"two chairs","reference_id":"customer-7"}]}
        "#);
    }

    #[test]
    fn later_steps_have_keys_of_their_own_within_paypals_length() {
        let ChargeOrder { payment, attempt, money, .. } = order();
        let id = ProviderRef::new("5O190127TN364715T");
        let refund_id = RefundId::new(Timestamp::UNIX_EPOCH, [3; 10]);
        let sum = sum(money).unwrap();
        let requests = [
            complete_order(&id, &attempt, CaptureMode::Automatic),
            complete_order(&id, &attempt, CaptureMode::Manual),
            capture(&CaptureOrder { payment, attempt, authorization: id.clone(), money }, &sum),
            refund(&RefundOrder { payment, refund: refund_id, attempt, charge: id.clone(), money }, &sum),
            void(&id),
        ];
        for (name, value) in requests.iter().flat_map(|request| &request.headers) {
            assert!(*name != "PayPal-Request-Id" || value.len() <= 108, "{value}");
        }
        insta::assert_snapshot!(requests.iter().map(show).collect::<Vec<_>>().join("\n"), @r#"
        POST /v2/checkout/orders/5O190127TN364715T/capture
        PayPal-Request-Id: att_00000000-0000-7202-8202-020202020202:capture
        Prefer: return=representation
        {}
        POST /v2/checkout/orders/5O190127TN364715T/authorize
        PayPal-Request-Id: att_00000000-0000-7202-8202-020202020202:authorize
        Prefer: return=representation
        {}
        POST /v2/payments/authorizations/5O190127TN364715T/capture
        PayPal-Request-Id: att_00000000-0000-7202-8202-020202020202:capture
        Prefer: return=representation
        {"amount":{"currency_code":"USD","value":"49.99"},"final_capture":true}
        POST /v2/payments/captures/5O190127TN364715T/refund
        PayPal-Request-Id: att_00000000-0000-7202-8202-020202020202:refund
        Prefer: return=representation
        {"amount":{"currency_code":"USD","value":"49.99"},"custom_id":"txn_00000000-0000-7101-8101-010101010101","invoice_id":"rfnd_00000000-0000-7303-8303-030303030303"}
        POST /v2/payments/authorizations/5O190127TN364715T/void
        Content-Type: application/json
        "#);
    }
}
