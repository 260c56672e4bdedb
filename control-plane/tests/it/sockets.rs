//! The WebSockets of `/events/socket` and `/graphql/socket`, byte by byte: what clients offer, and frames that no library
//! sends.

mod limits;
mod quiet;
mod secrets;
mod slow;

use std::time::Duration;

use edge_core::attestation::HEADER;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::Api;

const PATIENCE: Duration = Duration::from_secs(20);
const EVENTS: (&str, &str) = ("/events/socket", "gateway.events.v1");
const GRAPHQL: (&str, &str) = ("/graphql/socket", "graphql-transport-ws");
const VERSION: &str = "sec-websocket-version: 13\r\n";
const KEY: &str = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// The answer to an upgrade, and what follows it.
struct Upgraded {
    connection: TcpStream,
    head: String,
}

impl Upgraded {
    /// As the edge forwards a client's upgrade that has these lines of `Sec-WebSocket-Protocol`.
    async fn ask(api: &Api, path: &str, protocols: &[&str]) -> Self {
        let mut lines = format!("{VERSION}{KEY}");
        for protocol in protocols {
            lines += &format!("sec-websocket-protocol: {protocol}\r\n");
        }
        Self::ask_with(api, path, &lines).await
    }

    /// With these lines in its head.
    async fn ask_with(api: &Api, path: &str, lines: &str) -> Self {
        let connection = TcpStream::connect(api.listen().await).await.unwrap();
        Self::ask_over(connection, api, path, lines).await
    }

    async fn ask_over(mut connection: TcpStream, api: &Api, path: &str, lines: &str) -> Self {
        let attested = api.attested("demo", "GET", path, "");
        let attestation = attested.headers()[HEADER].to_str().unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: a\r\nx-request-id: req-1\r\n{HEADER}: {attestation}\r\n\
             connection: upgrade\r\nupgrade: websocket\r\n{lines}\r\n"
        );
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, connection.read_u8()).await.unwrap().unwrap());
        }
        Self { connection, head: String::from_utf8(head).unwrap() }
    }

    async fn open(api: &Api, (path, protocol): (&str, &str)) -> Self {
        let upgraded = Self::ask(api, path, &[protocol]).await;
        assert_eq!((upgraded.status(), upgraded.field("sec-websocket-protocol")), (101, Some(protocol)));
        upgraded
    }

    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    async fn body(&mut self) -> Value {
        let mut body = vec![0; self.field("content-length").unwrap().parse().unwrap()];
        self.fill(&mut body).await;
        serde_json::from_slice(&body).unwrap()
    }

    async fn fill(&mut self, bytes: &mut [u8]) {
        timeout(PATIENCE, self.connection.read_exact(bytes)).await.unwrap().unwrap();
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.connection.write_all(bytes).await.unwrap();
    }

    /// The next frame: its first byte and what it carries.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let mut head = [0; 2];
        self.fill(&mut head).await;
        let mut length = usize::from(head[1]);
        if length == 126 {
            let mut long = [0; 2];
            self.fill(&mut long).await;
            length = usize::from(u16::from_be_bytes(long));
        }
        let mut payload = vec![0; length];
        self.fill(&mut payload).await;
        (head[0], payload)
    }

    async fn text(&mut self) -> Value {
        let (first, payload) = self.frame().await;
        assert_eq!(first, TEXT);
        serde_json::from_slice(&payload).unwrap()
    }

    /// The code and the reason with which the server closes; other frames may come before.
    async fn closed(&mut self) -> (u16, String) {
        loop {
            let (first, payload) = self.frame().await;
            if first == CLOSE {
                let (code, reason) = payload.split_first_chunk().unwrap();
                return (u16::from_be_bytes(*code), String::from_utf8(reason.to_vec()).unwrap());
            }
        }
    }
}

/// The first bytes of whole frames.
const TEXT: u8 = 0x81;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;

/// A client's frame of at most 255 bytes, under a mask that changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    let length = if length < 126 { vec![0x80 | length] } else { vec![0x80 | 126, 0, length] };
    [&[first][..], &length[..], &[0; 4][..], payload].concat()
}

#[tokio::test]
async fn frames_that_are_not_as_in_rfc_6455_close_a_socket_with_its_codes() {
    let api = Api::start().await;
    for (what, bytes, code) in [
        ("a text that is not UTF-8", frame(TEXT, b"{\xff}"), 1007),
        ("one in fragments", [frame(0x01, b"\xc3"), frame(0x80, b"\x28")].concat(), 1007),
        ("a reason that is not UTF-8", frame(CLOSE, b"\x03\xe8\xff"), 1007),
        ("a reserved bit", frame(TEXT | 0x40, b"{}"), 1002),
        ("a reserved opcode", frame(0x83, b"{}"), 1002),
        ("a control frame in fragments", frame(PING & 0x7f, b"a"), 1002),
        ("a control frame that is too long", frame(PING, &[0; 126]), 1002),
        ("a frame without a mask", [&[TEXT, 2][..], b"{}"].concat(), 1002),
        ("a fragment of nothing", frame(0x80, b"{}"), 1002),
        ("a new message amid another", [frame(0x01, b"{"), frame(TEXT, b"{}")].concat(), 1002),
        ("half a close code", frame(CLOSE, b"\x03"), 1002),
        ("a close code that there is not", frame(CLOSE, &999_u16.to_be_bytes()), 1002),
    ] {
        for socket in [EVENTS, GRAPHQL] {
            let mut upgraded = Upgraded::open(&api, socket).await;
            upgraded.send(&bytes).await;
            assert_eq!(upgraded.closed().await.0, code, "{what} at {}", socket.0);
        }
    }
}

