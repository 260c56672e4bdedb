//! Secrets with which a payer's browser acts at Stripe: one for its script, and one in the URL of its page. Each is in
//! answers about its payment while that waits, and nowhere else.

use gateway_tests::{Gateway, HttpResponse, OwnGateway, fresh_key, until};
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};
use test_services::RedisServer;

use crate::event_socket::Socket;
use crate::event_stream::{BEGINNING, Stream};
use crate::event_tickets::ticket_for;

/// A payment that waits for its payer.
struct WaitingPayment {
    key: String,
    charge: Value,
    transaction: String,
    action: Value,
    secret: String,
}

impl WaitingPayment {
    async fn of(gateway: &Gateway<'_>, charge: Value) -> Self {
        let key = fresh_key();
        let answer = gateway.charge_under(&key, &charge).await;
        answer.succeeds(200, &json!({ "status": "requires_action" }));
        let action = answer.json()["nextAction"].clone();
        let secret = match action["url"].as_str() {
            Some(url) => url.split_once("client_secret=").unwrap().1.to_owned(),
            None => action["clientSecret"].as_str().unwrap().to_owned(),
        };
        Self { key, charge, transaction: answer.transaction_id(), action, secret }
    }

    async fn for_the_script(gateway: &Gateway<'_>) -> Self {
        let token = gateway.sandbox.confirmation_token("pm_card_sandbox_googlePay_authenticate").await;
        let charge =
            json!({ "provider": "stripe", "amount": 2500, "currency": "USD", "paymentMethodId": token });
        let waiting = Self::of(gateway, charge).await;
        assert_eq!(waiting.action["type"], "stripe_sdk");
        waiting
    }

    async fn on_a_page(gateway: &Gateway<'_>) -> Self {
        let charge = json!({
            "provider": "stripe", "amount": 2500, "currency": "USD",
            "paymentMethodId": "pm_card_threeDSecure2Required", "returnUrl": "https://shop.example/back",
        });
        let waiting = Self::of(gateway, charge).await;
        assert_eq!(waiting.action["type"], "redirect");
        waiting
    }

    async fn repeated(&self, gateway: &Gateway<'_>) -> HttpResponse {
        gateway.charge_under(&self.key, &self.charge).await
    }

    /// In answers about the payment, also to a repeat, which is not a replay of what was kept.
    async fn is_shown(&self, gateway: &Gateway<'_>) {
        assert_eq!(gateway.payment(&self.transaction).await["nextAction"], self.action);
        let again = self.repeated(gateway).await;
        assert_eq!(again.json()["nextAction"], self.action);
        assert_eq!(again.header("idempotency-replayed"), None);
    }

    fn is_not_in(&self, what: &str, contents: &[u8]) {
        let holds = contents.windows(self.secret.len()).any(|part| part == self.secret.as_bytes());
        assert!(!holds, "the secret of {} is in {what}", self.action["type"]);
    }

    /// The payer acts, and the payment's answers end with the secret.
    async fn is_over(&self, gateway: &Gateway<'_>) {
        let intent = self.secret.split_once("_secret_").unwrap().0;
        let page = format!("{}/_sandbox/stripe/authenticate/{intent}", gateway.stack().sandbox_url());
        gateway.sandbox.decide(self.action["url"].as_str().unwrap_or(&page), "succeed").await;
        until("the payment", async || {
            (gateway.payment(&self.transaction).await["status"] == "completed").then_some(())
        })
        .await;
        let later = self.repeated(gateway).await;
        later.succeeds(200, &json!({ "status": "completed", "transactionId": self.transaction }));
        self.is_not_in("a later answer", &later.body);
        let payment = gateway.get(&format!("/payments/{}", self.transaction)).await;
        self.is_not_in("the payment", &payment.body);
        assert_eq!(gateway.effects(&self.transaction).await, ["stripe charge 2500 USD"]);
    }
}

/// What a stream sends about the payment until it waits.
async fn streamed(mut stream: Stream) -> String {
    let mut told = String::new();
    loop {
        let event = stream.next().await;
        told += &event.to_string();
        if event["type"] == "payment.requires_action" {
            return told;
        }
    }
}

async fn told_by_socket(gateway: &Gateway<'_>, transaction: &str) -> String {
    let to = json!({ "type": "subscribe", "payments": [transaction], "after": BEGINNING });
    let mut socket = Socket::subscribed(gateway, &to).await;
    let mut told = String::new();
    loop {
        let event = socket.event().await;
        told += &event.to_string();
        if event["type"] == "payment.requires_action" {
            return told;
        }
    }
}

