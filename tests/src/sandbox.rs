//! The provider sandbox of a gateway: its ledger, its faults, and its payer pages.

use reqwest::{Client, RequestBuilder, redirect};
use serde_json::{Value, json};

use crate::{HttpResponse, until};

/// The provider sandbox of a stack.
#[derive(Clone, Debug)]
pub struct Sandbox {
    pub(crate) url: String,
    pub(crate) http: Client,
}

impl Sandbox {
    /// A sandbox at this URL.
    #[must_use]
    pub fn at(url: String) -> Self {
        Self { url, http: Client::builder().no_proxy().redirect(redirect::Policy::none()).build().unwrap() }
    }

    /// The effects of a transaction at the providers, in order, each as `stripe charge 4999 USD`.
    pub async fn effects(&self, transaction: &str) -> Vec<String> {
        let ledger = self.ledger().await;
        let of_it = ledger.iter().filter(|effect| effect["transactionId"] == transaction);
        of_it.map(describe).collect()
    }

    /// All effects: an order that others created names no transaction.
    pub async fn all_effects(&self) -> Vec<String> {
        self.ledger().await.iter().map(describe).collect()
    }

    /// The sandbox's ledger, in order.
    pub async fn ledger(&self) -> Vec<Value> {
        let ledger = HttpResponse::of(self.http.get(format!("{}/_sandbox/ledger", self.url))).await.json();
        ledger["effects"].as_array().expect("the ledger has effects").clone()
    }

    /// Adds a fault; the shared stack for that is [`crate::faulty`].
    pub async fn break_down(&self, provider: &str, operation: &str, fault: &str) {
        self.set_fault(json!({ "provider": provider, "operation": operation, "fault": fault })).await;
    }

    /// Makes the next such call take `delay_ms`.
    pub async fn slow_down(&self, provider: &str, operation: &str, delay_ms: u64) {
        let slow = json!({
            "provider": provider, "operation": operation, "fault": "latency", "delayMs": delay_ms, "times": 1,
        });
        self.set_fault(slow).await;
    }

    /// Adds a fault rule of the sandbox.
    pub async fn fault(&self, fault: &Value) {
        self.set_fault(fault.clone()).await;
    }

    /// How many calls of this operation a provider has received, including rejected ones.
    pub async fn requests(&self, provider: &str, operation: &str) -> u64 {
        let summary =
            HttpResponse::of(self.http.get(format!("{}/_sandbox/requests?summary=1", self.url))).await.json();
        let count = &summary["counts"][provider][operation];
        count.as_u64().unwrap_or(0)
    }

    /// Triggers a scripted event, as in `POST /_sandbox/happen`.
    pub async fn happens(&self, what: &Value) {
        let response =
            HttpResponse::of(self.http.post(format!("{}/_sandbox/happen", self.url)).json(what)).await;
        assert!((200..300).contains(&response.status), "{} {}", response.status, response.text());
    }

    /// Ends PayPal's review of a pending payment: `accept`, `deny`, or `deny&order=approved`, after which the order can
    /// be paid by other means.
    pub async fn review(&self, payment: &str, outcome: &str) {
        let url = format!("{}/_sandbox/paypal/payments/{payment}/review?outcome={outcome}", self.url);
        let response = HttpResponse::of(self.http.post(url)).await;
        assert_eq!(response.status, 200, "{}", response.text());
    }

    /// Sets the secrets that sign Stripe's webhooks.
    pub async fn signs_with(&self, secrets: &[&str]) {
        let stripe = json!({ "stripe": { "secrets": secrets } });
        let response =
            HttpResponse::of(self.http.put(format!("{}/_sandbox/webhooks", self.url)).json(&stripe)).await;
        assert!((200..300).contains(&response.status), "{} {}", response.status, response.text());
    }

