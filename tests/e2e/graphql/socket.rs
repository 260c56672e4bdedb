//! `GET /graphql/socket` through Envoy and the filter.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use gateway_tests::{Gateway, HttpResponse, OwnGateway, shared};
use local_stack::DEMO_KEY;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{CHARGE, charge};

const PATIENCE: Duration = Duration::from_secs(20);

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    async fn connect(gateway: &Gateway<'_>) -> Self {
        let mut request = format!("ws://{}/graphql/socket", gateway.address()).into_client_request().unwrap();
        let headers = request.headers_mut();
        headers.insert("sec-websocket-protocol", "graphql-transport-ws".parse().unwrap());
        headers.insert("authorization", format!("Bearer {DEMO_KEY}").parse().unwrap());
        let (socket, _) = timeout(PATIENCE, connect_async(request)).await.expect("no answer").unwrap();
        Self(socket)
    }

    async fn open(gateway: &Gateway<'_>) -> Self {
        let mut socket = Self::connect(gateway).await;
        socket.send(&json!({ "type": "connection_init" })).await;
        assert_eq!(socket.read().await["type"], "connection_ack");
        socket
    }

    async fn send(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn subscribe(&mut self, query: &str, variables: &Value) {
        self.send(&subscribe("1", query, variables)).await;
    }

    async fn read(&mut self) -> Value {
        loop {
            let message =
                timeout(PATIENCE, self.0.next()).await.expect("nothing comes").expect("closed").unwrap();
            match message {
                // A sign of life, with the cursor to continue after.
                Message::Text(text) if text.contains(r#""type":"ping""#) => {}
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(close) => panic!("{close:?}"),
                _ => {}
            }
        }
    }

    async fn event(&mut self) -> Value {
        let mut message = self.read().await;
        assert_eq!(message["type"], "next", "{message}");
        message["payload"]["data"]["paymentEvents"].take()
    }

    /// The types of the next events of the subscription `1`.
    async fn types(&mut self, count: usize) -> Vec<String> {
        let mut types = Vec::new();
        for _ in 0..count {
            types.push(self.event().await["type"].as_str().unwrap().to_owned());
        }
        types
    }

    /// The code and reason with which the server closes; nothing else comes before.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("it stays open").expect("cut off").unwrap() {
                Message::Close(close) => {
                    let close = close.expect("closed without a reason");
                    return (close.code.into(), close.reason.to_string());
                }
                Message::Text(text) => panic!("{text}"),
                _ => {}
            }
        }
    }
}

fn subscribe(id: &str, query: &str, variables: &Value) -> Value {
    json!({ "id": id, "type": "subscribe", "payload": { "query": query, "variables": variables } })
}

async fn charged(gateway: &Gateway<'_>) -> String {
    let charge =
        json!({ "provider": "stripe", "amount": 700, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    gateway.charge(&charge).await.transaction_id()
}

/// The cursor before the first event.
fn beginning() -> String {
    format!("evt_{}", "a".repeat(32))
}

const EVENTS: &str = "subscription($after: ID, $payment: ID, $types: [String!]) {
    paymentEvents(after: $after, payment: $payment, types: $types) { id type transactionId payment { status } } }";
const OF_A_CHARGE: [&str; 3] = ["payment.created", "payment.processing", "payment.completed"];

#[tokio::test]
async fn a_subscription_tells_transitions_and_continues_behind_an_event() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let mut socket = Socket::open(&gateway).await;
    socket.subscribe(EVENTS, &json!({})).await;
    // The subscription has no acknowledgement; a second charge is seen in any case.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let id = charged(&gateway).await;
    let first = socket.event().await;
    assert_eq!((&first["type"], &first["transactionId"]), (&json!("payment.created"), &json!(id)));
    socket.event().await;
    assert_eq!(socket.event().await["payment"]["status"], "COMPLETED");
    drop(socket);
    let mut resumed = Socket::open(&gateway).await;
    resumed.subscribe(EVENTS, &json!({ "after": first["id"], "payment": id })).await;
    assert_eq!(resumed.types(2).await, OF_A_CHARGE[1..]);
}

#[tokio::test]
async fn subscriptions_that_end_with_1012_go_on_and_lose_and_repeat_nothing() {
    let own = OwnGateway::start(&[("EVENT_STREAM_SECONDS", "5")]).await;
    let gateway = own.gateway();
    let refunds = json!({ "after": beginning(), "types": ["refund.processed"] });
    let mut socket = Socket::open(&gateway).await;
    socket.send(&subscribe("idle", EVENTS, &refunds)).await;
    socket.subscribe(EVENTS, &json!({ "after": beginning() })).await;
    charged(&gateway).await;
    assert_eq!(socket.types(3).await, OF_A_CHARGE);
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 1012, "{reason}");
    let reason: Value = serde_json::from_str(&reason).unwrap();
    assert!((50..500).contains(&reason["retryAfterMs"].as_u64().unwrap()), "{reason}");
    // While the client is away.
    let missed = charged(&gateway).await;
    let mut again = Socket::open(&gateway).await;
    again.subscribe(EVENTS, &json!({ "after": reason["after"] })).await;
    let first = again.event().await;
    assert_eq!((&first["type"], &first["transactionId"]), (&json!("payment.created"), &json!(missed)));
    assert_eq!(again.types(2).await, OF_A_CHARGE[1..]);
}

