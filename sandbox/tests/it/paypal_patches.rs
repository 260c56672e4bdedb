//! Changing a PayPal order before it is paid.

use reqwest::Method;

use crate::support::{HttpResponse, TestSandbox, Value, json, order};

/// The path of a field of the only purchase unit.
pub(crate) fn at(field: &str) -> String {
    format!("/purchase_units/@reference_id=='default'/{field}")
}

pub(crate) fn replace(field: &str, value: impl Into<Value>) -> Value {
    let value: Value = value.into();
    json!({ "op": "replace", "path": at(field), "value": value })
}

pub(crate) fn money(currency: &str, value: &str) -> Value {
    json!({ "currency_code": currency, "value": value })
}

pub(crate) async fn created(sandbox: &TestSandbox) -> HttpResponse {
    sandbox.paypal_post("checkout/orders", &order("CAPTURE", "USD", "49.99", json!(null))).await
}

async fn approved(sandbox: &TestSandbox) -> String {
    let created = created(sandbox).await;
    let page = created.link("approve").unwrap();
    sandbox.visit(Method::GET, &format!("{page}&outcome=approve")).await;
    created.id().to_owned()
}

async fn get(sandbox: &TestSandbox, order: &str) -> Value {
    sandbox.paypal_get(&format!("checkout/orders/{order}")).await.body
}

pub(crate) async fn unit(sandbox: &TestSandbox, order: &str) -> Value {
    get(sandbox, order).await["purchase_units"][0].clone()
}

#[tokio::test]
async fn a_changed_amount_of_an_approved_order_is_shown_and_captured() {
    let sandbox = TestSandbox::new().await;
    let id = approved(&sandbox).await;
    let patched = sandbox.paypal_patch(&id, &json!([replace("amount", money("USD", "55.00"))])).await;
    assert_eq!((patched.status, patched.text.as_str()), (204, ""));
    let seen = get(&sandbox, &id).await;
    assert_eq!(seen["status"], "APPROVED");
    assert_eq!(seen["purchase_units"][0]["amount"], money("USD", "55.00"));
    let captured = sandbox.paypal_post(&format!("checkout/orders/{id}/capture"), &json!({})).await;
    assert_eq!(captured.capture()["amount"], money("USD", "55.00"));
    assert_eq!(sandbox.effects().await, ["charge 5500 USD"]);
}

#[tokio::test]
async fn a_changed_currency_of_an_approved_order_is_shown_and_captured() {
    let sandbox = TestSandbox::new().await;
    let id = approved(&sandbox).await;
    let patch = json!([replace("amount", money("JPY", "499"))]);
    assert_eq!(sandbox.paypal_patch(&id, &patch).await.status, 204);
    assert_eq!(unit(&sandbox, &id).await["amount"], money("JPY", "499"));
    sandbox.paypal_post(&format!("checkout/orders/{id}/capture"), &json!({})).await;
    assert_eq!(sandbox.effects().await, ["charge 499 JPY"]);
}

#[tokio::test]
async fn texts_are_added_replaced_and_removed_and_reach_the_capture() {
    let sandbox = TestSandbox::new().await;
    let id = approved(&sandbox).await;
    let patch = json!([
        { "op": "add", "path": at("description"), "value": "A thing" },
        { "op": "add", "path": at("invoice_id"), "value": "INV-1" },
        replace("custom_id", json!("txn_2")),
        replace("description", json!("Another thing")),
    ]);
    assert_eq!(sandbox.paypal_patch(&id, &patch).await.status, 204);
    let seen = unit(&sandbox, &id).await;
    assert_eq!(
        (&seen["description"], &seen["invoice_id"], &seen["custom_id"]),
        (&json!("Another thing"), &json!("INV-1"), &json!("txn_2"))
    );
    let removal = json!([{ "op": "remove", "path": at("description") }]);
    assert_eq!(sandbox.paypal_patch(&id, &removal).await.status, 204);
    assert_eq!(unit(&sandbox, &id).await["description"], Value::Null);
    let captured = sandbox.paypal_post(&format!("checkout/orders/{id}/capture"), &json!({})).await;
    assert_eq!(captured.capture()["invoice_id"], "INV-1");
    assert_eq!(sandbox.ledger().await[0]["transactionId"], "txn_2");
}

