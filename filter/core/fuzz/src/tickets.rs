//! Tickets to watch a payment. The input is a ticket, or what is signed in one.

use edge_core::client::ClientId;
use edge_core::error::ErrorCode;
use edge_core::request::TicketRequest;
use edge_core::ticket::{PREFIX, Ticket, carried};

use crate::fixture::{NOW, SECRET, TRANSACTION, hmac, keys};

pub fn check(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        judge(text);
        judge(&signed(text));
        if let Ok(Some(ticket)) = carried(text, []) {
            assert!(form_urlencoded::parse(data).any(|(name, value)| name == "ticket" && value == ticket));
        }
    }
    if let Ok(Some(ticket)) = carried("", [data]) {
        assert!(ticket.starts_with(PREFIX));
    }
}

/// What is accepted is what the gateway itself would have written, letter for letter.
fn judge(text: &str) {
    match Ticket::verify(text, keys(), NOW) {
        Ok(ticket) => {
            assert_eq!(ticket.sign(keys()), text);
            assert!(ticket.expires_s > NOW);
            assert!(ticket.expires_s - NOW <= u64::from(TicketRequest::EXPIRES_IN_MAX) + 60);
            assert_eq!(ticket.is_for(&ticket.payment), Ok(()));
            assert!(Ticket::verify(text, keys(), ticket.expires_s).is_err());
        }
        Err(error) => assert!([ErrorCode::TicketInvalid, ErrorCode::TicketExpired].contains(&error.code())),
    }
}

/// A ticket with this content, by the gateway's first key.
fn signed(content: &str) -> String {
    let key = hmac(&SECRET, &[b"payment gateway: tickets to watch a payment, version 1"]);
    let mac = hmac(&key, &[content.as_bytes()]);
    let letters = |byte: u8| [byte >> 4, byte & 0xf].map(|digit| char::from(b'a' + digit));
    PREFIX.chars().chain(content.bytes().chain(mac).flat_map(letters)).collect()
}

pub fn seeds() -> Vec<Vec<u8>> {
    let client = ClientId::parse("demo").unwrap();
    let ticket = Ticket { client, payment: TRANSACTION.to_owned(), expires_s: NOW + 300 };
    let text = ticket.sign(keys());
    [
        text.clone(),
        format!("1;k1;demo;{TRANSACTION};{}", NOW + 300),
        format!("1;k1;demo;{TRANSACTION};+{}", NOW + 300),
        format!("1;k1;demo;{TRANSACTION};{}", NOW + 99_999),
        format!("ticket={text}&after=evt_abcdefghijklmnopabcdefghijklmnop"),
        format!("ticket={text}&ticket={text}"),
        format!("events, {text}"),
    ]
    .map(String::into_bytes)
    .into()
}
