//! `POST /events/tickets`, and what a ticket opens.

use axum::http::StatusCode;
use edge_core::attestation::Keys;
use edge_core::client::ClientId;
use edge_core::ticket::{Ticket, TicketError};
use jiff::Timestamp;
use payments::ports::clock::Clock as _;
use serde_json::{Value, json};

use crate::http::{Api, KEY, read};

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
