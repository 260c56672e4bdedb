//! `GET /events` through Envoy and the filter.

use std::time::Duration;

use gateway_tests::{Gateway, HttpResponse, OwnGateway, shared};
use local_stack::DEMO_KEY;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

/// The cursor before the first event.
pub(crate) const BEGINNING: &str = "evt_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

fn charge() -> Value {
    json!({ "provider": "stripe", "amount": 700, "currency": "USD", "paymentMethodId": "pm_card_visa" })
}

/// An open stream, and what has come and not been read.
pub(crate) struct Stream {
    response: reqwest::Response,
    text: String,
}

impl Stream {
    pub(crate) async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.header("accept", "text/event-stream").send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, text: String::new() }
    }

    pub(crate) fn headers(&self) -> &reqwest::header::HeaderMap {
        self.response.headers()
    }

    pub(crate) async fn open(gateway: &Gateway<'_>, path: &str, last: Option<&str>) -> Self {
        let mut request = gateway.request(reqwest::Method::GET, path);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        Self::of(request).await
    }

    /// What comes until the server ends the stream, as text.
    pub(crate) async fn rest(mut self) -> String {
        let whole = async {
            while let Some(more) = self.response.chunk().await.unwrap() {
                self.text.push_str(std::str::from_utf8(&more).unwrap());
            }
        };
        timeout(Duration::from_secs(60), whole).await.expect("the stream stays open");
        self.text
    }

    /// The next event; comments are skipped.
    pub(crate) async fn next(&mut self) -> Value {
        loop {
            while let Some((message, rest)) = self.text.split_once("\n\n") {
                let (message, rest) = (message.to_owned(), rest.to_owned());
                self.text = rest;
                if let Some(data) = message.lines().find_map(|line| line.strip_prefix("data: ")) {
                    return serde_json::from_str(data).unwrap();
                }
            }
            let more = timeout(Duration::from_secs(20), self.response.chunk()).await.expect("nothing comes");
            let more = more.unwrap().expect("the stream has ended");
            self.text.push_str(std::str::from_utf8(&more).unwrap());
        }
    }

    async fn until_completed(&mut self) -> Value {
        loop {
            let event = self.next().await;
            if event["type"] == "payment.completed" {
                return event;
            }
        }
    }
}

#[tokio::test]
async fn every_transition_is_listed_for_its_client() {
    let gateway = shared().await;
    let transaction = gateway.charge(&charge()).await.transaction_id();
    let page = gateway.get(&format!("/events?payment={transaction}")).await;
    page.succeeds(200, &json!({ "hasMore": false }));
    let page = page.json();
    let events: Vec<_> = page["data"].as_array().unwrap().iter().map(|event| event["type"].clone()).collect();
    assert_eq!(events, ["payment.created", "payment.processing", "payment.completed"]);
    // Another client's event is a cursor like any other, and shows nothing of it.
    let first = page["data"][0]["id"].as_str().unwrap();
    let path = format!("/events?after={first}&payment={transaction}");
    gateway.as_demo_2().get(&path).await.succeeds(200, &json!({ "hasMore": false, "data": [] }));
    assert_eq!(gateway.get(&path).await.json()["data"].as_array().unwrap().len(), 2);
    let rest = gateway.get(&format!("/events?after={}", page["cursor"].as_str().unwrap())).await;
    assert!(
        rest.json()["data"].as_array().unwrap().iter().all(|event| event["transactionId"] != *transaction)
    );
}

#[tokio::test]
async fn a_wrong_query_is_refused_before_the_control_plane() {
    let gateway = shared().await;
    for (query, param) in [("after=evt_1", "after"), ("limit=0", "limit"), ("types=x", "types"), ("a=b", "a")]
    {
        let refused = gateway.get(&format!("/events?{query}")).await;
        refused.refuses(400, "INVALID_REQUEST");
        assert_eq!(refused.json()["error"]["param"], param);
    }
    let unknown = format!("/events?after=evt_{}", "b".repeat(32));
    gateway.get(&unknown).await.refuses(410, "CURSOR_UNKNOWN");
}

