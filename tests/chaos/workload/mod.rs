//! Clients that charge, capture, cancel, refund, read and retry, and that keep retrying when a gateway dies.

mod client;
mod reader_socket;
mod reader_stream;
mod readers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use gateway_tests::{DEMO_2_KEY, HttpResponse, Sandbox};
use local_stack::DEMO_KEY;
use reqwest::{Client as HttpClient, Method as Verb, redirect};
use tokio::time::{Instant, sleep, timeout};

pub(crate) use self::client::Client;
use self::client::plain_charge;
pub(crate) use self::readers::Reader;
use crate::cluster::Cluster;
use crate::history::History;
use crate::model::{Meaning, Request};

/// Shorter than Envoy's own timeout: clients disconnect and retry.
const TIMEOUT: Duration = Duration::from_secs(6);
const CLIENT_IDS: [&str; 2] = ["demo", "demo-2"];
/// A test card number, which must never be stored or logged.
pub(crate) const CARD_NUMBER: &str = "4242424242424242";

/// Before the next attempt: 1, 2, and then 4 seconds, each a little longer for some, so that they spread.
fn pause(number: usize, turn: usize) -> Duration {
    let spread = number.wrapping_mul(7919) % 1000;
    Duration::from_secs(1 << turn.min(2)) + Duration::from_millis(spread as u64)
}

/// The state that all clients share.
pub(crate) struct Clients {
    pub(crate) history: History,
    http: HttpClient,
    gateways: Vec<String>,
    sandbox: Sandbox,
    paypal_credentials: [String; 2],
    next: AtomicU64,
    is_over: AtomicBool,
}

impl Clients {
    pub(crate) fn new(cluster: &Cluster) -> Self {
        Self::of(cluster.gateways(), cluster.sandbox().clone(), cluster.paypal_credentials())
    }

    /// Clients of gateways at these URLs.
    pub(crate) fn of(gateways: Vec<String>, sandbox: Sandbox, paypal_credentials: [String; 2]) -> Self {
        let http = HttpClient::builder().no_proxy().redirect(redirect::Policy::none()).timeout(TIMEOUT);
        Self {
            history: History::default(),
            http: http.build().unwrap(),
            gateways,
            sandbox,
            paypal_credentials,
            next: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    pub(crate) fn client(self: &Arc<Self>, number: usize, seed: u64) -> Client {
        Client::new(self.clone(), CLIENT_IDS[number % 2], seed ^ (number as u64 + 1).rotate_left(32))
    }

    /// Stops new requests and retries.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_running(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed) && !self.history.is_broken()
    }

    /// Waits until nothing more is asked.
    async fn over(&self) {
        while self.is_running() {
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// The number of keys used, and of those with a final answer.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let entries = self.history.entries();
        let stands = |request: &&Request| {
            request.responses.iter().any(|response| matches!(response.status, 200 | 402))
        };
        (entries.requests.len(), entries.requests.iter().filter(stands).count())
    }

    /// Sends a plain charge until its answer is final or the run ends, with pauses that grow, as clients do.
    pub(crate) async fn charge_until_answered(self: Arc<Self>) {
        let number = self.history.open(plain_charge(self.next.fetch_add(1, Ordering::Relaxed)));
        for turn in 0.. {
            if self.send(number, number + turn).await == Meaning::Final || !self.is_running() {
                return;
            }
            sleep(pause(number, turn)).await;
        }
    }

    /// Retries every request without a final answer, and returns those that get none before the deadline.
    pub(crate) async fn retry_open_requests(&self, deadline: Instant) -> Vec<String> {
        let count = self.history.entries().requests.len();
        let retry_open_requests = async |number: usize| {
            for turn in 0.. {
                let request = self.history.request(number);
                if request.final_answer().is_some() || request.is_left {
                    return None;
                }
                if Instant::now() > deadline {
                    return Some(request.name());
                }
                self.send(number, turn + number).await;
                sleep(Duration::from_millis(if turn < 3 { 50 } else { 500 })).await;
            }
            None
        };
        let open = stream::iter(0..count).map(retry_open_requests).buffer_unordered(16);
        open.filter_map(async |open| open).collect().await
    }

    /// Repeats every request at each gateway: final answers must not change.
    pub(crate) async fn repeat_everything(&self) {
        let count = self.history.entries().requests.len();
        let repeats = (0..count).map(async |number| {
            for gateway in 0..self.gateways.len() {
                self.repeat(number, gateway).await;
            }
        });
        stream::iter(repeats).buffer_unordered(16).collect::<Vec<_>>().await;
    }

    async fn repeat(&self, number: usize, gateway: usize) {
        // An abandoned request may never have arrived, and would be new.
        let request = self.history.request(number);
        if request.is_left && !request.is_taken() {
            return;
        }
        for _ in 0..5 {
            if self.send(number, gateway).await == Meaning::Final {
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
        let request = self.history.request(number);
        let last = request.responses.last().map_or("nothing", |response| &response.body);
        self.history.broke("P4", format!("{}: in peace, it is answered {last}", request.name()));
    }

    async fn send(&self, number: usize, gateway: usize) -> Meaning {
        let request = self.history.request(number);
        let began = Instant::now();
        let answer = self.post(gateway, &request, request.body()).await;
        self.history.record_response(number, began, answer.as_ref())
    }

    /// Sends, and leaves after this time without waiting for the answer, as a page does that is closed.
    async fn send_and_leave(&self, number: usize, gateway: usize, after: Duration) {
        let request = self.history.request(number);
        let began = Instant::now();
        // The connection is closed with the request that is dropped.
        let answer = timeout(after, self.post(gateway, &request, request.body())).await.ok().flatten();
        self.history.record_response(number, began, answer.as_ref());
    }

    async fn post(&self, gateway: usize, request: &Request, body: String) -> Option<HttpResponse> {
        let builder = self.request(Verb::POST, gateway, request.client, &request.path());
        let builder =
            builder.header("idempotency-key", &request.key).header("content-type", "application/json");
        HttpResponse::try_of(builder.body(body)).await.ok()
    }

    /// Confirms an order of PayPal as the payer's browser does; `payer` decides what happens.
    async fn confirm_order(&self, order: &str, wallet: &str, payer: &str) -> Option<String> {
        let [id, secret] = &self.paypal_credentials;
        self.sandbox.try_confirm_order((id.as_str(), secret.as_str()), order, wallet, payer).await
    }

    async fn get(&self, gateway: usize, client: &str, path: &str) -> Option<HttpResponse> {
        HttpResponse::try_of(self.request(Verb::GET, gateway, client, path)).await.ok()
    }

    fn request(&self, verb: Verb, gateway: usize, client: &str, path: &str) -> reqwest::RequestBuilder {
        let (url, key) = self.address(gateway, client);
        self.http.request(verb, format!("{url}{path}")).bearer_auth(key)
    }

    /// A gateway's URL and the client's key.
    fn address(&self, gateway: usize, client: &str) -> (&str, &'static str) {
        let key = if client == CLIENT_IDS[0] { DEMO_KEY } else { DEMO_2_KEY };
        (&self.gateways[gateway % self.gateways.len()], key)
    }
}
