//! `GET /events`, as a list and as a stream.

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, Response, StatusCode};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::time::{Instant, sleep, timeout};

use crate::common::TestStore;
use crate::http::{Api, read};

fn kinds(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// A stream as a client reads it.
pub(crate) struct Reader {
    body: BodyDataStream,
    text: String,
}

impl Reader {
    async fn open(api: &Api, path: &str, last: Option<&str>) -> Self {
        Self::of(api.send(asking(api, path, last)).await)
    }

    pub(crate) fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        Self { body: response.into_body().into_data_stream(), text: String::new() }
    }

    /// The text of the next message or comment; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let message = message.to_owned();
                self.text = rest.to_owned();
                return Some(message);
            }
            let more = timeout(Duration::from_secs(10), self.body.next()).await.unwrap();
            self.text.push_str(std::str::from_utf8(&more?.unwrap()).unwrap());
        }
    }

    /// The next events, as (id, type).
    pub(crate) async fn events(&mut self, count: usize) -> Vec<(String, String)> {
        let mut events = Vec::new();
        while events.len() < count {
            let message = self.next().await.unwrap();
            let field = |name| message.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            let (Some(id), Some(kind)) = (field("id: "), field("event: ")) else { continue };
            let data: Value = serde_json::from_str(&field("data: ").unwrap()).unwrap();
            assert_eq!((data["id"].as_str(), data["type"].as_str()), (Some(&*id), Some(&*kind)));
            events.push((id, kind));
        }
        events
    }
}

