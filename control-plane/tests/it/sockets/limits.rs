//! What a socket, a stream and a list are told when the log goes back no further, and when there is no room for more.

use axum::body::Body;
use axum::http::{Request, StatusCode};

use super::*;
use crate::http::read;

fn stream_of(api: &Api, client: &str, last: Option<&str>) -> Request<Body> {
    let mut request = api.attested(client, "GET", "/events", "");
    request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    if let Some(last) = last {
        request.headers_mut().insert("last-event-id", last.parse().unwrap());
    }
    request
}

#[tokio::test]
async fn a_reader_behind_the_end_of_the_history_is_told_so_in_each_way() {
    let api = Api::start().await;
    api.charged().await;
    let (_, page) = api.demo("GET", "/events", "").await;
    let [gone, kept] = [0, 2].map(|n: usize| page["data"][n]["id"].as_str().unwrap().to_owned());
    let move_horizon =
        "INSERT INTO log_horizon (only_row, first_seq, set_at) SELECT 1, MAX(seq), 0 FROM events";
    api.test.store.execute(move_horizon).await;
    // The process before has read how far back the log goes, and reads it once a minute.
    let api = api.restarted().await;
    let (status, error) = api.demo("GET", &format!("/events?after={gone}"), "").await;
    assert_eq!((status, &error["error"]["code"]), (StatusCode::GONE, &json!("CURSOR_UNKNOWN")));
    // The beginning of the log is a cursor, too: that of an empty log.
    for gone in [gone.clone(), format!("evt_{}", "a".repeat(32))] {
        let (status, error) = read(api.send(stream_of(&api, "demo", Some(&gone))).await).await;
        assert_eq!((status, &error["error"]["code"]), (StatusCode::GONE, &json!("CURSOR_UNKNOWN")));
    }
    let (_, oldest) = api.demo("GET", "/events", "").await;
    assert_eq!(oldest["data"][0]["id"], kept, "without a cursor, what there is");
    let mut socket = Upgraded::open(&api, EVENTS).await;
    let hello = socket.text().await;
    let subscribe =
        |after: &str| frame(TEXT, json!({ "type": "subscribe", "after": after }).to_string().as_bytes());
    socket.send(&subscribe(&gone)).await;
    assert_eq!(socket.text().await, json!({ "type": "reset", "reason": "cursor_unknown" }));
    assert_eq!(socket.text().await, json!({ "type": "subscribed", "cursor": hello["cursor"] }));
    // Events from now on follow.
    let next = api.charged().await;
    for version in 0..3 {
        let event = &socket.text().await["event"];
        assert_eq!((&event["transactionId"], &event["version"]), (&json!(next), &json!(version)));
    }
    let mut graphql = Upgraded::open(&api, GRAPHQL).await;
    graphql.send(&frame(TEXT, br#"{"type":"connection_init"}"#)).await;
    assert_eq!(graphql.text().await["type"], "connection_ack");
    let query = format!("subscription {{ paymentEvents(after: \"{gone}\") {{ id }} }}");
    let message = json!({ "type": "subscribe", "id": "1", "payload": { "query": query } }).to_string();
    graphql.send(&frame(TEXT, message.as_bytes())).await;
    assert_eq!(graphql.text().await["payload"][0]["extensions"]["code"], "CURSOR_UNKNOWN");
    socket.send(&subscribe(&kept)).await;
    assert_eq!(socket.text().await, json!({ "type": "subscribed", "cursor": kept }));
}

/// Streams of one process.
const STREAMS_MAX: usize = 4_000;
/// The limit of one client.
const OF_A_CLIENT: usize = 500;

#[tokio::test]
async fn more_streams_than_a_process_serves_are_refused_with_503() {
    let api = Api::start().await;
    let mut open = Vec::new();
    for client in 0..STREAMS_MAX / OF_A_CLIENT {
        for _ in 0..OF_A_CLIENT {
            let stream = api.send(stream_of(&api, &format!("client-{client}"), None)).await;
            assert_eq!(stream.status(), StatusCode::OK);
            open.push(stream);
        }
    }
    let refused = api.send(stream_of(&api, "demo", None)).await;
    assert_eq!(refused.headers()["retry-after"], "5");
    let (status, error) = read(refused).await;
    assert_eq!(
        (status, &error["error"]["code"]),
        (StatusCode::SERVICE_UNAVAILABLE, &json!("STREAMS_EXHAUSTED"))
    );
    assert_eq!(error["error"]["retryable"], true);
    for (path, protocol) in [EVENTS, GRAPHQL] {
        let mut refused = Upgraded::ask(&api, path, &[protocol]).await;
        assert_eq!((refused.status(), refused.field("retry-after")), (503, Some("5")), "{path}");
        assert_eq!(refused.body().await["error"]["code"], "STREAMS_EXHAUSTED", "{path}");
    }
    // Lists do not count, and neither do charges.
    assert_eq!(api.demo("GET", "/events", "").await.0, StatusCode::OK);
    api.charged().await;
    open.pop();
    let mut socket = Upgraded::open(&api, EVENTS).await;
    assert_eq!(socket.text().await["type"], "hello");
}