    /// The status of the provider's webhooks, once there are `at_least` so many and none is in flight.
    pub async fn deliveries(&self, provider: &str, at_least: usize) -> Vec<String> {
        until("the deliveries", async || {
            let url = format!("{}/_sandbox/webhooks?provider={provider}", self.url);
            let listed = HttpResponse::of(self.http.get(url)).await.json();
            let events = listed["events"].as_array().expect("events are a list");
            let states: Vec<_> =
                events.iter().map(|event| event["status"].as_str().unwrap().to_owned()).collect();
            (states.len() >= at_least && !states.iter().any(|state| state == "waiting")).then_some(states)
        })
        .await
    }

    /// How many delivery attempts a provider has made, in total.
    pub async fn attempts(&self, provider: &str) -> usize {
        let url = format!("{}/_sandbox/webhooks?provider={provider}", self.url);
        let listed = HttpResponse::of(self.http.get(url)).await.json();
        let events = listed["events"].as_array().expect("events are a list");
        events.iter().map(|event| event["attempts"].as_array().map_or(0, Vec::len)).sum()
    }

    /// Waits until no webhook is in flight.
    pub async fn is_quiet(&self) {
        until("the end of the deliveries", async || {
            let url = format!("{}/_sandbox/webhooks?summary=1", self.url);
            let summary = HttpResponse::of(self.http.get(url)).await.json();
            ["stripe", "paypal"].iter().all(|provider| summary[provider]["waiting"] == 0).then_some(())
        })
        .await;
    }

    async fn set_fault(&self, fault: Value) {
        let url = format!("{}/_sandbox/faults", self.url);
        let response = HttpResponse::of(self.http.post(url).json(&fault)).await;
        assert_eq!(response.status, 201, "{}", response.text());
    }

    /// Releases withheld and held webhooks.
    pub async fn release(&self) {
        let url = format!("{}/_sandbox/webhooks/release", self.url);
        let response = HttpResponse::of(self.http.post(url)).await;
        assert!((200..300).contains(&response.status), "{} {}", response.status, response.text());
    }

    pub async fn heal(&self) {
        let url = format!("{}/_sandbox/faults", self.url);
        assert_eq!(HttpResponse::of(self.http.delete(url)).await.status, 204);
    }

    /// The payer decides on the page of a `nextAction`: `approve` or `cancel` at PayPal, `succeed` or `fail` at Stripe.
    /// At PayPal, `approve&funding=declined`, `approve&funding=pending` and `approve&refusals=2` affect the following
    /// captures.
    pub async fn decide(&self, page: &str, outcome: &str) {
        assert!(page.starts_with(&self.url), "{page} is not a page of {}", self.url);
        let separator = if page.contains('?') { '&' } else { '?' };
        let response = HttpResponse::of(self.http.get(format!("{page}{separator}outcome={outcome}"))).await;
        assert!((200..400).contains(&response.status), "{} at {page}: {}", response.status, response.text());
    }

    /// A confirmation token for one of the sandbox's payment methods, as Stripe's script makes it on a page.
    pub async fn confirmation_token(&self, method: &str) -> String {
        self.try_confirmation_token(method).await.expect("Stripe makes a confirmation token")
    }

    /// The same, of a provider that may be broken.
    pub async fn try_confirmation_token(&self, method: &str) -> Option<String> {
        let request = self.http.post(format!("{}/v1/confirmation_tokens", self.url));
        let request = request.bearer_auth("pk_test_sandbox").form(&[("payment_method", method)]);
        text_of_success(request, "/id").await
    }

    /// A token for one of the sandbox's payment methods, as Google Pay's script or an app gets it from Stripe.
    pub async fn card_token(&self, method: &str) -> String {
        let request = self.http.post(format!("{}/v1/tokens", self.url));
        let request = request.bearer_auth("pk_test_sandbox").form(&[("payment_method", method)]);
        text_of_success(request, "/id").await.expect("Stripe makes a token")
    }