fn asking(api: &Api, path: &str, last: Option<&str>) -> Request<Body> {
    let mut request = api.attested("demo", "GET", path, "");
    request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    if let Some(last) = last {
        request.headers_mut().insert("last-event-id", last.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn a_list_of_events_continues_behind_its_cursor() {
    let api = Api::start().await;
    let id = api.charged().await;
    let (status, page) = api.demo("GET", "/events?limit=2", "").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(kinds(&page), ["payment.created", "payment.processing"]);
    assert_eq!((page["hasMore"].as_bool(), page["data"][0]["version"].as_u64()), (Some(true), Some(0)));
    assert_eq!(page["data"][0]["transactionId"].as_str(), Some(&*id));
    let after = page["cursor"].as_str().unwrap();
    let (_, page) = api.demo("GET", &format!("/events?after={after}"), "").await;
    assert_eq!((kinds(&page), page["hasMore"].as_bool()), (vec!["payment.completed"], Some(false)));
    let end = page["cursor"].as_str().unwrap().to_owned();
    let (_, page) = api.demo("GET", &format!("/events?after={end}"), "").await;
    assert_eq!((kinds(&page), page["cursor"].as_str()), (vec![], Some(&*end)));
}

#[tokio::test]
async fn readers_go_on_behind_any_number_of_events_that_cannot_be_read() {
    let api = Api::start().await;
    for _ in 0..5 {
        api.charged().await;
    }
    // More than one request reads, up to the newest.
    api.test.store.execute("DROP TRIGGER events_are_not_changed").await;
    let damage = "UPDATE events SET version = -1 - version WHERE seq < (SELECT max(seq) FROM events)";
    api.test.store.execute(damage).await;
    let (mut seen, mut query) = (Vec::new(), "limit=1".to_owned());
    for _ in 0..5 {
        let (_, page) = api.demo("GET", &format!("/events?{query}"), "").await;
        seen.extend(kinds(&page).into_iter().map(str::to_owned));
        query = format!("limit=1&after={}", page["cursor"].as_str().unwrap());
        if page["hasMore"] == false {
            break;
        }
    }
    assert_eq!(seen, ["payment.completed"], "{query}");
    let (mut seen, mut after) = (Vec::new(), Value::Null);
    let query = "query($after: String) { events(first: 1, after: $after) {
        pageInfo { hasNextPage endCursor } nodes { type } } }";
    for _ in 0..5 {
        let body = json!({ "query": query, "variables": { "after": after } });
        let (_, answer) = api.demo("POST", "/graphql", &body.to_string()).await;
        let page = &answer["data"]["events"];
        seen.extend(page["nodes"].as_array().unwrap().iter().map(|node| node["type"].clone()));
        after = page["pageInfo"]["endCursor"].clone();
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
    }
    assert_eq!(seen, ["payment.completed"], "{after}");
    let start = format!("evt_{}", "a".repeat(32));
    let mut stream = Reader::open(&api, "/events", Some(&start)).await;
    assert_eq!(stream.events(1).await[0].1, "payment.completed");
}

#[tokio::test]
async fn a_list_has_only_the_events_that_were_asked_for() {
    let api = Api::start().await;
    let (first, _) = (api.charged().await, api.charged().await);
    let (_, page) = api.demo("GET", &format!("/events?payment={first}"), "").await;
    assert_eq!(kinds(&page), ["payment.created", "payment.processing", "payment.completed"]);
    let (_, page) = api.demo("GET", "/events?types=payment.completed", "").await;
    assert_eq!(kinds(&page), ["payment.completed"; 2]);
    let (_, page) = read(api.send(api.attested("other", "GET", "/events", "")).await).await;
    assert!(kinds(&page).is_empty());
}

#[tokio::test]
async fn a_list_of_types_that_is_given_and_empty_is_refused_instead_of_taken_for_all() {
    let api = Api::start().await;
    api.charged().await;
    let (status, error) = api.demo("GET", "/events?types=", "").await;
    assert_eq!((status, error["error"]["param"].as_str()), (StatusCode::BAD_REQUEST, Some("types")));
    let query = "query($types: [String!]) { events(types: $types) { nodes { type } } }";
    let ask = async |types: &Value| {
        let body = json!({ "query": query, "variables": { "types": types } });
        api.demo("POST", "/graphql", &body.to_string()).await.1
    };
    for types in [json!([]), json!([""]), json!(["completed"]), json!(vec!["payment.completed"; 31])] {
        let answer = ask(&types).await;
        let error = &answer["errors"][0];
        assert_eq!(error["extensions"]["code"], "INVALID_REQUEST", "{types}: {answer}");
        assert_eq!(error["extensions"]["param"], "types", "{types}: {answer}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("1 to 30 event types"), "{message}");
    }
    for (types, shown) in [(json!(["payment.completed"]), 1), (Value::Null, 3)] {
        let answer = ask(&types).await;
        let nodes = answer["data"]["events"]["nodes"].as_array();
        assert_eq!(nodes.map(Vec::len), Some(shown), "{types}: {answer}");
    }
}

#[tokio::test]
async fn a_cursor_that_the_log_does_not_have_is_told() {
    let api = Api::start().await;
    let unknown = format!("evt_{}b", "a".repeat(31));
    let (status, error) = api.demo("GET", &format!("/events?after={unknown}"), "").await;
    assert_eq!((status, error["error"]["code"].as_str()), (StatusCode::GONE, Some("CURSOR_UNKNOWN")));
    let (status, error) = read(api.send(asking(&api, "/events", Some(&unknown))).await).await;
    assert_eq!((status, error["error"]["code"].as_str()), (StatusCode::GONE, Some("CURSOR_UNKNOWN")));
    let (status, error) = read(api.send(asking(&api, "/events", Some("7"))).await).await;
    assert_eq!((status, error["error"]["param"].as_str()), (StatusCode::BAD_REQUEST, Some("Last-Event-ID")));
}

#[tokio::test]
async fn a_last_event_id_that_is_not_one_events_is_refused_by_its_name() {
    let api = Api::start().await;
    let start = format!("evt_{}", "a".repeat(32));
    let mut twice = asking(&api, "/events", Some(&start));
    twice.headers_mut().append("last-event-id", start.parse().unwrap());
    let wrong = ["".to_owned(), "evt_".to_owned(), start.to_uppercase(), format!("{start},{start}")];
    let wrong = wrong.iter().map(|last| asking(&api, "/events", Some(last)));
    for request in wrong.chain([twice]) {
        let (status, error) = read(api.send(request).await).await;
        assert_eq!(
            (status, error["error"]["code"].as_str()),
            (StatusCode::BAD_REQUEST, Some("INVALID_REQUEST"))
        );
        assert_eq!(error["error"]["param"], "Last-Event-ID", "{error}");
    }
}

#[tokio::test]
async fn a_list_is_given_to_a_client_that_wants_no_stream_or_a_list_more() {
    let api = Api::start().await;
    for accept in ["text/event-stream;q=0", "application/json, text/event-stream;q=0.1"] {
        let mut request = api.attested("demo", "GET", "/events", "");
        request.headers_mut().insert("accept", accept.parse().unwrap());
        let response = api.send(request).await;
        assert_eq!(response.headers()["content-type"], "application/json", "{accept}");
    }
}

#[tokio::test]
async fn a_stream_tells_each_transition_as_it_happens() {
    let api = Api::start().await;
    let mut stream = Reader::open(&api, "/events", None).await;
    assert!(stream.next().await.unwrap().contains("retry: "));
    let mut completed = Reader::open(&api, "/events?types=payment.completed", None).await;
    api.charged().await;
    let kinds: Vec<_> = stream.events(3).await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["payment.created", "payment.processing", "payment.completed"]);
    assert_eq!(completed.events(1).await[0].1, "payment.completed");
}

/// Nothing announces the end of another process's transaction, so the log is found to go on by reading it.
#[tokio::test]
async fn what_another_transaction_held_back_comes_within_half_of_300_ms_of_its_end() {
    let Some(store) = TestStore::postgres().await else { return };
    let mut other = PgConnection::connect(store.uri()).await.unwrap();
    let api = Api::on(store);
    let mut stream = Reader::open(&api, "/events", None).await;
    stream.next().await.unwrap();
    let mut waited = Vec::new();
    for _ in 0..12 {
        other.execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
        api.charged().await;
        // The reads in short order after the commits are over then.
        sleep(Duration::from_millis(100)).await;
        other.execute("COMMIT").await.unwrap();
        let ended = Instant::now();
        // Tests beside this one may hold the log of their server back, too.
        let is_held = api.test.gateway.store.log_held_since().await.unwrap().is_some();
        stream.events(3).await;
        waited.extend((!is_held).then(|| ended.elapsed()));
    }
    waited.sort_unstable();
    let median = waited.get(waited.len() / 2);
    assert!(median.is_none_or(|median| *median < Duration::from_millis(150)), "{waited:?}");
}

#[tokio::test]
async fn a_stream_that_was_cut_continues_behind_its_last_event() {
    let api = Api::start().await;
    let mut stream = Reader::open(&api, "/events", None).await;
    api.charged().await;
    let first = stream.events(3).await;
    drop(stream);
    api.charged().await;
    let mut resumed = Reader::open(&api, "/events", Some(&first[1].0)).await;
    let missed = resumed.events(4).await;
    assert_eq!(missed[0], first[2]);
    api.charged().await;
    let live = resumed.events(3).await;
    let mut ids: Vec<_> = first.iter().chain(&missed[1..]).chain(&live).map(|(id, _)| id.clone()).collect();
    let in_order = ids.clone();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, in_order, "each once, in order");
}

