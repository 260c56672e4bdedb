//! Answers that real providers were seen to give and the sandbox does not.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use edge_core::provider::Provider;
use payments::model::provider::{Outcome, ProviderRef, RefusalKind};
use payments::ports::clock::SystemClock;
use payments::ports::provider::PaymentProvider;
use payments_providers::Providers;
use serde_json::{Value, json};

use crate::sandbox_fixture::{
    Expect, SandboxFixture, completed, invalid, paypal_issue, settings, to_be_acted_on,
};

async fn provider(provider: Provider, script: Router) -> Arc<dyn PaymentProvider> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, script).await });
    Providers::new(settings(&base), Arc::new(SystemClock)).unwrap().get(provider).unwrap()
}

/// A PaymentIntent of the amount that was asked for, with `more` in it.
fn intent(asked: &HashMap<String, String>, more: &Value) -> Json<Value> {
    let mut intent = json!({
        "id": "pi_1", "amount": asked["amount"].parse::<u64>().unwrap(), "currency": asked["currency"],
        "metadata": { "transactionId": asked["metadata[transactionId]"] },
    });
    intent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Json(intent)
}

fn only_in_the_browser() -> Value {
    json!({ "status": "requires_action", "next_action": { "type": "use_stripe_sdk", "use_stripe_sdk": {} } })
}

#[tokio::test]
async fn a_payment_that_only_a_browser_could_finish_is_canceled_and_then_declined() {
    let create = post(|Form(asked): Form<HashMap<String, String>>| async move {
        intent(&asked, &only_in_the_browser())
    });
    let cancel = post(|Path(id): Path<String>| async move {
        Json(json!({ "id": id, "status": "canceled", "amount": 4_999, "currency": "usd" }))
    });
    let script =
        Router::new().route("/v1/payment_intents", create).route("/v1/payment_intents/{id}/cancel", cancel);
    let stripe = provider(Provider::Stripe, script).await;
    let order = SandboxFixture::open().await.charge(4_999, "USD", Some("pm_card_visa"));
    let refusal = stripe.charge(&order).await.refused();
    assert_eq!(
        (refusal.kind, refusal.code.as_deref()),
        (RefusalKind::Declined, Some("authentication_required"))
    );
}

#[tokio::test]
async fn a_payment_that_could_not_be_canceled_is_not_called_declined() {
    let create = post(|Form(asked): Form<HashMap<String, String>>| async move {
        intent(&asked, &only_in_the_browser())
    });
    let cancel = post(async || StatusCode::SERVICE_UNAVAILABLE);
    let script =
        Router::new().route("/v1/payment_intents", create).route("/v1/payment_intents/{id}/cancel", cancel);
    let stripe = provider(Provider::Stripe, script).await;
    let order = SandboxFixture::open().await.charge(4_999, "USD", Some("pm_card_visa"));
    let answer = stripe.charge(&order).await;
    assert!(
        matches!(&answer, Outcome::Unknown(uncertainty) if uncertainty.reference.is_some()),
        "{answer:?}"
    );
}

#[tokio::test]
async fn a_success_over_another_amount_is_not_believed() {
    let create = post(|Form(asked): Form<HashMap<String, String>>| async move {
        intent(&asked, &json!({ "status": "succeeded", "amount_received": 4_999, "amount": 499_900 }))
    });
    let stripe = provider(Provider::Stripe, Router::new().route("/v1/payment_intents", create)).await;
    let order = SandboxFixture::open().await.charge(4_999, "USD", Some("pm_card_visa"));
    let answer = stripe.charge(&order).await;
    assert!(matches!(answer, Outcome::Unknown(_)), "{answer:?}");
}

fn token_route() -> Router {
    let token =
        post(async || Json(json!({ "access_token": "A21", "token_type": "Bearer", "expires_in": 32_400 })));
    Router::new().route("/v1/oauth2/token", token)
}

/// The order that was asked for, as just made.
fn created(asked: &Value) -> (StatusCode, Json<Value>) {
    let order = json!({
        "id": "5O190127TN364715T", "status": "CREATED", "intent": asked["intent"],
        "purchase_units": asked["purchase_units"], "links": [],
    });
    (StatusCode::CREATED, Json(order))
}

