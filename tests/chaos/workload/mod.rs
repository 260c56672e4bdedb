//! Clients who charge, capture, cancel, refund, repeat themselves and look, and who do not give up when a gateway
//! dies under their hands.

mod clerk;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use gateway_tests::{Answer, DEMO_2_KEY, Sandbox};
use local_stack::DEMO_KEY;
use reqwest::{Client, Method as Verb, redirect};
use tokio::time::{Instant, sleep};

pub(crate) use self::clerk::Clerk;
use self::clerk::plain_charge;
use crate::model::{Ask, Book, Meaning};

/// Shorter than Envoy's own patience: clients hang up, and come back.
const PATIENCE: Duration = Duration::from_secs(6);
const CLIENTS: [&str; 2] = ["demo", "demo-2"];
/// A test card number, which must not get anywhere.
pub(crate) const CANARY: &str = "4242424242424242";

/// What all clients share.
pub(crate) struct Town {
    pub(crate) book: Book,
    http: Client,
    gateways: Vec<String>,
    sandbox: Sandbox,
    next: AtomicU64,
    is_over: AtomicBool,
}

impl Town {
    pub(crate) fn new(gateways: Vec<String>, sandbox: Sandbox) -> Self {
        let http = Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(PATIENCE);
        Self {
            book: Book::default(),
            http: http.build().unwrap(),
            gateways,
            sandbox,
            next: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }
    }

    pub(crate) fn clerk(self: &Arc<Self>, number: usize, seed: u64) -> Clerk {
        Clerk::new(self.clone(), CLIENTS[number % 2], seed ^ (number as u64 + 1).rotate_left(32))
    }

    /// Nobody begins anything new, or asks again.
    pub(crate) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    pub(crate) fn goes_on(&self) -> bool {
        !self.is_over.load(Ordering::Relaxed) && !self.book.is_broken()
    }

    /// How many keys were used, and how many of them have an answer that stands.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let pages = self.book.pages();
        let stands = |ask: &&Ask| ask.heard.iter().any(|heard| matches!(heard.status, 200 | 402));
        (pages.asks.len(), pages.asks.iter().filter(stands).count())
    }

    /// A plain charge, sent again each second until its answer stands or the town ends.
    pub(crate) async fn charge_until_answered(self: Arc<Self>) {
        let number = self.book.open(plain_charge(self.next.fetch_add(1, Ordering::Relaxed)));
        for turn in 0.. {
            if self.send(number, number + turn).await == Meaning::Final || !self.goes_on() {
                return;
            }
            sleep(Duration::from_secs(1)).await;
        }
    }

    /// Sends every ask that has no final answer again until it has one, and gives those that get none in time.
    pub(crate) async fn come_back(&self, deadline: Instant) -> Vec<String> {
        let count = self.book.pages().asks.len();
        let come_back = async |number: usize| {
            for turn in 0.. {
                let ask = self.book.ask(number);
                if ask.final_answer().is_some() || ask.is_left {
                    return None;
                }
                if Instant::now() > deadline {
                    return Some(ask.name());
                }
                self.send(number, turn + number).await;
                sleep(Duration::from_millis(if turn < 3 { 50 } else { 500 })).await;
            }
            None
        };
        let open = stream::iter(0..count).map(come_back).buffer_unordered(16);
        open.filter_map(async |open| open).collect().await
    }

    /// Sends everything once more to each gateway: what was answered stands, and is answered.
    pub(crate) async fn repeat_everything(&self) {
        let count = self.book.pages().asks.len();
        let repeats = (0..count).map(async |number| {
            for gateway in 0..self.gateways.len() {
                self.repeat(number, gateway).await;
            }
        });
        stream::iter(repeats).buffer_unordered(16).collect::<Vec<_>>().await;
    }

    async fn repeat(&self, number: usize, gateway: usize) {
        // What was left may never have come, and would be new.
        let ask = self.book.ask(number);
        if ask.is_left && !ask.is_taken() {
            return;
        }
        for _ in 0..5 {
            if self.send(number, gateway).await == Meaning::Final {
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
        let ask = self.book.ask(number);
        let last = ask.heard.last().map_or("nothing", |heard| &heard.body);
        self.book.broke("P4", format!("{}: in peace, it is answered {last}", ask.name()));
    }

    async fn send(&self, number: usize, gateway: usize) -> Meaning {
        let ask = self.book.ask(number);
        let answer = self.post(gateway, &ask, ask.body()).await;
        self.book.hear(number, answer.as_ref())
    }

    async fn post(&self, gateway: usize, ask: &Ask, body: String) -> Option<Answer> {
        let request = self.request(Verb::POST, gateway, ask.client, &ask.path());
        let request = request.header("idempotency-key", &ask.key).header("content-type", "application/json");
        Answer::try_of(request.body(body)).await.ok()
    }

    async fn get(&self, gateway: usize, client: &str, path: &str) -> Option<Answer> {
        Answer::try_of(self.request(Verb::GET, gateway, client, path)).await.ok()
    }

    fn request(&self, verb: Verb, gateway: usize, client: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.gateways[gateway % self.gateways.len()]);
        let key = if client == CLIENTS[0] { DEMO_KEY } else { DEMO_2_KEY };
        self.http.request(verb, url).bearer_auth(key)
    }
}