#[tokio::test]
async fn a_stream_ends_when_the_process_stops() {
    let api = Api::start().await;
    let mut stream = Reader::open(&api, "/events", None).await;
    stream.next().await.unwrap();
    api.drain();
    assert!(stream.next().await.unwrap().contains("reconnect"));
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn one_client_cannot_take_all_streams() {
    let api = Api::start().await;
    let mut open = Vec::new();
    let refused = loop {
        let response = api.send(asking(&api, "/events", None)).await;
        if response.status() != StatusCode::OK {
            assert_eq!(response.headers()["retry-after"], "5");
            break read(response).await;
        }
        open.push(response);
    };
    assert_eq!(
        (refused.0, refused.1["error"]["code"].as_str()),
        (StatusCode::TOO_MANY_REQUESTS, Some("RATE_LIMITED"))
    );
    assert_eq!(refused.1["error"]["retryable"], true);
    let mut other = api.attested("other", "GET", "/events", "");
    other.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    assert_eq!(api.send(other).await.status(), StatusCode::OK);
    drop(open);
    assert_eq!(api.send(asking(&api, "/events", None)).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_stream_that_ends_for_its_tenure_says_where_to_go_on_even_if_nothing_came() {
    let api = Api::with_tenure(Duration::from_millis(300)).await;
    api.charged().await;
    let mut stream = Reader::open(&api, "/events?types=refund.processed", None).await;
    let (mut whole, mut last) = (String::new(), String::new());
    while let Some(message) = stream.next().await {
        last = message.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
        whole.push_str(&message);
    }
    assert!(whole.contains(": reconnect") && whole.matches("retry: ").count() == 2, "{whole}");
    assert!(!whole.contains("data:"), "{whole}");
    api.charged().await;
    let mut again = Reader::open(&api, "/events", Some(&last)).await;
    let kinds: Vec<_> = again.events(3).await.into_iter().map(|(_, kind)| kind).collect();
    assert_eq!(kinds, ["payment.created", "payment.processing", "payment.completed"]);
}

#[tokio::test]
async fn a_stream_whose_client_reads_nothing_is_reset_soon_after_its_tenure() {
    let api = Api::with_tenure(Duration::from_millis(500)).await;
    let address = api.serve().await;
    // Not even the first message fits, so hyper does not ask for the last one.
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge();
    let client = client.http2_initial_stream_window_size(1).build().unwrap();
    let head = asking(&api, "/events", None).headers().clone();
    let mut unread = client.get(format!("http://{address}/events")).headers(head).send().await.unwrap();
    assert_eq!(unread.status(), StatusCode::OK);
    sleep(Duration::from_secs(7)).await;
    let mut read = 0;
    let ended = loop {
        match timeout(Duration::from_secs(10), unread.chunk()).await.unwrap() {
            Ok(Some(part)) => read += part.len(),
            ended => break ended,
        }
    };
    assert!(ended.is_err() && read <= 1, "{read} bytes, then {ended:?}");
}