#[tokio::test]
async fn an_order_that_paypal_does_not_show_is_the_mistake_of_the_client_that_names_it() {
    for (status, name, issue) in [
        (StatusCode::NOT_FOUND, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID"),
        (StatusCode::FORBIDDEN, "NOT_AUTHORIZED", "PERMISSION_DENIED"),
    ] {
        let error = json!({ "name": name, "details": [{ "issue": issue, "description": "No." }] });
        let look = get(move || async move { (status, Json(error)) });
        let script = token_route().route("/v2/checkout/orders/{id}", look);
        let paypal = provider(Provider::Paypal, script).await;
        let order = SandboxFixture::open().await.charge(4_999, "USD", Some("5O190127TN364715T"));
        assert_eq!(paypal.charge(&order).await.refused().kind, invalid("paymentMethodId"), "{issue}");
    }
}

#[tokio::test]
async fn an_order_of_a_vaulted_card_may_still_need_its_capture() {
    let create = post(|Json(asked): Json<Value>| async move { created(&asked) });
    let capture = post(|Path(id): Path<String>| async move {
        let amount = json!({ "currency_code": "USD", "value": "49.99" });
        let captures = json!([{ "id": "3C679366HH908993F", "status": "COMPLETED", "amount": amount }]);
        let units = json!([{ "reference_id": "default", "payments": { "captures": captures } }]);
        (StatusCode::CREATED, Json(json!({ "id": id, "status": "COMPLETED", "purchase_units": units })))
    });
    let script =
        token_route().route("/v2/checkout/orders", create).route("/v2/checkout/orders/{id}/capture", capture);
    let paypal = provider(Provider::Paypal, script).await;
    let order = SandboxFixture::open().await.charge(4_999, "USD", Some("card:v1"));
    assert_eq!(completed(paypal.charge(&order).await.done()).as_str(), "3C679366HH908993F");
}

#[tokio::test]
async fn a_capture_that_wants_the_payer_leads_to_their_page() {
    let create = post(|Json(asked): Json<Value>| async move { created(&asked) });
    let capture = post(async || {
        let error = json!({
            "name": "UNPROCESSABLE_ENTITY",
            "details": [{ "issue": "PAYER_ACTION_REQUIRED", "description": "Payer needs to perform an action." }],
            "links": [{ "rel": "payer-action", "href": "https://paypal.example/checkoutnow" }],
        });
        (StatusCode::UNPROCESSABLE_ENTITY, Json(error))
    });
    let script =
        token_route().route("/v2/checkout/orders", create).route("/v2/checkout/orders/{id}/capture", capture);
    let paypal = provider(Provider::Paypal, script).await;
    let order = SandboxFixture::open().await.charge(4_999, "USD", Some("B-1"));
    let (session, page) = to_be_acted_on(paypal.charge(&order).await.done());
    assert_eq!(
        (session.as_str(), page.as_str()),
        ("5O190127TN364715T", "https://paypal.example/checkoutnow")
    );
}

#[tokio::test]
async fn an_order_that_was_captured_and_does_not_show_it_yet_stays_open() {
    let fixture = SandboxFixture::open().await;
    let order = fixture.charge(4_999, "USD", None);
    let unit = json!({
        "custom_id": order.payment.to_string(), "amount": { "currency_code": "USD", "value": "49.99" },
    });
    let look = get(move |Path(id): Path<String>| {
        let shown = json!({ "id": id, "status": "APPROVED", "intent": "CAPTURE", "purchase_units": [unit] });
        async { Json(shown) }
    });
    let capture =
        post(async || (StatusCode::UNPROCESSABLE_ENTITY, Json(paypal_issue("ORDER_ALREADY_CAPTURED"))));
    let script = token_route()
        .route("/v2/checkout/orders/{id}", look)
        .route("/v2/checkout/orders/{id}/capture", capture);
    let paypal = provider(Provider::Paypal, script).await;
    let answer = paypal.resume(&fixture.resume(&order, &ProviderRef::new("5O190127TN364715T"))).await;
    assert!(matches!(answer, Outcome::Unknown(_)), "{answer:?}");
}

#[tokio::test]
async fn a_token_is_replaced_once_and_not_for_ever() {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&calls);
    let create = post(move || {
        counted.fetch_add(1, Ordering::SeqCst);
        async { (StatusCode::UNAUTHORIZED, Json(json!({ "name": "AUTHENTICATION_FAILURE" }))) }
    });
    let paypal = provider(Provider::Paypal, token_route().route("/v2/checkout/orders", create)).await;
    let order = SandboxFixture::open().await.charge(4_999, "USD", Some("v1"));
    assert_eq!(paypal.charge(&order).await.refused().kind, RefusalKind::Configuration);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}
