//! A sandbox per test, and clients that read like the providers' documentation.

pub(crate) mod receiver;
mod schemas;
pub(crate) mod webhooks;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use provider_sandbox::{Config, ManualClock, Sandbox, start};
use reqwest::{Method, RequestBuilder};
pub(crate) use serde_json::{Value, json};
use tokio::sync::OnceCell;

/// A sandbox with its own clock, and the contracts if they are present.
pub(crate) struct TestSandbox {
    sandbox: Sandbox,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) http: reqwest::Client,
    token: OnceCell<String>,
}

/// An HTTP response.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
    /// The body; `null` if it is not JSON.
    pub(crate) body: Value,
}

impl TestSandbox {
    pub(crate) async fn new() -> Self {
        Self::with(|config| config).await
    }

    pub(crate) async fn with(change: impl FnOnce(Config) -> Config) -> Self {
        let clock = Arc::new(ManualClock::at("2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap()));
        let config = Config { contracts: schemas::folder(), clock: clock.clone(), ..Config::default() };
        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { sandbox: start(change(config)).await.unwrap(), clock, http, token: OnceCell::new() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.sandbox.url()) }
    }

    pub(crate) fn hours_pass(&self, hours: i64) {
        self.clock.advance(SignedDuration::from_hours(hours));
    }

    /// A request to the sandbox's own pages and controls.
    pub(crate) async fn visit(&self, method: Method, path: &str) -> HttpResponse {
        HttpResponse::of(self.http.request(method, self.url(path))).await
    }

    // Stripe

    pub(crate) fn stripe_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(&format!("/v1/{path}"))).bearer_auth("sk_test_123")
    }

    /// `POST /v1/{path}` with a form, as `a=1&b=2`.
    pub(crate) async fn stripe_post(&self, path: &str, form: &str) -> HttpResponse {
        self.stripe_send(self.stripe_form(path, form)).await
    }

    pub(crate) async fn stripe_post_with_key(&self, key: &str, path: &str, form: &str) -> HttpResponse {
        self.stripe_send(self.stripe_form(path, form).header("Idempotency-Key", key)).await
    }

    pub(crate) fn stripe_form(&self, path: &str, form: &str) -> RequestBuilder {
        self.stripe_request(Method::POST, path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(form.to_owned())
    }

    pub(crate) async fn stripe_get(&self, path: &str) -> HttpResponse {
        self.stripe_send(self.stripe_request(Method::GET, path)).await
    }

    pub(crate) async fn stripe_send(&self, request: RequestBuilder) -> HttpResponse {
        let reply = HttpResponse::of(request).await;
        schemas::check_stripe(&reply.body);
        assert!(reply.header("request-id").starts_with("req_"), "{reply:?}");
        reply
    }

    /// A PaymentIntent created and confirmed with `pm_card_…`; `more` starts with `&` if it is not empty.
    pub(crate) async fn stripe_pay(&self, method: &str, amount: i64, more: &str) -> HttpResponse {
        let form = format!(
            "amount={amount}&currency=usd&payment_method={method}&confirm=true&payment_method_types[]=card{more}"
        );
        self.stripe_post("payment_intents", &form).await
    }

    // PayPal

    pub(crate) async fn paypal_token(&self) -> &str {
        let fetch = async || {
            let request = self.http.post(self.url("/v1/oauth2/token")).basic_auth("client", Some("secret"));
            let reply = HttpResponse::of(request.form(&[("grant_type", "client_credentials")])).await;
            reply.body["access_token"].as_str().unwrap().to_owned()
        };
        self.token.get_or_init(fetch).await
    }

    pub(crate) async fn paypal_request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, self.url(&format!("/v2/{path}")))
            .bearer_auth(self.paypal_token().await)
            .header("Prefer", "return=representation")
    }

    pub(crate) async fn paypal_post(&self, path: &str, body: &Value) -> HttpResponse {
        self.paypal_send(self.paypal_request(Method::POST, path).await.json(body)).await
    }

    pub(crate) async fn paypal_post_with_id(&self, id: &str, path: &str, body: &Value) -> HttpResponse {
        let request = self.paypal_request(Method::POST, path).await.json(body);
        self.paypal_send(request.header("PayPal-Request-Id", id)).await
    }

    pub(crate) async fn paypal_get(&self, path: &str) -> HttpResponse {
        self.paypal_send(self.paypal_request(Method::GET, path).await).await
    }

    /// `PATCH` of an order with these operations.
    pub(crate) async fn paypal_patch(&self, order: &str, operations: &Value) -> HttpResponse {
        let request = self.paypal_request(Method::PATCH, &format!("checkout/orders/{order}")).await;
        self.paypal_send(request.json(operations)).await
    }

    pub(crate) async fn paypal_send(&self, request: RequestBuilder) -> HttpResponse {
        let reply = HttpResponse::of(request).await;
        schemas::check_paypal(&reply.body);
        assert!(!reply.header("paypal-debug-id").is_empty(), "{reply:?}");
        reply
    }

    /// An order over 49.99 USD for `txn_1`, paid with `source`.
    pub(crate) async fn paypal_order(&self, intent: &str, source: Value) -> HttpResponse {
        let body = order(intent, "USD", "49.99", source);
        self.paypal_post_with_id(&format!("order-{}", rand::random::<u64>()), "checkout/orders", &body).await
    }

    // Control

    pub(crate) async fn fault(&self, rule: Value) {
        let reply = HttpResponse::of(self.http.post(self.url("/_sandbox/faults")).json(&rule)).await;
        assert_eq!(reply.status, 201, "{reply:?}");
    }

    pub(crate) async fn ledger(&self) -> Vec<Value> {
        let reply = self.visit(Method::GET, "/_sandbox/ledger").await;
        reply.body["effects"].as_array().unwrap().clone()
    }

    /// The ledger's effects as `kind amount currency`.
    pub(crate) async fn effects(&self) -> Vec<String> {
        let show = |effect: &Value| {
            format!(
                "{} {} {}",
                effect["kind"].as_str().unwrap(),
                effect["amount"],
                effect["currency"].as_str().unwrap()
            )
        };
        self.ledger().await.iter().map(show).collect()
    }
}

