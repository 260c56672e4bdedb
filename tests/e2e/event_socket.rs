//! `GET /events/socket` through Envoy and the filter.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gateway_tests::http1::Request;
use gateway_tests::{Gateway, OwnGateway, shared};
use local_stack::DEMO_KEY;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn connect(gateway: &Gateway<'_>, path: &str, key: Option<&str>) -> Result<Self, Error> {
        Self::connect_as(gateway, path, "gateway.events.v1", key).await
    }

    /// `protocols`: what the client offers, the usual one among them.
    pub(crate) async fn connect_as(
        gateway: &Gateway<'_>,
        path: &str,
        protocols: &str,
        key: Option<&str>,
    ) -> Result<Self, Error> {
        let mut request = format!("ws://{}{path}", gateway.address()).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", protocols.parse().unwrap());
        if let Some(key) = key {
            headers.insert("authorization", format!("Bearer {key}").parse().unwrap());
        }
        let (socket, answer) = timeout(PATIENCE, connect_async(request)).await.expect("no answer")?;
        assert_eq!(answer.headers()["sec-websocket-protocol"], "gateway.events.v1");
        Ok(Self(socket))
    }

    pub(crate) async fn open(gateway: &Gateway<'_>) -> Self {
        Self::greeted(gateway).await.0
    }

    /// With the cursor of its `hello`.
    async fn greeted(gateway: &Gateway<'_>) -> (Self, Value) {
        let mut socket = Self::connect(gateway, "/events/socket", Some(DEMO_KEY)).await.unwrap();
        let hello = socket.read().await;
        let cursor = hello["cursor"].clone();
        let reconnect = json!({ "min": 1_000, "max": 5_000 });
        let expected = json!({ "type": "hello", "heartbeatSeconds": 15, "cursor": cursor,
            "retainedHours": 90 * 24, "reconnectAfterMs": reconnect });
        assert_eq!(hello, expected);
        assert!(cursor.as_str().is_some_and(|id| id.starts_with("evt_")), "{hello}");
        (socket, cursor)
    }

    pub(crate) async fn subscribed(gateway: &Gateway<'_>, to: &Value) -> Self {
        let mut socket = Self::open(gateway).await;
        socket.send(to).await;
        assert_eq!(socket.read().await["type"], "subscribed");
        socket
    }

    pub(crate) async fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message; pings and heartbeats are skipped.
    pub(crate) async fn read(&mut self) -> Value {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("nothing comes");
            if let Message::Text(text) = message.expect("closed").unwrap() {
                let message: Value = serde_json::from_str(&text).unwrap();
                if message["type"] != "heartbeat" {
                    return message;
                }
            }
        }
    }

    pub(crate) async fn event(&mut self) -> Value {
        let mut message = self.read().await;
        assert_eq!(message["type"], "event", "{message}");
        message["event"].take()
    }

    /// The code and reason with which the server closes.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("it stays open").expect("cut off").unwrap() {
                Message::Close(Some(close)) => return (close.code.into(), close.reason.to_string()),
                Message::Close(None) => panic!("closed without a reason"),
                _ => {}
            }
        }
    }
}

fn subscribe() -> Value {
    json!({ "type": "subscribe" })
}

