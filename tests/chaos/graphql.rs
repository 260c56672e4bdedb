//! A charge by GraphQL, and its response as REST would give it, so that one model judges both.

use edge_core::error::ErrorCode;
use gateway_tests::HttpResponse;
use serde_json::{Value, json};

use crate::model::{CANARY, CUSTOMER, Charge, DESCRIPTION, RETURN_URL, Response};

const CHARGE: &str = "mutation Charge($input: ChargePaymentInput!) {
    chargePayment(input: $input) { transactionId payment { status } userErrors { code } } }";

/// The body of the request: as [`Charge::body`], of a charge that needs neither a wallet nor a capture.
pub(crate) fn body(charge: &Charge, label: &str, amount: u64) -> String {
    let input = json!({
        "provider": charge.provider.to_uppercase(), "amount": amount, "currency": charge.currency,
        "paymentMethodId": charge.method_id, "returnUrl": RETURN_URL,
        "description": DESCRIPTION, "customerReference": CUSTOMER,
        "metadata": [{ "key": "ask", "value": label }, { "key": "canary", "value": CANARY }],
    });
    json!({ "query": CHARGE, "variables": { "input": input } }).to_string()
}

pub(crate) fn read(answer: &HttpResponse) -> Response {
    // The edge and Envoy answer as they do over REST.
    if answer.status != 200 {
        return Response { status: answer.status, body: answer.text() };
    }
    let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if let Some(error) = told["errors"].get(0) {
        return refused(error);
    }
    let payload = &told["data"]["chargePayment"];
    let transaction = &payload["transactionId"];
    if let Some(declined) = payload["userErrors"].get(0) {
        let error = json!({ "code": declined["code"], "transactionId": transaction });
        return Response { status: 402, body: json!({ "error": error }).to_string() };
    }
    // The payment is as it is now, which is later than the answer: one that has failed meanwhile was open.
    let (http_status, status) = match payload["payment"]["status"].as_str().unwrap_or_default() {
        "PENDING" | "FAILED" => (202, "pending".to_owned()),
        decided => (200, decided.to_lowercase()),
    };
    let body = json!({ "transactionId": transaction, "status": status });
    Response { status: http_status, body: body.to_string() }
}

fn refused(error: &Value) -> Response {
    let mut detail = error["extensions"].clone();
    detail["message"] = error["message"].clone();
    let code = serde_json::from_value(detail["code"].clone());
    Response { status: code.map_or(500, ErrorCode::status), body: json!({ "error": detail }).to_string() }
}