#[tokio::test]
async fn items_shipping_and_payer_are_shown_as_patched() {
    let sandbox = TestSandbox::new().await;
    let id = created(&sandbox).await.id().to_owned();
    let items = json!([{ "name": "thing", "quantity": "2", "unit_amount": money("USD", "10.00") }]);
    let amount = json!({ "currency_code": "USD", "value": "25.00", "breakdown":
        { "item_total": money("USD", "20.00"), "shipping": money("USD", "5.00") } });
    let payer = json!({ "email_address": "shopper@example.com" });
    let address = json!({ "country_code": "US", "postal_code": "94107" });
    let patch = json!([
        { "op": "add", "path": at("items"), "value": items },
        replace("amount", amount.clone()),
        { "op": "add", "path": at("shipping/address"), "value": address },
        { "op": "add", "path": at("shipping/type"), "value": "SHIPPING" },
        { "op": "add", "path": "/payer", "value": payer },
    ]);
    let patched = sandbox.paypal_patch(&id, &patch).await;
    assert_eq!(patched.status, 204, "{}", patched.text);
    let seen = get(&sandbox, &id).await;
    let unit = &seen["purchase_units"][0];
    assert_eq!((&unit["items"], &unit["amount"]), (&items, &amount));
    assert_eq!(unit["shipping"], json!({ "address": address, "type": "SHIPPING" }));
    assert_eq!(seen["payer"], payer);
}

#[tokio::test]
async fn the_amount_of_an_order_with_items_must_still_add_up() {
    let sandbox = TestSandbox::new().await;
    let mut body = order("CAPTURE", "USD", "20.00", json!(null));
    let unit = &mut body["purchase_units"][0];
    unit["amount"]["breakdown"] = json!({ "item_total": money("USD", "20.00") });
    unit["items"] = json!([{ "name": "thing", "quantity": "2", "unit_amount": money("USD", "10.00") }]);
    let id = sandbox.paypal_post("checkout/orders", &body).await.id().to_owned();
    let with = |breakdown: Value| {
        json!([replace(
            "amount",
            json!({ "currency_code": "USD", "value": "25.00", "breakdown": breakdown })
        )])
    };
    for (patch, issue) in [
        (json!([replace("amount", money("USD", "25.00"))]), "ITEM_TOTAL_REQUIRED"),
        (with(json!({ "item_total": money("USD", "20.00") })), "AMOUNT_MISMATCH"),
        (with(json!({ "item_total": money("USD", "25.00") })), "ITEM_TOTAL_MISMATCH"),
        (
            json!([{ "op": "remove", "path": at("items") }, replace("amount", money("USD", "0.00"))]),
            "CANNOT_BE_ZERO_OR_NEGATIVE",
        ),
        (json!([replace("amount", money("EUR", "20.00"))]), "ITEM_TOTAL_REQUIRED"),
    ] {
        let refused = sandbox.paypal_patch(&id, &patch).await;
        assert_eq!((refused.status, refused.issue().1), (422, issue), "{patch}");
    }
    let with_shipping =
        with(json!({ "item_total": money("USD", "20.00"), "shipping": money("USD", "5.00") }));
    assert_eq!(sandbox.paypal_patch(&id, &with_shipping).await.status, 204);
}

#[tokio::test]
async fn a_patch_applies_as_a_whole_or_not_at_all() {
    let sandbox = TestSandbox::new().await;
    let id = approved(&sandbox).await;
    let patch = json!([replace("amount", money("USD", "55.00")), replace("invoice_id", json!("INV-1"))]);
    let refused = sandbox.paypal_patch(&id, &patch).await;
    assert_eq!(refused.issue(), (400, "INVALID_PATCH_OPERATION", "/1/op"));
    assert_eq!(unit(&sandbox, &id).await["amount"], money("USD", "49.99"));
}

#[tokio::test]
async fn a_changed_intent_decides_how_the_order_is_paid() {
    let sandbox = TestSandbox::new().await;
    let id = approved(&sandbox).await;
    let patch = json!([{ "op": "replace", "path": "/intent", "value": "AUTHORIZE" }]);
    assert_eq!(sandbox.paypal_patch(&id, &patch).await.status, 204);
    let capture = sandbox.paypal_post(&format!("checkout/orders/{id}/capture"), &json!({})).await;
    assert_eq!(capture.issue().1, "ACTION_DOES_NOT_MATCH_INTENT");
    let held = sandbox.paypal_post(&format!("checkout/orders/{id}/authorize"), &json!({})).await;
    assert_eq!(held.authorization()["status"], "CREATED");
    assert_eq!(sandbox.effects().await, ["authorize 4999 USD"]);
}

