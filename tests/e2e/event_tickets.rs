//! Tickets: what opens a stream or a socket without a client's key, through Envoy and the filter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edge_core::attestation::Keys;
use edge_core::client::ClientId;
use edge_core::ticket::Ticket;
use gateway_tests::{Gateway, HttpResponse, rejecting, shared};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::event_socket::{Socket, refused};
use crate::event_stream::{BEGINNING, Stream};

const OTHER: &str = "txn_01890000-0000-7000-8000-00000000abce";
/// All that a payer's page may see.
const PAYERS_FIELDS: [&str; 8] =
    ["at", "id", "refundId", "refundStatus", "status", "transactionId", "type", "version"];

pub(crate) async fn ticket_for(gateway: &Gateway<'_>, payment: &str, expires_in: u32) -> String {
    let body = json!({ "payment": payment, "expiresIn": expires_in });
    let request = gateway.request(Method::POST, "/events/tickets").json(&body);
    let answer = HttpResponse::of(request).await;
    answer.succeeds(200, &json!({}));
    answer.at("/ticket")
}

pub(crate) async fn held(gateway: &Gateway<'_>) -> String {
    let charge = json!({ "provider": "stripe", "amount": 700, "currency": "USD", "paymentMethodId": "pm_card_visa",
        "capture": "manual" });
    gateway.charge(&charge).await.transaction_id()
}

/// As a browser asks: without a key.
fn keyless(gateway: &Gateway<'_>, path: &str) -> RequestBuilder {
    gateway.http.get(format!("http://{}{path}", gateway.address()))
}

/// A ticket with any contents, signed with this gateway's keys.
fn made(gateway: &Gateway<'_>, client: &str, expires_in: i64) -> String {
    let keys = Keys::parse(gateway.stack().setting("EDGE_ATTESTATION_KEYS").unwrap()).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let (client, expires_s) = (ClientId::parse(client).unwrap(), now.saturating_add_signed(expires_in));
    Ticket { client, payment: OTHER.to_owned(), expires_s }.sign(&keys)
}