#[tokio::test]
async fn a_client_that_closes_a_socket_is_answered_with_its_own_code() {
    let api = Api::start().await;
    for socket in [EVENTS, GRAPHQL] {
        for code in [1000_u16, 1001, 4000] {
            let mut upgraded = Upgraded::open(&api, socket).await;
            upgraded.send(&frame(CLOSE, &code.to_be_bytes())).await;
            assert_eq!(upgraded.closed().await.0, code, "at {}", socket.0);
        }
    }
}

#[tokio::test]
async fn a_socket_of_events_opens_with_its_subprotocol_among_others_or_without_any() {
    let api = Api::start().await;
    let (path, own) = EVENTS;
    let offers: [(&[&str], _); 5] = [
        (&[own], Some(own)),
        (&["chat, gateway.events.v1"], Some(own)),
        (&["chat", own], Some(own)),
        (&[], None),
        (&[""], None),
    ];
    for (protocols, selected) in offers {
        let mut upgraded = Upgraded::ask(&api, path, protocols).await;
        let answer = (upgraded.status(), upgraded.field("sec-websocket-protocol"));
        assert_eq!(answer, (101, selected), "{protocols:?}");
        assert_eq!(upgraded.text().await["type"], "hello");
    }
}

#[tokio::test]
async fn a_socket_of_events_greets_with_the_end_of_the_log() {
    let api = Api::start().await;
    for _ in 0..2 {
        let (_, page) = api.demo("GET", "/events", "").await;
        // As far as the process has read, which may be a moment behind the list.
        let greeted = async {
            loop {
                let hello = Upgraded::open(&api, EVENTS).await.text().await;
                assert_eq!(hello["type"], "hello");
                if hello["cursor"] == page["cursor"] {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(10), greeted).await.expect("the end of the log");
        api.charged().await;
    }
}

#[tokio::test]
async fn a_socket_of_events_is_refused_to_a_client_that_offers_only_other_subprotocols() {
    let api = Api::start().await;
    let offers: [&[&str]; 3] = [&["gateway.events.v2"], &["chat, Gateway.Events.V1"], &["chat", GRAPHQL.1]];
    for protocols in offers {
        let mut upgraded = Upgraded::ask(&api, EVENTS.0, protocols).await;
        assert_eq!(upgraded.status(), 400, "{protocols:?}");
        let error = &upgraded.body().await["error"];
        assert_eq!(
            (error["code"].as_str(), error["param"].as_str()),
            (Some("INVALID_REQUEST"), Some("Sec-WebSocket-Protocol"))
        );
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("must name `gateway.events.v1`"), "{message}");
    }
}

#[tokio::test]
async fn a_socket_of_graphql_without_its_subprotocol_is_closed_with_4406() {
    let api = Api::start().await;
    let init = frame(TEXT, br#"{"type":"connection_init"}"#);
    let offers: [&[&str]; 3] = [&[], &["graphql-ws"], &["graphql-ws", EVENTS.1]];
    for protocols in offers {
        let mut upgraded = Upgraded::ask(&api, GRAPHQL.0, protocols).await;
        let answer = (upgraded.status(), upgraded.field("sec-websocket-protocol"));
        assert_eq!(answer, (101, None), "{protocols:?}");
        upgraded.send(&init).await;
        let (first, _) = upgraded.frame().await;
        assert_eq!(first, CLOSE, "nothing comes before");
    }
    let mut refused = Upgraded::ask(&api, GRAPHQL.0, &[]).await;
    assert_eq!(refused.closed().await, (4406, "Subprotocol not acceptable".to_owned()));
    let mut upgraded = Upgraded::ask(&api, GRAPHQL.0, &["graphql-ws, graphql-transport-ws"]).await;
    assert_eq!(upgraded.field("sec-websocket-protocol"), Some(GRAPHQL.1));
    upgraded.send(&init).await;
    assert_eq!(upgraded.text().await["type"], "connection_ack");
}

#[tokio::test]
async fn a_handshake_without_its_headers_is_refused_by_their_names() {
    let api = Api::start().await;
    let key = |key: &str| format!("{VERSION}sec-websocket-key: {key}\r\n");
    for (lines, status, param) in [
        (KEY.to_owned(), 426, "Sec-WebSocket-Version"),
        (format!("{KEY}sec-websocket-version: 8\r\n"), 426, "Sec-WebSocket-Version"),
        (format!("{KEY}{VERSION}sec-websocket-version: 8\r\n"), 426, "Sec-WebSocket-Version"),
        (VERSION.to_owned(), 400, "Sec-WebSocket-Key"),
        (key("x"), 400, "Sec-WebSocket-Key"),
        (key("dGhlIHNhbXBsZSBub25jZSE"), 400, "Sec-WebSocket-Key"),
        (key("dGhlIHNhbXBsZSBub25j!Q=="), 400, "Sec-WebSocket-Key"),
        (format!("{VERSION}{KEY}{KEY}"), 400, "Sec-WebSocket-Key"),
    ] {
        for (path, _) in [EVENTS, GRAPHQL] {
            let mut refused = Upgraded::ask_with(&api, path, &lines).await;
            assert_eq!(refused.status(), status, "{path} {lines}");
            let spoken = (status == 426).then_some("13");
            assert_eq!(refused.field("sec-websocket-version"), spoken, "{path} {lines}");
            let body = refused.body().await;
            assert_eq!(
                (body["success"].as_bool(), body["error"]["code"].as_str(), body["error"]["param"].as_str()),
                (Some(false), Some("INVALID_REQUEST"), Some(param)),
                "{path} {lines}"
            );
        }
    }
}

#[tokio::test]
async fn an_empty_list_to_watch_closes_a_socket_instead_of_showing_everything() {
    let api = Api::start().await;
    for list in [r#""payments":[]"#, r#""types":[]"#, r#""types":[""]"#] {
        let mut upgraded = Upgraded::open(&api, EVENTS).await;
        upgraded.send(&frame(TEXT, format!(r#"{{"type":"subscribe",{list}}}"#).as_bytes())).await;
        assert_eq!(upgraded.closed().await.0, 4400, "{list}");
    }
}

#[tokio::test]
async fn a_wrong_member_of_a_message_is_named_as_a_socket_of_events_is_closed() {
    let api = Api::start().await;
    for (members, named) in [
        (r#""payment":"txn_1""#, "a member is unknown; subscribe has payments, types and after"),
        (r#""after":7"#, "after must be an event id"),
        (r#""after":null,"after":null"#, "after is given twice"),
        (r#""payments":"txn_1""#, "payments must be a list"),
    ] {
        let mut upgraded = Upgraded::open(&api, EVENTS).await;
        upgraded.send(&frame(TEXT, format!(r#"{{"type":"subscribe",{members}}}"#).as_bytes())).await;
        let (code, reason) = upgraded.closed().await;
        assert_eq!(code, 4400, "{members}");
        assert!(reason.starts_with(named), "{members}: {reason}");
    }
}

#[tokio::test]
async fn a_socket_of_graphql_without_a_subscription_is_one_of_its_clients_streams() {
    let api = Api::start().await;
    let stream = async || {
        let mut request = api.attested("demo", "GET", "/events", "");
        request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
        api.send(request).await
    };
    let mut open = Vec::new();
    for _ in 0..499 {
        open.push(stream().await);
    }
    let mut idle = Upgraded::open(&api, GRAPHQL).await;
    idle.send(&frame(TEXT, br#"{"type":"connection_init"}"#)).await;
    assert_eq!(idle.text().await["type"], "connection_ack");
    assert_eq!(stream().await.status(), 429);
    for (path, protocol) in [GRAPHQL, EVENTS] {
        let mut refused = Upgraded::ask(&api, path, &[protocol]).await;
        assert_eq!((refused.status(), refused.field("retry-after")), (429, Some("5")), "{path}");
        assert_eq!(refused.body().await["error"]["code"], "RATE_LIMITED", "{path}");
    }
    idle.send(&frame(CLOSE, &1000_u16.to_be_bytes())).await;
    assert_eq!(idle.closed().await.0, 1000);
    let again = async {
        while stream().await.status() != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, again).await.unwrap();
}

#[tokio::test]
async fn a_refused_subscription_of_graphql_ends_with_one_error_and_leaves_the_socket_open() {
    let api = Api::start().await;
    let mut upgraded = Upgraded::open(&api, GRAPHQL).await;
    upgraded.send(&frame(TEXT, br#"{"type":"connection_init"}"#)).await;
    assert_eq!(upgraded.text().await["type"], "connection_ack");
    let id = "0f".repeat(32);
    for payload in [
        json!({ "query": "{" }),
        json!({ "query": "{ viewer { client } }" }),
        json!({ "query": "subscription { nothing }" }),
        json!({ "query": "subscription { __typename }" }),
        json!({ "query": "subscription { paymentEvents(after: \"evt_1\") { id } }" }),
        json!({ "query": "subscription { paymentEvents(types: []) { id } }" }),
        json!({ "documentId": id }),
    ] {
        // No answer to the one before comes between, and its id is free.
        let message = json!({ "type": "subscribe", "id": "1", "payload": payload }).to_string();
        upgraded.send(&frame(TEXT, message.as_bytes())).await;
        let told = upgraded.text().await;
        assert_eq!((&told["type"], &told["id"]), (&json!("error"), &json!("1")), "{message}: {told}");
        assert_eq!(told["payload"][0]["extensions"]["code"], "INVALID_REQUEST", "{message}: {told}");
    }
}
