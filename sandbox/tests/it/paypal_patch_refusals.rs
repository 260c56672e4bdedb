//! Changes of a PayPal order that are refused.

use reqwest::Method;

use crate::paypal_patches::{at, created, money, replace, unit};
use crate::support::{TestSandbox, Value, agreement, json, wallet};

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
