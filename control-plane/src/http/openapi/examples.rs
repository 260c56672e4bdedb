//! Examples for each operation: what is asked, and what each success answers. They tell one story: a charge of 49.99 USD
//! and a partial refund of it.

use serde_json::{Map, Value, json};

pub(super) const TRANSACTION: &str = "txn_01a208c0-8b0a-7f79-8faa-ca2c29f93c7b";
const REFUND: &str = "rfnd_01a208c0-8f3c-7d69-b637-7bc2ac16540c";
const ATTEMPT: &str = "att_01a208c0-8b0a-79c2-9968-7fee35403b76";
const EVENT: &str = "evt_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaba";
pub(super) const REQUEST: &str = "b0f2a6a0-6f0e-4f6b-9c56-0d3b1d2c7a11";
const CREATED: &str = "2026-01-31T12:00:00.000000Z";
const UPDATED: &str = "2026-01-31T12:00:00.420000Z";

/// An example for the content of a request or of an answer with this status.
struct Example {
    /// `request`, a status, or a status and `stream` for an event of a stream.
    of: &'static str,
    /// Where one content has several examples.
    name: &'static str,
    value: Value,
}

fn one(of: &'static str, value: Value) -> Example {
    Example { of, name: "usual", value }
}

fn named(of: &'static str, name: &'static str, value: Value) -> Example {
    Example { of, name, value }
}

/// Adds its examples to an operation.
pub(super) fn add(id: &str, operation: &mut Map<String, Value>) {
    for Example { of, name, value } in of(id) {
        let (of, kind) = match of.strip_suffix(" stream") {
            Some(of) => (of, "/content/text~1event-stream"),
            None => (of, "/content/application~1json"),
        };
        let content = match of {
            "request" => operation.get_mut("requestBody"),
            status => operation.get_mut("responses").and_then(|responses| responses.get_mut(status)),
        };
        let content = content.and_then(|content| content.pointer_mut(kind));
        let Some(content) = content.and_then(Value::as_object_mut) else { continue };
        let examples = content.entry("examples").or_insert_with(|| json!({}));
        if let Some(examples) = examples.as_object_mut() {
            examples.insert(name.to_owned(), json!({ "value": value }));
        }
    }
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
    for parameter in parameters.filter_map(Value::as_object_mut) {
        if parameter.get("in").is_some_and(|place| place == "path") {
            let id = if id == "getRefund" { REFUND } else { TRANSACTION };
            parameter.insert("example".to_owned(), id.into());
        }
    }
}

fn of(id: &str) -> Vec<Example> {
    match id {
        "createCharge" => charge(),
        "createRefund" => refund_request(),
        "capturePayment" => capture(),
        "cancelPayment" => {
            let status =
                |status: &str| json!({ "success": true, "transactionId": TRANSACTION, "status": status });
            vec![one("request", json!({})), one("200", status("canceled")), one("202", status("pending"))]
        }
        "getPayment" => {
            let more = json!({ "success": true, "refunds": [refund()], "disputes": [] });
            vec![one("200", with(payment(), more))]
        }
        "listPayments" => vec![one("200", json!({ "success": true, "data": [payment()], "hasMore": true }))],
        "listPaymentEvents" => vec![one("200", json!({ "success": true, "data": trail() }))],
        "provePaymentEvents" => {
            let proof = json!({ "index": 17, "version": 0, "record": RECORD, "proof": PROOF });
            vec![one("200", json!({ "success": true, "data": [proof], "hasMore": false }))]
        }
        "getRefund" => vec![one("200", with(refund(), json!({ "success": true })))],
        "listEvents" => {
            let [_, _, event] = events();
            let event = with(event, json!({ "id": EVENT, "transactionId": TRANSACTION, "version": 2 }));
            let page = json!({ "success": true, "data": [event], "hasMore": false, "cursor": EVENT });
            let payers = json!({
                "id": EVENT, "type": "payment.completed", "transactionId": TRANSACTION, "version": 2, "at": UPDATED,
                "status": "completed",
            });
            vec![one("200", page), named("200 stream", "payer", payers)]
        }
        "getWalletConfig" => vec![one("200", wallet_config())],
        "createEventTicket" => vec![
            one("request", json!({ "payment": TRANSACTION, "expiresIn": 300 })),
            one(
                "200",
                json!({ "success": true, "ticket": "evtk_dbdlgldbdlgegfgngpdl", "expiresAt": "2026-01-31T12:05:00Z" }),
            ),
        ],
        "receiveStripeWebhook" => webhook(json!({
            "id": "evt_1Sv", "object": "event", "type": "payment_intent.succeeded", "created": 1_769_860_800,
            "data": { "object": { "id": "pi_1Sv", "object": "payment_intent" } },
        })),
        "receivePaypalWebhook" => webhook(json!({
            "id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "create_time": "2026-01-31T12:00:00Z",
            "resource_type": "capture", "resource": { "id": "3C6" },
        })),
        // The whole document would be its own example.
        "getApiDescription" => vec![one("200", json!({ "openapi": "3.1.0" }))],
        _ => Vec::new(),
    }
}