async fn told_by_ticket(gateway: &Gateway<'_>, transaction: &str) -> String {
    let ticket = ticket_for(gateway, transaction, 60).await;
    let url = format!("http://{}/events?after={BEGINNING}&ticket={ticket}", gateway.address());
    streamed(Stream::of(gateway.http.get(url)).await).await
}

/// Lists and events, each in every way that there is.
async fn lists(gateway: &Gateway<'_>, transaction: &str) -> Vec<(&'static str, String)> {
    let events = format!("/payments/{transaction}/events");
    let mut told = Vec::new();
    for (what, path) in
        [("payments", "/payments?limit=100"), ("its events", &*events), ("events", "/events?limit=100")]
    {
        told.push((what, gateway.get(path).await.text()));
    }
    for (what, query) in [
        ("GraphQL's payments", "{ payments(first: 50) { nodes { id status nextAction { type url } } } }"),
        (
            "GraphQL's events",
            "{ events(first: 50) { nodes { type reason payment { id status nextAction { type url } } } } }",
        ),
    ] {
        let request = gateway.request(Method::POST, "/graphql").json(&json!({ "query": query }));
        told.push((what, HttpResponse::of(request).await.text()));
    }
    let path = format!("/events?after={BEGINNING}&payment={transaction}");
    told.push(("a stream", streamed(Stream::open(gateway, &path, None).await).await));
    told.push(("a socket", told_by_socket(gateway, transaction).await));
    told.push(("a ticket's stream", told_by_ticket(gateway, transaction).await));
    for (what, text) in &told {
        // A payment's own events need not name it.
        assert!(text.contains(transaction) || text.contains("payment.requires_action"), "{what}: {text}");
    }
    told
}

/// How many answers the database keeps, and the texts of all events as it has them.
async fn rows(own: &OwnGateway) -> (i64, Vec<u8>) {
    let file = own.stack.run_dir().path().join("gateway.db");
    let mut database = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let kept = "SELECT count(*) FROM idempotency_keys WHERE answer_body IS NOT NULL";
    let kept: i64 = sqlx::query_scalar(kept).fetch_one(&mut database).await.unwrap();
    let details: Vec<Vec<u8>> =
        sqlx::query_scalar("SELECT CAST(detail AS BLOB) FROM events").fetch_all(&mut database).await.unwrap();
    database.close().await.unwrap();
    (kept, details.concat())
}

#[tokio::test]
async fn a_client_secret_is_shown_while_the_payment_waits_and_nowhere_else() {
    // Without encryption, so that the rows can be searched.
    let own = OwnGateway::start(&[("ENCRYPTION_KEYS", "")]).await;
    let gateway = own.gateway();
    let all = [WaitingPayment::for_the_script(&gateway).await, WaitingPayment::on_a_page(&gateway).await];
    for waiting in &all {
        waiting.is_shown(&gateway).await;
        for (what, text) in lists(&gateway, &waiting.transaction).await {
            waiting.is_not_in(what, text.as_bytes());
        }
    }
    let (kept, events) = rows(&own).await;
    assert!(events.contains(&b'{'), "the rows are not encrypted");
    assert_eq!(kept, 0, "an answer with a secret is stored");
    for waiting in &all {
        waiting.is_not_in("the rows of events", &events);
        waiting.is_over(&gateway).await;
    }
    gateway.sandbox.is_quiet().await;
    let is_log = |file: &std::path::Path| file.extension().is_some_and(|end| end == "log");
    for (file, contents) in gateway.files().into_iter().filter(|(file, _)| is_log(file)) {
        all.iter().for_each(|waiting| waiting.is_not_in(&file.display().to_string(), &contents));
    }
}

#[tokio::test]
async fn no_answer_with_a_client_secret_comes_from_redis() {
    let Some(redis) = RedisServer::own(&[]).await else { return };
    let own = OwnGateway::start(&[("REDIS_URI", redis.uri())]).await;
    let gateway = own.gateway();
    for waiting in [WaitingPayment::for_the_script(&gateway).await, WaitingPayment::on_a_page(&gateway).await]
    {
        waiting.is_shown(&gateway).await;
        waiting.is_over(&gateway).await;
    }
}