async fn charged(gateway: &Gateway<'_>) -> String {
    let charge =
        json!({ "provider": "stripe", "amount": 700, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    gateway.charge(&charge).await.transaction_id()
}

pub(crate) fn refused(result: Result<Socket, Error>) -> u16 {
    match result.err().expect("it opens") {
        Error::Http(answer) => answer.status().as_u16(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_socket_tells_each_transition_of_the_payments_that_it_subscribes_to() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let mut all = Socket::subscribed(&gateway, &subscribe()).await;
    let completed = json!({ "type": "subscribe", "types": ["payment.completed"] });
    let mut completed = Socket::subscribed(&gateway, &completed).await;
    let transaction = charged(&gateway).await;
    let mut last = Value::Null;
    for kind in ["payment.created", "payment.processing", "payment.completed"] {
        last = all.event().await;
        assert_eq!((&last["type"], &last["transactionId"]), (&json!(kind), &json!(transaction)));
    }
    assert_eq!(completed.event().await, last);
    drop(all);
    let other = charged(&gateway).await;
    let one = json!({ "type": "subscribe", "payments": [other], "after": last["id"] });
    let mut resumed = Socket::subscribed(&gateway, &one).await;
    assert_eq!(resumed.event().await["type"], "payment.created");
    resumed.send(&json!({ "type": "ping" })).await;
    while resumed.read().await["type"] != "pong" {}
}

#[tokio::test]
async fn a_socket_cut_after_its_hello_continues_from_there_and_misses_nothing() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let before = charged(&gateway).await;
    let (mut socket, cursor) = Socket::greeted(&gateway).await;
    socket.send(&subscribe()).await;
    // Nothing has happened since.
    assert_eq!(socket.read().await, json!({ "type": "subscribed", "cursor": cursor }));
    drop(socket);
    let missed = charged(&gateway).await;
    let go_on = json!({ "type": "subscribe", "after": cursor });
    let mut again = Socket::subscribed(&gateway, &go_on).await;
    for kind in ["payment.created", "payment.processing", "payment.completed"] {
        let event = again.event().await;
        assert_eq!((&event["type"], &event["transactionId"]), (&json!(kind), &json!(missed)), "not {before}");
    }
}

#[tokio::test]
async fn a_subscription_behind_an_unknown_event_is_reset() {
    let gateway = shared().await;
    let mut socket = Socket::open(&gateway).await;
    let after = format!("evt_{}", "b".repeat(32));
    socket.send(&json!({ "type": "subscribe", "after": after })).await;
    assert_eq!(socket.read().await, json!({ "type": "reset", "reason": "cursor_unknown" }));
    assert_eq!(socket.read().await["type"], "subscribed");
}

#[tokio::test]
async fn a_socket_is_closed_with_a_code_that_says_what_to_do() {
    let gateway = shared().await;
    let mut silent = Socket::open(&gateway).await;
    let begun = Instant::now();
    assert_eq!(silent.closed().await.0, 4408);
    assert!(begun.elapsed() < Duration::from_secs(8));
    let mut wrong = Socket::open(&gateway).await;
    wrong.send(&json!({ "type": "charge" })).await;
    assert_eq!(wrong.closed().await.0, 4400);
    let mut flood = Socket::subscribed(&gateway, &subscribe()).await;
    for _ in 0..25 {
        flood.send(&json!({ "type": "ping" })).await;
    }
    assert_eq!(flood.closed().await.0, 4429);
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_the_socket_with_4400() {
    let gateway = shared().await;
    let mut socket = Socket::subscribed(&gateway, &subscribe()).await;
    socket.send(&json!({ "type": "subscribe", "types": ["a".repeat(6 * 1024)] })).await;
    assert_eq!(socket.closed().await, (4400, "a message has at most 6 KiB".to_owned()));
}

#[tokio::test]
async fn a_control_plane_that_stops_says_when_to_come_back() {
    let own = OwnGateway::start(&[]).await;
    let mut socket = Socket::subscribed(&own.gateway(), &subscribe()).await;
    own.gateway().terminate("control-plane");
    let (code, reason) = socket.closed().await;
    let retry: Value = serde_json::from_str(&reason).unwrap();
    assert_eq!(code, 1012);
    assert!((1_000..5_000).contains(&retry["retryAfterMs"].as_u64().unwrap()), "{reason}");
}

#[tokio::test]
async fn a_socket_outlives_the_time_that_a_request_may_take() {
    let own = OwnGateway::start(&[("EVENT_STREAM_SECONDS", "600")]).await;
    let gateway = own.gateway();
    let only = json!({ "type": "subscribe", "types": ["payment.completed"] });
    let mut socket = Socket::subscribed(&gateway, &only).await;
    // The client's side must be read for pings to be answered.
    let waited = async {
        loop {
            socket.read().await;
        }
    };
    let _: Result<(), _> = timeout(Duration::from_secs(65), waited).await;
    let transaction = charged(&gateway).await;
    while socket.event().await["transactionId"] != *transaction {}
}

#[tokio::test]
async fn an_upgrade_is_refused_at_once_without_a_key_and_where_there_is_none() {
    let gateway = shared().await;
    let begun = Instant::now();
    assert_eq!(refused(Socket::connect(&gateway, "/events/socket", None).await), 401);
    assert_eq!(refused(Socket::connect(&gateway, "/events/socket", Some("wrong")).await), 401);
    assert_eq!(refused(Socket::connect(&gateway, "/payments", Some(DEMO_KEY)).await), 400);
    assert_eq!(refused(Socket::connect(&gateway, "/events", Some(DEMO_KEY)).await), 400);
    gateway.get("/events/socket").await.refuses(400, "INVALID_REQUEST");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

/// A handshake without any key opens instead: Envoy passes it on over HTTP/2, which needs none (RFC 8441, section 5).
#[tokio::test]
async fn a_handshake_of_another_version_or_key_is_refused_by_the_headers_name() {
    let gateway = shared().await;
    let (version, key) = (("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="));
    let (version_8, short_key) = (("sec-websocket-version", "8"), ("sec-websocket-key", "x"));
    let cases = [
        (vec![key], 426, "Sec-WebSocket-Version"),
        (vec![key, version_8], 426, "Sec-WebSocket-Version"),
        (vec![version_8], 426, "Sec-WebSocket-Version"),
        (vec![version, short_key], 400, "Sec-WebSocket-Key"),
    ];
    for (lines, status, param) in cases {
        for path in ["/events/socket", "/graphql/socket"] {
            let upgrade = Request::new("GET", path)
                .header("authorization", format!("Bearer {DEMO_KEY}"))
                .header("connection", "upgrade")
                .header("upgrade", "websocket");
            let handshake = lines.iter().fold(upgrade, |request, (name, value)| request.header(name, value));
            let refused = gateway.send_raw(&handshake).await;
            assert_eq!(refused.refuses(status, "INVALID_REQUEST")["param"], param, "{path} {lines:?}");
            let spoken = (status == 426).then_some("13");
            assert_eq!(refused.header("sec-websocket-version"), spoken, "{path} {lines:?}");
        }
    }
}

#[tokio::test]
async fn open_sockets_take_nothing_from_a_clients_charges() {
    let own = OwnGateway::start(&[("GATEWAY_CLIENT_REQUESTS_IN_FLIGHT", "2")]).await;
    let gateway = own.gateway();
    let mut sockets = Vec::new();
    for _ in 0..12 {
        let completed = json!({ "type": "subscribe", "types": ["payment.completed"] });
        sockets.push(Socket::subscribed(&gateway, &completed).await);
    }
    sleep(Duration::from_millis(100)).await;
    let transaction = charged(&gateway).await;
    for socket in &mut sockets {
        assert_eq!(socket.event().await["transactionId"], *transaction);
    }
}