#[tokio::test]
async fn a_control_plane_that_stops_tells_subscriptions_when_and_where_to_go_on() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let mut socket = Socket::open(&gateway).await;
    socket.subscribe(EVENTS, &json!({ "after": beginning() })).await;
    charged(&gateway).await;
    assert_eq!(socket.types(3).await, OF_A_CHARGE);
    gateway.terminate("control-plane");
    let (code, reason) = socket.closed().await;
    let reason: Value = serde_json::from_str(&reason).unwrap();
    assert_eq!((code, reason["after"].is_string()), (1012, true), "{reason}");
}

#[tokio::test]
async fn what_breaks_the_protocol_closes_the_socket_with_its_code() {
    let gateway = shared().await;
    let init = json!({ "type": "connection_init" });
    // To a payment that is not there: others charge at this gateway meanwhile.
    let payment = json!({ "payment": "txn_01890000-0000-7000-8000-000000000000" });
    let subscribed = subscribe("1", EVENTS, &payment);
    for (messages, code, reason) in [
        (vec![&subscribed], 4401, "Unauthorized"),
        (vec![&init, &init], 4429, "Too many initialisation requests"),
        (vec![&init, &json!({ "type": "start" })], 4400, "Invalid message"),
        (vec![&init, &subscribed, &subscribed], 4409, "Subscriber for this id already exists"),
    ] {
        let mut socket = Socket::connect(&gateway).await;
        for message in &messages {
            socket.send(message).await;
        }
        if messages.first() == Some(&&init) {
            assert_eq!(socket.read().await["type"], "connection_ack");
        }
        let (its_code, its_reason) = socket.closed().await;
        assert!(its_code == code && its_reason.starts_with(reason), "{its_code} {its_reason}");
    }
    let mut silent = Socket::connect(&gateway).await;
    silent.send(&json!({ "type": "ping" })).await;
    assert_eq!(silent.read().await["type"], "pong");
    assert_eq!(silent.closed().await, (4408, "Connection initialisation timeout".to_owned()));
}

#[tokio::test]
async fn an_id_that_a_client_has_completed_is_free_for_another_subscription() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let mut socket = Socket::open(&gateway).await;
    socket.subscribe(EVENTS, &json!({ "types": ["refund.processed"] })).await;
    socket.send(&json!({ "type": "complete", "id": "1" })).await;
    socket.subscribe(EVENTS, &json!({ "after": beginning() })).await;
    charged(&gateway).await;
    assert_eq!(socket.types(3).await, OF_A_CHARGE, "no word of the first comes between");
}

#[tokio::test]
async fn an_id_is_free_once_the_server_has_ended_its_subscription() {
    let gateway = shared().await;
    let mut socket = Socket::open(&gateway).await;
    for _ in 0..2 {
        socket.subscribe("subscription { nothing }", &json!({})).await;
        let failed = socket.read().await;
        assert_eq!((&failed["type"], &failed["id"]), (&json!("error"), &json!("1")), "{failed}");
        assert!(failed.to_string().contains("INVALID_REQUEST"), "{failed}");
    }
}

#[tokio::test]
async fn a_message_that_is_too_long_closes_the_socket_with_4400() {
    let gateway = shared().await;
    let mut socket = Socket::open(&gateway).await;
    let long = format!("{EVENTS} #{}", "a".repeat(64 * 1024));
    socket.subscribe(&long, &json!({})).await;
    assert_eq!(socket.closed().await, (4400, "a message has at most 64 KiB".to_owned()));
}

#[tokio::test]
async fn a_socket_executes_no_mutation_and_no_query() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    for query in [
        CHARGE,
        "{ viewer { client } }",
        "subscription { ...f } fragment f on Subscription { paymentEvents { id } }",
        "subscription { ... on Subscription { paymentEvents { id } } }",
        "subscription { paymentEvents @skip(if: true) { id } }",
    ] {
        let mut socket = Socket::open(&gateway).await;
        socket.subscribe(query, &charge("pm_card_visa")["variables"]).await;
        let refused = socket.read().await;
        assert!(refused.to_string().contains("INVALID_REQUEST"), "{refused}");
    }
    let mut unknown = Socket::open(&gateway).await;
    unknown.subscribe(EVENTS, &json!({ "after": format!("evt_{}", "b".repeat(32)) })).await;
    assert!(unknown.read().await.to_string().contains("CURSOR_UNKNOWN"));
    let ledger = format!("{}/_sandbox/ledger?summary=1&kind=charge", own.stack.sandbox_url());
    assert_eq!(HttpResponse::of(gateway.http.get(ledger)).await.json()["total"], 0);
}
