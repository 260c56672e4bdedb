//! A ticket that stands in for a client's key, on the routes of streams.

use crate::config::EdgeConfig;
use crate::head::Head;
use crate::rejection::Rejection;
use crate::request::{EventsQuery, wants_stream};
use crate::route::Route;
use crate::ticket::{self, Ticket, TicketError};

/// The ticket's text, if the request carries one. Elsewhere, nothing is a ticket.
pub(super) fn carried(head: Head<'_>, route: Route, query: &str) -> Result<Option<String>, TicketError> {
    match route {
        Route::Events => ticket::carried(query, []),
        Route::EventSocket => ticket::carried(query, head.all("sec-websocket-protocol")),
        _ => Ok(None),
    }
}

/// Whether pages of any origin may read the answer: nothing but a ticket opens it, and browsers add nothing by
/// themselves. Without it, a browser would take a refusal for a fault of the network and try it again for ever (WHATWG
/// HTML, 9.2.2). Browsers do not ask it of a WebSocket.
pub(super) fn is_for_any_origin(route: Route, carried: &Result<Option<String>, TicketError>) -> bool {
    route == Route::Events && !matches!(carried, Ok(None))
}

pub(super) fn verify(text: &str, config: &EdgeConfig, now_s: u64) -> Result<Ticket, TicketError> {
    let ticket = Ticket::verify(text, &config.keys, now_s)?;
    match &config.clients {
        Some(clients) if !clients.contains(&ticket.client) => Err(TicketError::FormerClient),
        _ => Ok(ticket),
    }
}

/// Checks that a stream asks for no more than its ticket allows.
pub(super) fn check(ticket: &Ticket, head: Head<'_>, route: Route, query: &str) -> Result<(), Rejection> {
    if route != Route::Events {
        return Ok(());
    }
    if let Some(payment) = EventsQuery::parse(query)?.payment {
        ticket.is_for(&payment)?;
    }
    if wants_stream(head.all("accept")) {
        return Ok(());
    }
    Err(Rejection::invalid("Accept", "a ticket opens a stream and no list: send `Accept: text/event-stream`"))
}

impl From<TicketError> for Rejection {
    fn from(error: TicketError) -> Self {
        Self::new(error.code(), error.to_string()).about(ticket::PARAMETER)
    }
}
