//! `POST /events/tickets`, and what a ticket opens.

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use edge_core::attestation::{Keys, Statement};
use edge_core::client::ClientId;
use edge_core::ticket::{Ticket, TicketError};
use jiff::Timestamp;
use payments::ports::clock::Clock as _;
use serde_json::{Value, json};

use crate::events::Reader;
use crate::http::{Api, CHARGE, KEY, read};

fn now_s(api: &Api) -> u64 {
    u64::try_from(api.test.clock.now().as_second()).unwrap()
}

async fn ticket_of(api: &Api, payment: &str, expires_in: u32) -> Value {
    let body = json!({ "payment": payment, "expiresIn": expires_in }).to_string();
    let (status, answer) = api.demo("POST", "/events/tickets", &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test]
async fn a_ticket_names_the_client_the_payment_and_its_end() {
    let api = Api::start().await;
    let payment = api.charged().await;
    let answer = ticket_of(&api, &payment, 60).await;
    let text = answer["ticket"].as_str().unwrap();
    let keys = Keys::parse(KEY).unwrap();
    let ticket = Ticket::verify(text, &keys, now_s(&api)).unwrap();
    let expires_s = now_s(&api) + 60;
    assert_eq!(
        ticket,
        Ticket { client: ClientId::parse("demo").unwrap(), payment: payment.clone(), expires_s }
    );
    let expires_at: Timestamp = answer["expiresAt"].as_str().unwrap().parse().unwrap();
    assert_eq!(u64::try_from(expires_at.as_second()).unwrap(), expires_s);
    assert_eq!(Ticket::verify(text, &keys, expires_s), Err(TicketError::Expired));
    let (_, answer) = api.demo("POST", "/events/tickets", &json!({ "payment": payment }).to_string()).await;
    let ticket = Ticket::verify(answer["ticket"].as_str().unwrap(), &keys, now_s(&api)).unwrap();
    assert_eq!(ticket.expires_s, now_s(&api) + 300);
}

#[tokio::test]
async fn a_ticket_is_given_only_to_the_payments_client() {
    let api = Api::start().await;
    let payment = api.charged().await;
    let body = json!({ "payment": payment }).to_string();
    let (status, error) = read(api.send(api.attested("other", "POST", "/events/tickets", &body)).await).await;
    assert_eq!(
        (status, error["error"]["code"].as_str()),
        (StatusCode::NOT_FOUND, Some("TRANSACTION_NOT_FOUND"))
    );
    let unknown = json!({ "payment": "txn_01890000-0000-7000-8000-000000000000" }).to_string();
    let (status, error) = api.demo("POST", "/events/tickets", &unknown).await;
    assert_eq!(
        (status, error["error"]["code"].as_str()),
        (StatusCode::NOT_FOUND, Some("TRANSACTION_NOT_FOUND"))
    );
    let too_long = json!({ "payment": payment, "expiresIn": 3601 }).to_string();
    let (status, error) = api.demo("POST", "/events/tickets", &too_long).await;
    assert_eq!((status, error["error"]["param"].as_str()), (StatusCode::BAD_REQUEST, Some("expiresIn")));
}

/// The place before the first event.
const BEGINNING: &str = "evt_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// As the edge attests the bearer of this ticket, for a stream of this path.
fn by_ticket(api: &Api, ticket: &Ticket, path: &str) -> Request<Body> {
    let claims = Statement {
        client: Some(ticket.client.clone()),
        ticket: Some(ticket.clone()),
        ..Statement::anonymous("req-1".to_owned())
    };
    let mut request = api.vouched_for(&claims, "GET", path, "");
    request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    request
}

/// The ticket, and its text.
async fn got(api: &Api, payment: &str, expires_in: u32) -> (Ticket, String) {
    let text = ticket_of(api, payment, expires_in).await["ticket"].as_str().unwrap().to_owned();
    (Ticket::verify(&text, &Keys::parse(KEY).unwrap(), now_s(api)).unwrap(), text)
}

async fn refused(response: Response<Body>) -> String {
    let any_origin = response.headers().get("access-control-allow-origin").cloned();
    let (status, error) = read(response).await;
    assert_eq!((status, any_origin), (StatusCode::UNAUTHORIZED, Some("*".parse().unwrap())), "{error}");
    error["error"]["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_bearer_of_a_ticket_sees_its_payment_alone_and_less_than_its_client() {
    let api = Api::start().await;
    let (payment, _) = (api.charged().await, api.charged().await);
    let (ticket, text) = got(&api, &payment, 60).await;
    let response =
        api.send(by_ticket(&api, &ticket, &format!("/events?after={BEGINNING}&ticket={text}"))).await;
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let mut stream = Reader::of(response);
    let (mut statuses, mut fields) = (Vec::new(), std::collections::BTreeSet::new());
    while statuses.len() < 3 {
        let message = stream.next().await.unwrap();
        let Some(data) = message.lines().find_map(|line| line.strip_prefix("data: ")) else { continue };
        let event: Value = serde_json::from_str(data).unwrap();
        assert_eq!(event["transactionId"], payment);
        statuses.push(event["status"].as_str().unwrap().to_owned());
        fields.extend(event.as_object().unwrap().keys().cloned());
    }
    assert_eq!(statuses, ["pending", "pending", "completed"]);
    let expected = ["at", "id", "status", "transactionId", "type", "version"];
    assert_eq!(fields.into_iter().collect::<Vec<_>>(), expected);
}

/// The edge has checked all of this; the control plane does not rely on it.
#[tokio::test]
async fn an_attested_ticket_that_is_not_the_one_carried_is_refused() {
    let api = Api::start().await;
    let (payment, other) = (api.charged().await, api.charged().await);
    let (ticket, text) = got(&api, &payment, 60).await;
    let (another, _) = got(&api, &other, 60).await;
    let path = format!("/events?ticket={text}");
    for (request, code) in [
        (by_ticket(&api, &another, &path), "EDGE_ATTESTATION_REQUIRED"),
        (api.attested("demo", "GET", &path, ""), "EDGE_ATTESTATION_REQUIRED"),
        (by_ticket(&api, &ticket, &format!("{path}&payment={other}")), "TICKET_INVALID"),
        (by_ticket(&api, &ticket, "/events?ticket=evtk_a"), "TICKET_INVALID"),
    ] {
        assert_eq!(refused(api.send(request).await).await, code);
    }
    let without = api.send(by_ticket(&api, &ticket, "/events")).await;
    assert_eq!(without.status(), StatusCode::UNAUTHORIZED);
    api.test.clock.advance(61);
    assert_eq!(refused(api.send(by_ticket(&api, &ticket, &path)).await).await, "TICKET_EXPIRED");
}

#[tokio::test]
async fn an_attested_ticket_opens_nothing_but_streams() {
    let api = Api::start().await;
    let payment = api.charged().await;
    let (ticket, text) = got(&api, &payment, 60).await;
    for (method, path, body) in [
        ("GET", format!("/payments/{payment}"), String::new()),
        ("GET", format!("/payments/{payment}?ticket={text}"), String::new()),
        ("GET", format!("/payments/{payment}/events"), String::new()),
        ("GET", "/payments".to_owned(), String::new()),
        ("POST", "/payments/charge".to_owned(), CHARGE.to_owned()),
        ("POST", "/payments/refund".to_owned(), json!({ "transactionId": payment }).to_string()),
        ("POST", "/events/tickets".to_owned(), json!({ "payment": payment }).to_string()),
        ("GET", "/nowhere".to_owned(), String::new()),
    ] {
        let claims = Statement {
            client: Some(ticket.client.clone()),
            ticket: Some(ticket.clone()),
            ..Statement::anonymous("req-1".to_owned())
        };
        let (status, error) = read(api.send(api.vouched_for(&claims, method, &path, &body)).await).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(error["error"]["code"], "EDGE_ATTESTATION_REQUIRED", "{path}");
    }
    let mut list = by_ticket(&api, &ticket, &format!("/events?ticket={text}"));
    list.headers_mut().remove("accept");
    let (status, error) = read(api.send(list).await).await;
    assert_eq!((status, error["error"]["param"].as_str()), (StatusCode::BAD_REQUEST, Some("Accept")));
}

#[tokio::test]
async fn a_stream_ends_with_its_ticket() {
    let api = Api::start().await;
    let payment = api.charged().await;
    let (ticket, text) = got(&api, &payment, 1).await;
    let mut stream = Reader::of(api.send(by_ticket(&api, &ticket, &format!("/events?ticket={text}"))).await);
    let mut last = String::new();
    while let Some(message) = stream.next().await {
        last = message;
    }
    assert_eq!(last, ": the ticket has expired; get a new one");
}