/// The body of an order with one purchase unit; `source` may be null.
pub(crate) fn order(intent: &str, currency: &str, value: &str, source: Value) -> Value {
    let mut body = json!({
        "intent": intent,
        "purchase_units": [{
            "custom_id": "txn_1",
            "amount": { "currency_code": currency, "value": value },
        }],
    });
    if !source.is_null() {
        body["payment_source"] = source;
    }
    body
}

pub(crate) fn wallet(vault_id: &str) -> Value {
    json!({ "paypal": { "vault_id": vault_id } })
}

pub(crate) fn card(vault_id: &str) -> Value {
    json!({ "card": { "vault_id": vault_id } })
}

pub(crate) fn agreement(id: &str) -> Value {
    json!({ "token": { "id": id, "type": "BILLING_AGREEMENT" } })
}

impl HttpResponse {
    pub(crate) async fn of(request: RequestBuilder) -> Self {
        Self::try_of(request).await.unwrap()
    }

    /// Fails if the connection was cut.
    pub(crate) async fn try_of(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or_default();
        Ok(Self { status, headers, text, body })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn id(&self) -> &str {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}"))
    }

    /// PayPal's status, first issue and the field it is about.
    pub(crate) fn issue(&self) -> (u16, &str, &str) {
        let detail = &self.body["details"][0];
        (
            self.status,
            detail["issue"].as_str().unwrap_or_default(),
            detail["field"].as_str().unwrap_or_default(),
        )
    }

    /// Stripe's status, code and param.
    pub(crate) fn error(&self) -> (u16, &str, &str) {
        let error = &self.body["error"];
        (self.status, error["code"].as_str().unwrap_or_default(), error["param"].as_str().unwrap_or_default())
    }

    /// The first capture of a PayPal order.
    pub(crate) fn capture(&self) -> &Value {
        &self.body["purchase_units"][0]["payments"]["captures"][0]
    }

    pub(crate) fn authorization(&self) -> &Value {
        &self.body["purchase_units"][0]["payments"]["authorizations"][0]
    }

    pub(crate) fn link(&self, rel: &str) -> Option<&str> {
        let links = self.body["links"].as_array()?;
        links.iter().find(|link| link["rel"] == rel).and_then(|link| link["href"].as_str())
    }
}
