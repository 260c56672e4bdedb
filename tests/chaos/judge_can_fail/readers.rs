//! Readers whose own way misses the end of the log are found, even where another way has it.

use std::collections::BTreeSet;
use std::future::pending;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use gateway_tests::Sandbox;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role};

use super::*;
use crate::workload::{Clients, Reader};

/// Enough for each way and each client.
const READERS: usize = 18;
const READ_WITHIN: Duration = Duration::from_secs(3);

/// How many of the three events of a payment each way of a gateway delivers.
#[derive(Clone, Copy)]
struct DeliveredEvents {
    lists: usize,
    streams: usize,
    sockets: usize,
    subscriptions: usize,
    /// The code that sockets and subscriptions are closed with after what they send.
    closes: Option<u16>,
}

const ALL: DeliveredEvents =
    DeliveredEvents { lists: 3, streams: 3, sockets: 3, subscriptions: 3, closes: None };

impl DeliveredEvents {
    /// The URL of a gateway that stays silent after what it sends.
    async fn serve(self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                tokio::spawn(self.answer(connection));
            }
        });
        url
    }

    async fn answer(self, mut connection: TcpStream) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let Ok(byte) = connection.read_u8().await else { return };
            head.push(byte);
        }
        let head = String::from_utf8(head).unwrap();
        let field = |name: &str| {
            head.lines().find_map(|line| {
                let (field, value) = line.split_once(": ")?;
                field.eq_ignore_ascii_case(name).then_some(value)
            })
        };
        if let Some(key) = field("sec-websocket-key") {
            let protocol = field("sec-websocket-protocol").unwrap();
            let accepted = format!(
                "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                 sec-websocket-protocol: {protocol}\r\nsec-websocket-accept: {}\r\n\r\n",
                derive_accept_key(key.as_bytes())
            );
            connection.write_all(accepted.as_bytes()).await.unwrap();
            let mut socket = WebSocketStream::from_raw_socket(connection, Role::Server, None).await;
            if protocol == "graphql-transport-ws" {
                self.tell_subscription(&mut socket).await;
            } else {
                self.tell_socket(&mut socket).await;
            }
            if let Some(number) = self.closes {
                let frame = CloseFrame { code: number.into(), reason: "".into() };
                let _ = socket.close(Some(frame)).await;
            }
            pending::<()>().await;
        } else if let Some(last) = field("last-event-id") {
            let told: String = behind(last, self.streams)
                .iter()
                .map(|event| format!("id: {}\ndata: {event}\n\n", event["id"].as_str().unwrap()))
                .collect();
            let stream = format!("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n{told}");
            let _ = connection.write_all(stream.as_bytes()).await;
            pending::<()>().await;
        } else {
            let after = head.split("after=").nth(1).unwrap().split(' ').next().unwrap();
            let page = json!({ "data": behind(after, self.lists), "hasMore": false }).to_string();
            let length = page.len();
            let list =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{page}");
            let _ = connection.write_all(list.as_bytes()).await;
        }
    }

    async fn tell_socket(self, socket: &mut Socket) {
        let Some(subscribe) = heard(socket).await else { return };
        for event in behind(subscribe["after"].as_str().unwrap(), self.sockets) {
            tell(socket, &json!({ "type": "event", "event": event })).await;
        }
    }

    async fn tell_subscription(self, socket: &mut Socket) {
        if heard(socket).await.is_none() {
            return;
        }
        tell(socket, &json!({ "type": "connection_ack" })).await;
        let Some(subscribe) = heard(socket).await else { return };
        let after = &subscribe["payload"]["variables"]["after"];
        for event in behind(after.as_str().unwrap(), self.subscriptions) {
            let data = json!({ "paymentEvents": event });
            tell(socket, &json!({ "type": "next", "id": "1", "payload": { "data": data } })).await;
        }
    }
}

type Socket = WebSocketStream<TcpStream>;

/// The reader's next message. `None`: it is gone.
async fn heard(socket: &mut Socket) -> Option<Value> {
    let Some(Ok(Message::Text(text))) = socket.next().await else { return None };
    Some(serde_json::from_str(&text).unwrap())
}

async fn tell(socket: &mut Socket, message: &Value) {
    let _ = socket.send(Message::text(message.to_string())).await;
}

/// The first `told` events without those up to `last`. An event's id ends with its number.
fn behind(last: &str, told: usize) -> Vec<Value> {
    let last: usize = last.strip_prefix("evt_").and_then(|number| number.parse().ok()).unwrap_or(0);
    let events = (last + 1..=told).map(
        |number| json!({ "id": format!("evt_{number}"), "transactionId": "txn_1", "version": number - 1 }),
    );
    events.collect()
}

/// What the judge finds of readers at such a gateway.
async fn broken(told: DeliveredEvents) -> Vec<String> {
    let recorded = trail("txn_1", None, 0, &["created", "processing", "completed"]);
    let recorded: Vec<_> = recorded.iter().collect();
    let sandbox = Sandbox::at(String::new());
    let clients = Clients::of(vec![told.serve().await], sandbox, Default::default());
    let (clients, recorded) = (&clients, &recorded);
    let readers = (0..READERS).map(|number| async move {
        let mut reader = Reader::new(number, 1);
        reader.catch_up(clients, recorded, READ_WITHIN).await;
        reader.judge(recorded, recorded)
    });
    let broken = join_all(readers).await.into_iter().flatten();
    broken
        .map(|broken| {
            assert_eq!(broken.promise, "P13", "{broken:?}");
            broken.what
        })
        .collect()
}

/// The ways of the readers that the judge finds to have missed an event.
async fn found(told: DeliveredEvents) -> BTreeSet<String> {
    let ways = broken(told).await.into_iter();
    ways.map(|what| what.split_once(": a reader never saw 1 events").unwrap().0.to_owned()).collect()
}

#[tokio::test]
async fn p13_a_reader_that_misses_the_end_in_its_own_way_is_found() {
    let named = |ways: &[&str]| ways.iter().map(|way| (*way).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(found(ALL).await, named(&[]));
    assert_eq!(found(DeliveredEvents { streams: 2, ..ALL }).await, named(&["SlowStream", "Stream"]));
    assert_eq!(found(DeliveredEvents { sockets: 2, ..ALL }).await, named(&["SlowSocket", "Socket"]));
    let subscriptions = found(DeliveredEvents { subscriptions: 2, ..ALL }).await;
    assert_eq!(subscriptions, named(&["SlowSubscription", "Subscription"]));
    assert_eq!(found(DeliveredEvents { lists: 2, ..ALL }).await, named(&["List"]));
}

#[tokio::test]
async fn p13_a_reader_that_is_blamed_when_it_is_closed_is_found() {
    // It has not seen the last event, and comes again.
    let closed = |number| DeliveredEvents { sockets: 2, subscriptions: 2, closes: Some(number), ..ALL };
    let blamed = broken(closed(4400)).await;
    assert!(
        blamed.iter().any(|what| what == "a reader was refused: closed with 4400 behind evt_2"),
        "{blamed:?}"
    );
    let expected = broken(closed(1012)).await;
    assert!(!expected.iter().any(|what| what.contains("closed with")), "{expected:?}");
}