#[tokio::test]
async fn purchase_units_are_replaced_and_added_by_their_reference_id() {
    let sandbox = TestSandbox::new().await;
    let id = approved(&sandbox).await;
    let whole = |op: &str, reference: &str, value: Value| json!([{ "op": op, "path": format!("/purchase_units/@reference_id=='{reference}'"), "value": value }]);
    let unit = |value: &str| json!({ "amount": money("USD", value) });
    assert_eq!(sandbox.paypal_patch(&id, &whole("replace", "default", unit("10.00"))).await.status, 204);
    assert_eq!(sandbox.paypal_patch(&id, &whole("add", "second", unit("5.00"))).await.status, 204);
    let intent = json!([{ "op": "replace", "path": "/intent", "value": "AUTHORIZE" }]);
    for (patch, status, issue, field) in [
        (whole("add", "second", unit("1.00")), 400, "INVALID_PATCH_OPERATION", "/0/op"),
        (whole("replace", "third", unit("1.00")), 400, "INVALID_PATCH_OPERATION", "/0/op"),
        (whole("add", "third", json!([unit("1.00")])), 400, "INVALID_PARAMETER_SYNTAX", "/purchase_units/2"),
        (
            whole("replace", "second", json!({ "amount": money("USD", "1.00"), "reference_id": "other" })),
            400,
            "INVALID_PARAMETER_VALUE",
            "/purchase_units/1/reference_id",
        ),
        (
            whole("replace", "second", json!({ "amount": money("EUR", "1.00") })),
            422,
            "MULTI_CURRENCY_ORDER",
            "/purchase_units/1/amount",
        ),
        (intent, 422, "UNSUPPORTED_INTENT", "/intent"),
    ] {
        let refused = sandbox.paypal_patch(&id, &patch).await;
        assert_eq!(refused.issue(), (status, issue, field), "{patch}");
    }
    let units = get(&sandbox, &id).await["purchase_units"].clone();
    assert_eq!(units[0]["custom_id"], Value::Null);
    assert_eq!(units[1]["reference_id"], "second");
    sandbox.paypal_post(&format!("checkout/orders/{id}/capture"), &json!({})).await;
    assert_eq!(sandbox.effects().await, ["charge 1000 USD", "charge 500 USD"]);
}

#[tokio::test]
async fn an_order_has_ten_purchase_units_at_most() {
    let sandbox = TestSandbox::new().await;
    let id = created(&sandbox).await.id().to_owned();
    let units = |count: usize| {
        let path = |number| format!("/purchase_units/@reference_id=='{number}'");
        let value = json!({ "amount": money("USD", "1.00") });
        (0..count)
            .map(|number| json!({ "op": "add", "path": path(number), "value": value }))
            .collect::<Value>()
    };
    let refused = sandbox.paypal_patch(&id, &units(10)).await;
    assert_eq!(refused.issue(), (400, "INVALID_ARRAY_MAX_ITEMS", "/purchase_units"));
    assert_eq!(sandbox.paypal_patch(&id, &units(9)).await.status, 204);
}

#[tokio::test]
async fn an_approved_order_has_the_payer_who_approved() {
    let sandbox = TestSandbox::new().await;
    let id = approved(&sandbox).await;
    let payer =
        |op: &str| json!([{ "op": op, "path": "/payer", "value": { "email_address": "a@example.com" } }]);
    assert_eq!(sandbox.paypal_patch(&id, &payer("add")).await.issue().1, "INVALID_PATCH_OPERATION");
    assert_eq!(sandbox.paypal_patch(&id, &payer("replace")).await.status, 204);
    assert_eq!(get(&sandbox, &id).await["payer"], json!({ "email_address": "a@example.com" }));
}

#[tokio::test]
async fn a_patch_is_answered_without_a_body_whatever_is_preferred_and_takes_no_request_id() {
    let sandbox = TestSandbox::new().await;
    let id = approved(&sandbox).await;
    let path = format!("checkout/orders/{id}");
    for amount in ["50.00", "51.00"] {
        let request = sandbox.paypal_request(Method::PATCH, &path).await.header("PayPal-Request-Id", "k");
        let patch = json!([replace("amount", money("USD", amount))]);
        let patched = sandbox.paypal_send(request.json(&patch)).await;
        assert_eq!((patched.status, patched.text.as_str()), (204, ""));
        assert_eq!(unit(&sandbox, &id).await["amount"]["value"], amount);
    }
}
