//! Changing a PayPal order before it is paid.

use reqwest::Method;

use crate::support::{HttpResponse, TestSandbox, Value, agreement, json, order, wallet};

/// The path of a field of the only purchase unit.
fn at(field: &str) -> String {
    format!("/purchase_units/@reference_id=='default'/{field}")
}

fn replace(field: &str, value: impl Into<Value>) -> Value {
    let value: Value = value.into();
    json!({ "op": "replace", "path": at(field), "value": value })
}

fn money(currency: &str, value: &str) -> Value {
    json!({ "currency_code": currency, "value": value })
}

async fn created(sandbox: &TestSandbox) -> HttpResponse {
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

async fn unit(sandbox: &TestSandbox, order: &str) -> Value {
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
async fn an_operation_must_fit_its_field_and_what_is_present() {
    let sandbox = TestSandbox::new().await;
    let id = created(&sandbox).await.id().to_owned();
    for (op, path) in [
        ("remove", at("amount")),
        ("add", at("amount")),
        ("add", at("soft_descriptor")),
        ("add", "/intent".to_owned()),
        ("remove", "/payer".to_owned()),
        ("remove", "/purchase_units/@reference_id=='default'".to_owned()),
        ("remove", at("shipping/name")),
        ("add", at("payee/email")),
        ("move", at("custom_id")),
        ("copy", at("custom_id")),
        ("test", at("custom_id")),
        // The order has a custom id, and none of the others.
        ("add", at("custom_id")),
        ("replace", at("invoice_id")),
        ("remove", at("description")),
        ("replace", at("shipping/name")),
        ("replace", at("payment_instruction")),
        ("replace", "/payer".to_owned()),
    ] {
        let mut operation = json!({ "op": op, "path": path });
        if op != "remove" {
            operation["value"] = json!("x");
        }
        let refused = sandbox.paypal_patch(&id, &json!([operation])).await;
        assert_eq!(refused.issue(), (400, "INVALID_PATCH_OPERATION", "/0/op"), "{op} {path}");
    }
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
async fn paths_that_name_nothing_patchable_are_refused() {
    let sandbox = TestSandbox::new().await;
    let id = created(&sandbox).await.id().to_owned();
    for (path, issue) in [
        ("/status", "NOT_PATCHABLE"),
        ("/id", "NOT_PATCHABLE"),
        ("/purchase_units/@reference_id=='default'/reference_id", "NOT_PATCHABLE"),
        ("/purchase_units/@reference_id=='default'/amount/value", "NOT_PATCHABLE"),
        ("/purchase_units", "INVALID_JSON_POINTER_FORMAT"),
        ("/purchase_units/0/amount", "INVALID_JSON_POINTER_FORMAT"),
        ("/purchase_units/@reference_id==default/amount", "INVALID_JSON_POINTER_FORMAT"),
        ("purchase_units/@reference_id=='default'/amount", "INVALID_JSON_POINTER_FORMAT"),
        ("/purchase_units/@reference_id=='other'/amount", "REFERENCE_ID_NOT_FOUND"),
    ] {
        let patch = json!([{ "op": "replace", "path": path, "value": money("USD", "1.00") }]);
        assert_eq!(sandbox.paypal_patch(&id, &patch).await.issue(), (422, issue, "/0/path"), "{path}");
    }
}

#[tokio::test]
async fn malformed_patches_are_refused_by_field() {
    let sandbox = TestSandbox::new().await;
    let id = created(&sandbox).await.id().to_owned();
    let custom_id = at("custom_id");
    for (patch, status, issue, field) in [
        (json!({ "op": "replace" }), 400, "MALFORMED_REQUEST_JSON", "/"),
        (json!([]), 400, "MISSING_REQUIRED_PARAMETER", "/"),
        (json!([{ "path": custom_id, "value": "x" }]), 400, "MISSING_REQUIRED_PARAMETER", "/0/op"),
        (json!([{ "op": "give", "path": custom_id }]), 400, "INVALID_PARAMETER_VALUE", "/0/op"),
        (json!([{ "op": "replace", "path": 1 }]), 400, "INVALID_PARAMETER_SYNTAX", "/0/path"),
        (json!([{ "op": "replace", "patch": "x" }]), 400, "INVALID_PARAMETER_SYNTAX", "/0/patch"),
        (json!([{ "op": "replace", "value": "x" }]), 422, "PATCH_PATH_REQUIRED", "/0/path"),
        (json!([{ "op": "replace", "path": custom_id }]), 422, "PATCH_VALUE_REQUIRED", "/0/value"),
        (json!([replace("custom_id", Value::Null)]), 422, "PATCH_VALUE_REQUIRED", "/0/value"),
        (json!([{ "op": "remove", "path": custom_id, "value": "x" }]), 422, "INVALID_PARAMETER", "/0/value"),
        (
            json!([{ "op": "replace", "path": custom_id, "value": "x", "from": "/intent" }]),
            422,
            "INVALID_PARAMETER",
            "/0/from",
        ),
    ] {
        let refused = sandbox.paypal_patch(&id, &patch).await;
        assert_eq!(refused.issue(), (status, issue, field), "{patch}");
    }
}

#[tokio::test]
async fn values_are_checked_as_strictly_as_those_of_a_new_order() {
    let sandbox = TestSandbox::new().await;
    let id = created(&sandbox).await.id().to_owned();
    let amount = |value: Value| json!([replace("amount", value)]);
    for (patch, status, issue, field) in [
        (
            json!([replace("custom_id", json!("x".repeat(128)))]),
            400,
            "INVALID_STRING_LENGTH",
            "/purchase_units/0/custom_id",
        ),
        (
            json!([replace("custom_id", json!(1))]),
            400,
            "INVALID_PARAMETER_SYNTAX",
            "/purchase_units/0/custom_id",
        ),
        (
            amount(json!({ "value": "1.00" })),
            400,
            "MISSING_REQUIRED_PARAMETER",
            "/purchase_units/0/amount/currency_code",
        ),
        (amount(money("USD", "0.001")), 422, "DECIMAL_PRECISION", "/purchase_units/0/amount/value"),
        (
            amount(money("XYZ", "1.00")),
            422,
            "INVALID_CURRENCY_CODE",
            "/purchase_units/0/amount/currency_code",
        ),
        (
            json!([{ "op": "replace", "path": "/intent", "value": "GIVE" }]),
            400,
            "INVALID_PARAMETER_VALUE",
            "/intent",
        ),
        (
            json!([{ "op": "add", "path": "/payer", "value": { "colour": "red" } }]),
            400,
            "INVALID_PARAMETER_SYNTAX",
            "/payer/colour",
        ),
        (
            json!([{ "op": "add", "path": at("shipping/type"), "value": "AIR" }]),
            400,
            "INVALID_PARAMETER_VALUE",
            "/purchase_units/0/shipping/type",
        ),
    ] {
        let refused = sandbox.paypal_patch(&id, &patch).await;
        assert_eq!(refused.issue(), (status, issue, field), "{patch}");
    }
    let seen = unit(&sandbox, &id).await;
    assert_eq!((&seen["custom_id"], &seen["amount"]), (&json!("txn_1"), &money("USD", "49.99")));
}

#[tokio::test]
async fn a_patch_must_be_declared_as_json() {
    let sandbox = TestSandbox::new().await;
    let path = format!("checkout/orders/{}", created(&sandbox).await.id());
    let request = sandbox.paypal_request(Method::PATCH, &path).await.body("[]");
    assert_eq!(sandbox.paypal_send(request).await.status, 415);
}

#[tokio::test]
async fn only_created_and_approved_orders_are_patched() {
    let sandbox = TestSandbox::new().await;
    let patch = json!([replace("custom_id", json!("txn_2"))]);
    let agreed = sandbox.paypal_order("CAPTURE", agreement("B-1")).await;
    assert_eq!(agreed.link("update"), agreed.link("self"));
    assert_eq!(sandbox.paypal_patch(agreed.id(), &patch).await.status, 204);

    let paid = sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    assert_eq!(paid.link("update"), None);
    assert_eq!(sandbox.paypal_patch(paid.id(), &patch).await.issue(), (422, "ORDER_ALREADY_COMPLETED", ""));

    let waiting = sandbox.paypal_order("CAPTURE", wallet("vault-action")).await;
    assert_eq!(waiting.link("update"), None);
    assert_eq!(sandbox.paypal_patch(waiting.id(), &patch).await.issue(), (422, "NOT_PATCHABLE", ""));

    let voided = created(&sandbox).await;
    let script = json!({ "provider": "paypal", "type": "order.voided", "id": voided.id() });
    assert_eq!(sandbox.control_post("happen", &script).await.status, 201);
    assert_eq!(sandbox.paypal_patch(voided.id(), &patch).await.issue(), (422, "NOT_PATCHABLE", ""));

    assert_eq!(sandbox.paypal_patch("NONE", &patch).await.issue(), (404, "INVALID_RESOURCE_ID", ""));
}

#[tokio::test]
async fn an_order_that_nobody_approved_in_time_is_not_found() {
    let sandbox = TestSandbox::new().await;
    let id = created(&sandbox).await.id().to_owned();
    sandbox.hours_pass(6);
    let patch = json!([replace("custom_id", json!("txn_2"))]);
    assert_eq!(sandbox.paypal_patch(&id, &patch).await.issue(), (404, "INVALID_RESOURCE_ID", ""));
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