#[tokio::test]
async fn a_page_with_a_ticket_sees_its_payment_and_what_a_payer_may_know_of_it() {
    let gateway = shared().await;
    let payment = held(&gateway).await;
    let ticket = ticket_for(&gateway, &payment, 60).await;
    let path = format!("/events?after={BEGINNING}&ticket={ticket}");
    let mut stream = Stream::of(keyless(&gateway, &path).header("origin", "https://shop.example")).await;
    assert_eq!(stream.headers()["access-control-allow-origin"], "*");
    assert!(!stream.headers().contains_key("access-control-allow-credentials"));
    held(&gateway).await;
    gateway.capture(&payment, None).await.succeeds(200, &json!({}));
    gateway.refund(&payment, Some(100)).await.succeeds(200, &json!({}));
    let mut seen = Vec::new();
    while seen.last().is_none_or(|event: &Value| event["type"] != "refund.processed") {
        seen.push(stream.next().await);
    }
    for event in &seen {
        assert_eq!(event["transactionId"], *payment);
        let fields: Vec<_> = event.as_object().unwrap().keys().collect();
        assert!(fields.iter().all(|field| PAYERS_FIELDS.contains(&field.as_str())), "{event}");
    }
    let status_at = |kind| seen.iter().find(|event| event["type"] == kind).unwrap()["status"].clone();
    assert_eq!(status_at("payment.created"), "pending");
    assert_eq!(status_at("payment.authorized"), "authorized");
    assert_eq!(status_at("payment.captured"), "captured");
    let refunded = seen.last().unwrap();
    assert_eq!((&refunded["status"], &refunded["refundStatus"]), (&json!("captured"), &json!("processed")));
    let with_a_key = Stream::open(&gateway, "/events", None).await;
    assert!(!with_a_key.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_ticket_opens_a_socket_by_the_query_and_as_a_subprotocol() {
    let gateway = shared().await;
    let payment = held(&gateway).await;
    let ticket = ticket_for(&gateway, &payment, 60).await;
    let (by_query, by_protocol) =
        (format!("/events/socket?ticket={ticket}"), format!("gateway.events.v1, {ticket}"));
    for (path, protocols) in
        [(by_query.as_str(), "gateway.events.v1"), ("/events/socket", by_protocol.as_str())]
    {
        let mut socket = Socket::connect_as(&gateway, path, protocols, None).await.unwrap();
        assert_eq!(socket.read().await["type"], "hello");
        socket.send(&json!({ "type": "subscribe", "after": BEGINNING })).await;
        assert_eq!(socket.read().await["type"], "subscribed");
        for kind in ["payment.created", "payment.processing", "payment.authorized"] {
            let event = socket.event().await;
            assert_eq!((&event["type"], &event["transactionId"]), (&json!(kind), &json!(payment)));
            assert!(event.get("client").is_none() && event.get("requestId").is_none(), "{event}");
        }
        socket.send(&json!({ "type": "subscribe", "payments": [payment] })).await;
        assert_eq!(socket.read().await["type"], "subscribed");
        socket.send(&json!({ "type": "subscribe", "payments": [OTHER] })).await;
        assert_eq!(socket.closed().await.0, 4400);
    }
}

/// No anonymous request reaches the control plane, and nobody gets in by what is near a ticket.
#[tokio::test]
async fn what_is_no_good_ticket_is_refused_at_the_edge() {
    let gateway = rejecting().await;
    let good = made(&gateway, "demo", 60);
    let stream =
        |query: String| keyless(&gateway, &format!("/events?{query}")).header("accept", "text/event-stream");
    let changed = good.replace("evtk_d", "evtk_e").replace('g', "h");
    for (query, code) in [
        (format!("ticket={}", made(&gateway, "demo", -1)), "TICKET_EXPIRED"),
        (format!("ticket={changed}"), "TICKET_INVALID"),
        (format!("ticket={}", made(&gateway, "nobody", 60)), "TICKET_INVALID"),
        (format!("ticket={}", made(&gateway, "demo", 9_000)), "TICKET_INVALID"),
        ("ticket=".to_owned(), "TICKET_INVALID"),
        (format!("ticket={good}&ticket={good}"), "TICKET_INVALID"),
        (format!("ticket={good}&payment=txn_01890000-0000-7000-8000-00000000abcd"), "TICKET_INVALID"),
    ] {
        for sent in [stream(query.clone()), stream(query.clone()).header("x-client-id", "demo")] {
            let answer = HttpResponse::of(sent).await;
            answer.refuses(401, code);
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{query}");
        }
    }
    for (query, param) in [(format!("ticket={good}&limit=0"), "limit"), (format!("ticket={good}&x=1"), "x")] {
        assert_eq!(HttpResponse::of(stream(query)).await.refuses(400, "INVALID_REQUEST")["param"], param);
    }
    let list = HttpResponse::of(keyless(&gateway, &format!("/events?ticket={good}"))).await;
    assert_eq!(list.refuses(400, "INVALID_REQUEST")["param"], "Accept");
    // A key beside a bad ticket does not help, and a ticket opens nothing else.
    let with_key =
        gateway.request(Method::GET, "/events?ticket=evtk_a").header("accept", "text/event-stream");
    HttpResponse::of(with_key).await.refuses(401, "TICKET_INVALID");
    for path in [
        "/events/tickets",
        "/events/x",
        "/payments",
        "/openapi.json",
        "/payments/charge",
        "/graphql",
        "/graphql/socket",
    ] {
        let sent = keyless(&gateway, &format!("{path}?ticket={good}")).header("x-client-id", "demo");
        assert_eq!(HttpResponse::of(sent).await.status, 401, "{path}");
    }
    for spelling in ["tick%65t", "Ticket", "ticket%20", ";ticket"] {
        let sent = stream(format!("{spelling}={good}")).header("x-client-id", "demo");
        assert_eq!(HttpResponse::of(sent).await.status, 401, "{spelling}");
    }
    for protocols in [
        "gateway.events.v1, evtk_a".to_owned(),
        "gateway.events.v1, chat-evtk_a".to_owned(),
        format!("gateway.events.v1, {good}, {good}"),
        format!("gateway.events.v1, {}", made(&gateway, "demo", -1)),
    ] {
        let answer = Socket::connect_as(&gateway, "/events/socket", &protocols, None).await;
        assert_eq!(refused(answer), 401, "{protocols}");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_ticket_is_given_to_the_payments_client_alone() {
    let gateway = shared().await;
    let payment = held(&gateway).await;
    let ask = |gateway: &Gateway<'_>, body: Value| {
        HttpResponse::of(gateway.request(Method::POST, "/events/tickets").json(&body))
    };
    let foreign = ask(&gateway.as_demo_2(), json!({ "payment": payment })).await;
    foreign.refuses(404, "TRANSACTION_NOT_FOUND");
    ask(&gateway, json!({ "payment": OTHER })).await.refuses(404, "TRANSACTION_NOT_FOUND");
    for (body, param) in [
        (json!({}), "payment"),
        (json!({ "payment": "txn_1" }), "payment"),
        (json!({ "payment": payment, "expiresIn": 0 }), "expiresIn"),
        (json!({ "payment": payment, "expiresIn": 3601 }), "expiresIn"),
        (json!({ "payment": payment, "for": 1 }), "for"),
    ] {
        assert_eq!(ask(&gateway, body).await.refuses(400, "INVALID_REQUEST")["param"], param);
    }
    // A ticket whose payment the client does not have opens nothing behind the edge either.
    let path = format!("/events?ticket={}", made(&gateway, "demo", 60));
    let answer = HttpResponse::of(keyless(&gateway, &path).header("accept", "text/event-stream")).await;
    answer.refuses(401, "TICKET_INVALID");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test]
async fn streams_and_sockets_end_with_their_ticket_and_say_so() {
    let gateway = shared().await;
    let payment = held(&gateway).await;
    let ticket = ticket_for(&gateway, &payment, 3).await;
    let begun = Instant::now();
    let path = format!("/events?ticket={ticket}");
    let stream = Stream::of(keyless(&gateway, &path)).await;
    let socket_path = format!("/events/socket?ticket={ticket}");
    let mut socket = Socket::connect(&gateway, &socket_path, None).await.unwrap();
    assert_eq!(socket.read().await["type"], "hello");
    socket.send(&json!({ "type": "subscribe" })).await;
    let (code, reason) = socket.closed().await;
    assert_eq!((code, reason.contains("new one")), (4401, true), "{reason}");
    assert!(stream.rest().await.contains(": the ticket has expired; get a new one"));
    assert!((1..=6).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let again = HttpResponse::of(keyless(&gateway, &path).header("accept", "text/event-stream")).await;
    again.refuses(401, "TICKET_EXPIRED");
    assert_eq!(refused(Socket::connect(&gateway, &socket_path, None).await), 401);
}

#[tokio::test]
async fn one_payment_is_watched_by_a_few_pages_at_a_time() {
    let gateway = shared().await;
    let payment = held(&gateway).await;
    let path = format!("/events?ticket={}", ticket_for(&gateway, &payment, 60).await);
    let mut pages = Vec::new();
    for _ in 0..8 {
        pages.push(Stream::of(keyless(&gateway, &path)).await);
    }
    let more = HttpResponse::of(keyless(&gateway, &path).header("accept", "text/event-stream")).await;
    more.refuses(429, "RATE_LIMITED");
    assert_eq!(more.header("retry-after"), Some("5"));
    Stream::open(&gateway, &format!("/events?payment={payment}"), None).await;
}

#[tokio::test]
async fn the_log_names_a_tickets_client_and_no_log_the_ticket() {
    let gateway = shared().await;
    let payment = held(&gateway).await;
    let ticket = ticket_for(&gateway, &payment, 1).await;
    let stream = Stream::of(keyless(&gateway, &format!("/events?ticket={ticket}"))).await;
    let id = stream.headers()["x-request-id"].to_str().unwrap().to_owned();
    stream.rest().await;
    let line = gateway_tests::until("the line in the access log", async || {
        gateway.access_log_lines().into_iter().find(|line| line["request_id"] == id)
    })
    .await;
    assert_eq!((&line["client"], &line["operation"]), (&json!("demo"), &json!("events")), "{line}");
    for (file, contents) in gateway.files() {
        let found = contents.windows(ticket.len()).any(|part| part == ticket.as_bytes());
        assert!(!found, "{} has the ticket", file.display());
    }
}