#[tokio::test]
async fn who_wants_a_stream_less_than_a_list_gets_a_list() {
    let gateway = shared().await;
    for accept in ["application/json, text/event-stream;q=0.1", "text/event-stream;q=0", "*/*"] {
        let asked = gateway.request(reqwest::Method::GET, "/events?limit=1").header("accept", accept);
        let list = HttpResponse::of(asked).await;
        list.succeeds(200, &json!({}));
        assert_eq!(list.header("content-type"), Some("application/json"), "{accept}");
    }
}

#[tokio::test]
async fn a_stream_needs_a_client_key() {
    let gateway = shared().await;
    let url = format!("http://{}/events", gateway.address());
    let request = reqwest::Client::new().get(url).header("accept", "text/event-stream");
    assert_eq!(request.send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_stream_over_http_2_tells_transitions_and_continues_behind_an_event() {
    let gateway = shared().await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap();
    let path = format!("{}/events?types=payment.completed", gateway.stack().gateway_url());
    let ask = || client.get(&path).bearer_auth(DEMO_KEY);
    let mut stream = Stream::of(ask()).await;
    assert_eq!(stream.response.version(), reqwest::Version::HTTP_2);
    let first = gateway.charge(&charge()).await.transaction_id();
    let last = loop {
        let event = stream.next().await;
        if event["transactionId"] == *first {
            break event["id"].as_str().unwrap().to_owned();
        }
    };
    drop(stream);
    let second = gateway.charge(&charge()).await.transaction_id();
    let mut resumed = Stream::of(ask().header("last-event-id", last)).await;
    while resumed.next().await["transactionId"] != *second {}
}

/// Envoy ends other requests after 60 seconds.
#[tokio::test]
async fn a_stream_outlives_the_time_that_a_request_may_take_and_then_continues() {
    let own = OwnGateway::start(&[("EVENT_STREAM_SECONDS", "600")]).await;
    let gateway = own.gateway();
    let mut stream = Stream::open(&gateway, "/events?types=payment.completed", None).await;
    let first = gateway.charge(&charge()).await.transaction_id();
    while stream.until_completed().await["transactionId"] != *first {}
    sleep(Duration::from_secs(65)).await;
    let second = gateway.charge(&charge()).await.transaction_id();
    let last = loop {
        let event = stream.until_completed().await;
        if event["transactionId"] == *second {
            break event;
        }
    };
    drop(stream);
    let third = gateway.charge(&charge()).await.transaction_id();
    let mut resumed = Stream::open(&gateway, "/events", last["id"].as_str()).await;
    while resumed.until_completed().await["transactionId"] != *third {}
}

#[tokio::test]
async fn open_streams_take_nothing_from_a_clients_charges() {
    let own = OwnGateway::start(&[("GATEWAY_CLIENT_REQUESTS_IN_FLIGHT", "2")]).await;
    let gateway = own.gateway();
    let mut streams = Vec::new();
    for _ in 0..12 {
        streams.push(Stream::open(&gateway, "/events?types=payment.completed", None).await);
    }
    let transaction = gateway.charge(&charge()).await.transaction_id();
    for stream in &mut streams {
        assert_eq!(stream.next().await["transactionId"], *transaction);
    }
}

/// Envoy and the control plane are replaced while a reader follows; it sees each transition of each payment, in order.
#[tokio::test]
async fn a_reader_that_reconnects_misses_nothing_when_the_gateway_is_killed_and_restarted() {
    let own = OwnGateway::start(&[]).await;
    let mut seen = Vec::new();
    let mut last: Option<String> = None;
    let first = own.gateway().charge(&charge()).await.transaction_id();
    let mut stream = Stream::open(&own.gateway(), "/events", Some(BEGINNING)).await;
    while seen.len() < 2 {
        let event = stream.next().await;
        last = event["id"].as_str().map(str::to_owned);
        seen.push(event);
    }
    drop(stream);
    let own = own.restarted(&[]).await;
    let second = own.gateway().charge(&charge()).await.transaction_id();
    let mut stream = Stream::open(&own.gateway(), "/events", last.as_deref()).await;
    while seen.len() < 6 {
        seen.push(stream.next().await);
    }
    for transaction in [first, second] {
        let own = seen.iter().filter(|event| event["transactionId"] == *transaction);
        let versions: Vec<_> = own.map(|event| event["version"].as_u64().unwrap()).collect();
        assert_eq!(versions, [0, 1, 2]);
    }
}
