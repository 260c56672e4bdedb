//! Excess requests of one address, one client or the providers are rejected, and do not affect others.

mod addresses;
mod clients;
mod connections;
mod headers;
mod in_flight;
mod logged;
mod shared;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use futures_util::future::join_all;
use gateway_tests::Gateway;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};

/// The senders of a flood, each with one request at a time: together, thousands of requests a second.
const SENDERS: usize = 48;

/// A caller with its own address, any of 127.0.0.0/8.
fn caller(last: u8) -> Client {
    let address = IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
    Client::builder().no_proxy().local_address(address).build().unwrap()
}

fn charge(amount: u64) -> Value {
    json!({ "provider": "stripe", "amount": amount, "currency": "USD", "paymentMethodId": "pm_card_visa" })
}

fn url(gateway: &Gateway<'_>, path: &str) -> String {
    format!("http://{}{path}", gateway.address())
}

/// Stands for the status of a request that was not answered, since its connection was closed.
const CLOSED: u16 = 0;

/// The responses to a flood.
struct Flooded {
    by_status: BTreeMap<u16, u64>,
    seconds: f64,
}

impl Flooded {
    fn of(&self, status: u16) -> u64 {
        self.by_status.get(&status).copied().unwrap_or_default()
    }

    /// Leaves out the requests on closed connections. An answer to a request whose body is not read yet ends its HTTP/1
    /// connection, and Envoy keeps the ended connection for up to a second: a fast flood exceeds the connections of its
    /// address.
    fn without_closed(mut self) -> Self {
        self.by_status.remove(&CLOSED);
        self
    }

    /// Asserts that only the bucket's content was admitted, a second's supply at the start and more each second; that
    /// the rest was rejected for the limit; and that it was a flood.
    #[track_caller]
    fn was_held_to(&self, per_second: u64, let_in: u16) {
        let Self { by_status, seconds } = self;
        let others: Vec<_> = by_status.keys().filter(|status| ![let_in, 429].contains(status)).collect();
        assert!(others.is_empty(), "{by_status:?}");
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let most = per_second as f64 * (seconds + 2.0);
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let passed = self.of(let_in) as f64;
        assert!(passed <= most, "{passed} of at most {most}: {by_status:?} in {seconds} s");
        assert!(self.of(429) > 5 * self.of(let_in), "that was no flood: {by_status:?} in {seconds} s");
    }
}

/// Sends as fast as it can until `meanwhile` is done.
async fn flood<T>(request: impl Fn() -> RequestBuilder, meanwhile: impl Future<Output = T>) -> (T, Flooded) {
    let (done, by_status) = (Cell::new(false), RefCell::new(BTreeMap::new()));
    let begin = Instant::now();
    let senders = join_all((0..SENDERS).map(|_| async {
        while !done.get() {
            let status = match request().send().await {
                Ok(response) => {
                    let status = response.status().as_u16();
                    // Reading the body makes the connection reusable.
                    response.bytes().await.expect("an answer is whole");
                    status
                }
                Err(_) => CLOSED,
            };
            *by_status.borrow_mut().entry(status).or_default() += 1;
        }
    }));
    let meanwhile = async {
        let what = meanwhile.await;
        done.set(true);
        what
    };
    let (what, _) = tokio::join!(meanwhile, senders);
    (what, Flooded { by_status: by_status.take(), seconds: begin.elapsed().as_secs_f64() })
}