    /// Confirms an order with a wallet, as PayPal's script does on a page; `name` decides what happens. Returns the
    /// order's status.
    pub async fn confirm_order(
        &self,
        credentials: (&str, &str),
        order: &str,
        wallet: &str,
        name: &str,
    ) -> String {
        let confirmed = self.try_confirm_order(credentials, order, wallet, name).await;
        confirmed.unwrap_or_else(|| panic!("PayPal does not confirm {order}"))
    }

    /// The same, of a provider that may be broken.
    pub async fn try_confirm_order(
        &self,
        credentials: (&str, &str),
        order: &str,
        wallet: &str,
        name: &str,
    ) -> Option<String> {
        let token = self.http.post(format!("{}/v1/oauth2/token", self.url));
        let token = token.basic_auth(credentials.0, Some(credentials.1));
        let form = [("grant_type", "client_credentials"), ("response_type", "client_token")];
        let token = text_of_success(token.form(&form), "/access_token").await?;
        let url = format!("{}/v2/checkout/orders/{order}/confirm-payment-source", self.url);
        let source = json!({ "payment_source": { wallet: { "name": name } } });
        text_of_success(self.http.post(url).bearer_auth(token).json(&source), "/status").await
    }

    /// Changes the amount of a dollar order at PayPal past the gateway, e.g. to `73.41`.
    pub async fn change_amount(&self, credentials: (&str, &str), order: &str, dollars: &str) {
        let token = self.http.post(format!("{}/v1/oauth2/token", self.url));
        let token = token.basic_auth(credentials.0, Some(credentials.1));
        let token = HttpResponse::of(token.form(&[("grant_type", "client_credentials")])).await;
        let url = format!("{}/v2/checkout/orders/{order}", self.url);
        let patch = json!([{
            "op": "replace",
            "path": "/purchase_units/@reference_id=='default'/amount",
            "value": { "currency_code": "USD", "value": dollars },
        }]);
        let changed = self.http.patch(url).bearer_auth(token.at("/access_token")).json(&patch);
        let changed = HttpResponse::of(changed).await;
        assert_eq!(changed.status, 204, "{}", changed.text());
    }

    /// An order created at PayPal by another system (a merchant's own page), in two-decimal dollars, e.g. `73.41`.
    /// Returns its id and the page where the payer approves it.
    pub async fn paypal_order(
        &self,
        credentials: (&str, &str),
        intent: &str,
        dollars: &str,
    ) -> (String, String) {
        let token = self.http.post(format!("{}/v1/oauth2/token", self.url));
        let token = token.basic_auth(credentials.0, Some(credentials.1));
        let token = token.form(&[("grant_type", "client_credentials")]);
        let token = HttpResponse::of(token).await.at("/access_token");
        let order = self.http.post(format!("{}/v2/checkout/orders", self.url)).bearer_auth(token);
        let amount = json!({ "currency_code": "USD", "value": dollars });
        let order = order.json(&json!({ "intent": intent, "purchase_units": [{ "amount": amount }] }));
        let order = HttpResponse::of(order).await;
        assert_eq!(order.status, 201, "{}", order.text());
        let links = order.json()["links"].as_array().cloned().unwrap_or_default();
        let page = links.iter().find(|link| link["rel"] == "approve" || link["rel"] == "payer-action");
        let page = page.and_then(|link| link["href"].as_str()).expect("an order has a page for its payer");
        (order.at("/id"), page.to_owned())
    }
}

/// A string in the body of a success, by its JSON pointer; `None` for any other answer and for none.
async fn text_of_success(request: RequestBuilder, pointer: &str) -> Option<String> {
    let answer = HttpResponse::try_of(request).await.ok().filter(|answer| answer.status == 200)?;
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    body.pointer(pointer)?.as_str().map(str::to_owned)
}

fn describe(effect: &Value) -> String {
    let text = |name: &str| effect[name].as_str().unwrap_or_default().to_owned();
    format!("{} {} {} {}", text("provider"), text("kind"), effect["amount"], text("currency"))
}
