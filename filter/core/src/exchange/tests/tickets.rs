//! Streams that a ticket opens.

use super::*;
use crate::test;
use crate::ticket::Ticket;

const OTHER: &str = "txn_01890000-0000-7000-8000-00000000abce";

fn ticket_of(client: &str, expires_s: u64) -> String {
    let ticket = Ticket { client: ClientId::parse(client).unwrap(), payment: TXN.to_owned(), expires_s };
    ticket.sign(&Keys::parse(KEYS).unwrap())
}

fn ticket() -> String {
    ticket_of("shop", NOW + 60)
}

/// A request as a browser sends it, without a client.
fn stream(query: &str) -> Sent {
    Sent::new("GET", &format!("/events?{query}")).without("x-client-id").with("accept", "text/event-stream")
}

fn socket(query: &str) -> Sent {
    let sent = Sent::new("GET", &format!("/events/socket{query}")).without("x-client-id");
    sent.with("upgrade", "websocket")
}

fn has_any_origin(reply: &Reply) -> bool {
    reply.headers.contains(&("access-control-allow-origin", "*".into()))
}

#[test]
fn a_ticket_opens_streams_of_its_payment_in_its_clients_name() {
    let ticket = ticket();
    let by_query = format!("?ticket={ticket}");
    let protocols = format!("gateway.events.v1, {ticket}");
    let both = format!("ticket={ticket}&payment={TXN}&types=payment.completed");
    for sent in [
        stream(&format!("ticket={ticket}")),
        stream(&both),
        socket(&by_query),
        socket("").with("sec-websocket-protocol", &protocols),
    ] {
        let path = String::from_utf8(sent.lines[1].1.clone()).unwrap();
        let statement = attested(&sent.forwarded(), "GET", &path, b"");
        assert_eq!(statement.client, ClientId::parse("shop"), "{path}");
        let ticket = statement.ticket.unwrap();
        assert_eq!((ticket.payment.as_str(), ticket.expires_s), (TXN, NOW + 60), "{path}");
    }
}

#[test]
fn the_ticket_decides_whatever_client_is_named_beside_it() {
    let sent = stream(&format!("ticket={}", ticket())).with("x-client-id", "demo").with("authorization", "x");
    let edits = sent.forwarded();
    assert_eq!(edits.remove, ["authorization", "x-client-id"]);
    let path = format!("/events?ticket={}", ticket());
    assert_eq!(attested(&edits, "GET", &path, b"").client, ClientId::parse("shop"));
    let keyed = Sent::new("GET", "/events").forwarded();
    assert_eq!(attested(&keyed, "GET", "/events", b"").ticket, None);
}

#[test]
fn an_expired_forged_or_foreign_ticket_opens_nothing_and_says_why() {
    let forged = ticket().replace('b', "c");
    let other_keys = KEYS.replace("01", "02");
    let foreign =
        Ticket { client: ClientId::parse("shop").unwrap(), payment: TXN.to_owned(), expires_s: NOW + 9 };
    let foreign = foreign.sign(&Keys::parse(&other_keys).unwrap());
    for (ticket, code) in [
        (ticket_of("shop", NOW), ErrorCode::TicketExpired),
        (forged, ErrorCode::TicketInvalid),
        (foreign, ErrorCode::TicketInvalid),
        (String::new(), ErrorCode::TicketInvalid),
        (format!("{}&payment={OTHER}", ticket()), ErrorCode::TicketInvalid),
        (format!("{0}&ticket={0}", ticket()), ErrorCode::TicketInvalid),
    ] {
        let (reply, error) = stream(&format!("ticket={ticket}")).rejected(code);
        assert!(has_any_origin(&reply) && error["param"] == "ticket", "{error}");
        assert!(reply.headers.contains(&("www-authenticate", "Bearer".into())));
    }
    let (reply, _) =
        socket(&format!("?ticket={}", ticket_of("shop", NOW))).rejected(ErrorCode::TicketExpired);
    assert!(!has_any_origin(&reply));
    let twice = socket(&format!("?ticket={}", ticket())).with("sec-websocket-protocol", ticket());
    twice.rejected(ErrorCode::TicketInvalid);
}

#[test]
fn a_ticket_opens_a_stream_and_nothing_else() {
    let query = format!("ticket={}", ticket());
    let (reply, error) = stream(&query).replacing("accept", "*/*").rejected(ErrorCode::InvalidRequest);
    assert!(has_any_origin(&reply) && error["param"] == "Accept", "{error}");
    socket(&format!("?{query}")).without("upgrade").rejected_for("Upgrade");
    for path in
        ["/payments", "/openapi.json", &format!("/payments/{TXN}/events"), &format!("/payments/{TXN}")]
    {
        let sent = Sent::new("GET", &format!("{path}?{query}"));
        let (reply, _) = sent.without("x-client-id").rejected(ErrorCode::Unauthenticated);
        assert!(!has_any_origin(&reply));
        Sent::new("GET", &format!("{path}?{query}")).rejected(ErrorCode::InvalidRequest);
    }
    let post = Sent::new("POST", &format!("/events/tickets?{query}")).without("x-client-id");
    post.with("content-type", "application/json").rejected(ErrorCode::Unauthenticated);
}

#[test]
fn without_a_ticket_a_stream_needs_a_client_and_is_for_its_own_origin() {
    for query in ["", "tickets=x", "types=payment.completed", "payment=evtk_a"] {
        let (reply, _) = stream(query).rejected(ErrorCode::Unauthenticated);
        assert!(!has_any_origin(&reply));
    }
    socket("").with("sec-websocket-protocol", "chat-evtk_a").rejected(ErrorCode::Unauthenticated);
    socket("").with("sec-websocket-protocol", "gateway.events.v1").rejected(ErrorCode::Unauthenticated);
}

#[test]
fn a_former_clients_ticket_is_refused_where_the_clients_are_known() {
    let sent = stream(&format!("ticket={}", ticket()));
    let opens = |settings: &str| {
        let config = EdgeConfig::read(settings.as_bytes(), secrets()).unwrap();
        let mut exchange = Exchange::default();
        let action = sent.up_to_the_claim(&mut exchange, &config);
        (matches!(action, HostAction::Forward(_)), exchange.outcome().map(Outcome::name).unwrap_or_default())
    };
    assert!(opens(r#"{"clients":["demo","shop"]}"#).0 && opens("{}").0);
    assert_eq!(opens(r#"{"clients":["demo"]}"#), (false, "ticket_invalid".to_owned()));
}