fn refund_request() -> Vec<Example> {
    let refund = |status: &str| json!({ "success": true, "refundId": REFUND, "status": status });
    vec![
        one("request", json!({ "transactionId": TRANSACTION, "amount": 1000 })),
        one("200", refund("processed")),
        one("202", refund("pending")),
    ]
}

fn capture() -> Vec<Example> {
    let captured = |status: &str, amount: u64| json!({ "success": true, "transactionId": TRANSACTION, "status": status, "amountCaptured": amount });
    vec![
        named("request", "part", json!({ "amount": 4000 })),
        named("request", "all", json!({})),
        one("200", captured("captured", 4000)),
        one("202", captured("pending", 0)),
    ]
}

fn wallet_config() -> Value {
    let wallets = ["apple_pay", "google_pay"];
    let providers = json!([
        { "provider": "stripe", "publishableKey": "pk_test_51Sv", "wallets": wallets },
        { "provider": "paypal", "clientId": "AZDxjDScFpQtjWTOUtWKbyN", "wallets": wallets },
    ]);
    json!({ "success": true, "domain": "shop.example", "providers": providers })
}

fn webhook(event: Value) -> Vec<Example> {
    vec![one("request", event), one("200", json!({ "success": true }))]
}

fn charge() -> Vec<Example> {
    let answer = |status: &str| json!({ "success": true, "transactionId": TRANSACTION, "status": status });
    let approval = json!({ "type": "redirect", "url": "https://www.paypal.com/checkoutnow?token=5O1" });
    let action = with(answer("requires_action"), json!({ "nextAction": approval }));
    vec![
        named(
            "request",
            "stripe",
            json!({
                "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa",
                "metadata": { "order": "1234" },
            }),
        ),
        // The payer chooses how to pay, and approves, at PayPal.
        named(
            "request",
            "paypal",
            json!({
                "provider": "paypal", "amount": 4999, "currency": "EUR", "returnUrl": "https://shop.example/return",
            }),
        ),
        // Apple Pay or Google Pay: the confirmation token of Stripe.js.
        named(
            "request",
            "wallet",
            json!({
                "provider": "stripe", "amount": 4999, "currency": "USD",
                "paymentMethodId": "ctoken_1NnQUf2eZvKYlo2CIObdtnxb",
            }),
        ),
        // An order that the payer's browser confirms.
        named(
            "request",
            "paypalWallet",
            json!({ "provider": "paypal", "amount": 4999, "currency": "EUR", "wallet": "google_pay" }),
        ),
        named("200", "completed", answer("completed")),
        named("200", "authorized", answer("authorized")),
        named("200", "requires_action", action),
        one("202", answer("pending")),
    ]
}

fn payment() -> Value {
    json!({
        "transactionId": TRANSACTION, "status": "completed", "provider": "stripe", "amount": 4999, "currency": "USD",
        "capture": "automatic", "amountCaptured": 4999, "amountRefunded": 1000, "paymentMethodId": "pm_card_visa",
        "metadata": { "order": "1234" }, "providerReference": "pi_1Sv", "createdAt": CREATED, "updatedAt": UPDATED,
    })
}

fn refund() -> Value {
    json!({
        "refundId": REFUND, "transactionId": TRANSACTION, "status": "processed", "amount": 1000, "currency": "USD",
        "providerReference": "re_1Sv", "createdAt": CREATED, "updatedAt": UPDATED,
    })
}

/// The first object with the fields of the second.
fn with(object: Value, more: Value) -> Value {
    let fields = [object, more].into_iter().filter_map(|object| match object {
        Value::Object(fields) => Some(fields),
        _ => None,
    });
    Value::Object(fields.flatten().collect())
}

/// The events of a charge.
fn events() -> [Value; 3] {
    let event = |kind: &str, more: Value| {
        let event = json!({
            "type": format!("payment.{kind}"), "to": kind, "at": CREATED, "client": "shop", "requestId": REQUEST,
            "amount": 4999, "address": "203.0.113.7", "outcome": "pending",
        });
        with(event, more)
    };
    [
        event("created", json!({})),
        event("processing", json!({ "from": "created", "operation": "charge", "attemptId": ATTEMPT })),
        event(
            "completed",
            json!({ "from": "processing", "providerReference": "pi_1Sv", "at": UPDATED, "outcome": "success" }),
        ),
    ]
}

/// As a payment's client sees them: the last one is younger than the newest checkpoint.
fn trail() -> Vec<Value> {
    let place = |(version, event)| match version {
        2 => with(event, json!({ "version": version, "sealed": false })),
        _ => with(event, json!({ "version": version, "sealed": true, "index": 17 + version })),
    };
    (0_u64..).zip(events()).map(place).collect()
}

/// What is sealed of an event.
const RECORD: &str = r#"{"at":1769860800000000,"by":"b0f2a6a0-6f0e-4f6b-9c56-0d3b1d2c7a11","client":"shop","detail":"{\"amount\":4999}","kind":"transition","payment":"txn_01a208c0-8b0a-7f79-8faa-ca2c29f93c7b","to":"created","v":1,"version":0}"#;
const PROOF: &str = "c2sp.org/tlog-proof@v1\nindex 17\nqY2T…=\n\nshop.example/audit\n19\nCsUY…=\nsealed-at 1769860805000000\n\n\u{2014} shop.example/audit 2mTi…\n";
