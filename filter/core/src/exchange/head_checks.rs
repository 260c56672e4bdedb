//! A parsed request head, and the validation of the body against it.

use super::HeadEdits;
use super::request_key::RequestKey;
use super::webhook::Webhook;
use crate::attestation::{self, Statement};
use crate::authority::Authority;
use crate::card::{self, CardData};
use crate::client::ClientId;
use crate::config::EdgeConfig;
use crate::content::Content;
use crate::error::ErrorCode;
use crate::head::{CLIENT_ID, Head};
use crate::rejection::Rejection;
use crate::request::{
    CancelRequest, CaptureRequest, ChargeRequest, EventsQuery, GraphqlRequest, InvalidRequest, ListQuery,
    ProofQuery, RefundRequest, SocketQuery, TicketRequest, WalletConfigQuery,
};
use crate::route::{NoRoute, Route};

/// A request whose head is valid.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) route: Route,
    pub(super) method: String,
    /// With the query, as it is forwarded.
    pub(super) path: String,
    pub(super) statement: Statement,
    pub(super) content: Content,
    pub(super) key: Option<RequestKey>,
    pub(super) webhook: Option<Webhook>,
    pub(super) strip: Vec<String>,
}

impl Request {
    pub(super) fn validate(&self, body: &[u8], config: &EdgeConfig) -> Result<(), Rejection> {
        self.content.check(body.len())?;
        if matches!(self.route, Route::Webhook(_)) {
            // The provider's own format. Nothing reads it before its signature is verified.
            return Ok(());
        }
        // Before parsing, so that a card number in a misspelt field is reported as one.
        if let Some(found) = card::find_in_json(body) {
            return Err(card_data(found));
        }
        match self.route {
            Route::Charge => config.return_url_hosts.check(&ChargeRequest::parse(body)?)?,
            Route::Refund => RefundRequest::parse(body).map(drop)?,
            Route::Capture => CaptureRequest::parse(body).map(drop)?,
            Route::Cancel => CancelRequest::parse(body).map(drop)?,
            Route::Graphql => GraphqlRequest::parse(body).map(drop)?,
            Route::EventTicket => TicketRequest::parse(body).map(drop)?,
            Route::GetPayment
            | Route::ListPayments
            | Route::Events
            | Route::EventSocket
            | Route::GraphqlSocket
            | Route::ListEvents
            | Route::ProveEvents
            | Route::GetRefund
            | Route::WalletConfig
            | Route::OpenApi
            | Route::Webhook(_) => {}
        }
        Ok(())
    }

    pub(super) fn edits(&self, body_sha256: [u8; 32], config: &EdgeConfig, now_s: u64) -> HeadEdits {
        let audience = attestation::Audience::ControlPlane;
        let request = attestation::Request { audience, method: &self.method, path: &self.path, body_sha256 };
        let attestation = config.keys.sign(&request, &self.statement, now_s);
        HeadEdits { remove: self.strip.clone(), set: vec![(attestation::HEADER, attestation)] }
    }
}

pub(super) fn request_id(head: Head<'_>) -> Result<String, Rejection> {
    let id = head.one("x-request-id")?.filter(|id| attestation::is_request_id(id));
    // Envoy generates one for every request, unless it is configured not to.
    id.map(str::to_owned).ok_or_else(|| {
        Rejection::new(
            ErrorCode::InternalError,
            "the proxy gave this request no id; it must generate request ids",
        )
    })
}

/// Checks the host. Nothing here depends on it, and the control plane gets another one, but proxies on the way
/// interpret an ambiguous one differently (RFC 9112, section 3.2).
pub(super) fn check_host(head: Head<'_>) -> Result<(), Rejection> {
    // Envoy gives HTTP/1.1 requests the same pseudo-header, with two lines joined by a comma.
    let mut values = head.all(":authority").chain(head.all("host"));
    let one = values.next().filter(|_| values.next().is_none());
    let is_good = one.and_then(|host| std::str::from_utf8(host).ok()).and_then(Authority::parse).is_some();
    let message =
        "the header `Host` must be given once, as the name or address of a host, or with `:port` after it";
    if is_good { Ok(()) } else { Err(Rejection::invalid("Host", message)) }
}

/// Accepts only the characters that RFC 3986 allows in a path and a query, so that edge and control plane agree.
pub(super) fn check_target(target: &str) -> Result<(), Rejection> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&b);
    if !target.bytes().all(allowed) {
        let message = "the path and the query must be percent-encoded (RFC 3986)";
        return Err(Rejection::new(ErrorCode::InvalidRequest, message));
    }
    card::find_in_target(target).map_or(Ok(()), |found| Err(card_data(found)))
}

/// Nothing reads the headers that a caller adds, but what is behind the edge may keep or log them.
pub(super) fn check_headers(head: Head<'_>, route: Route) -> Result<(), Rejection> {
    if matches!(route, Route::Webhook(_)) {
        // The provider's own, with signatures that look encoded; its events are redacted before they are stored.
        return Ok(());
    }
    head.card_data().map_or(Ok(()), |found| Err(card_data(found)))
}

/// A WebSocket's route is for nothing else: without the header, the client would wait for an upgrade that never comes.
/// And on no other route is there one: its request has no end, which the filter would wait for where Envoy allows it.
pub(super) fn check_upgrade(head: Head<'_>, route: Route) -> Result<(), Rejection> {
    let asked = head.one("upgrade")?;
    let is_socket = asked.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    match (route.is_upgrade(), is_socket) {
        (true, false) => {
            let message = "this path takes a WebSocket: `Connection: Upgrade` and `Upgrade: websocket`";
            Err(Rejection::invalid("Upgrade", message))
        }
        (false, true) => {
            Err(Rejection::invalid("Upgrade", "this path speaks no other protocol: leave `Upgrade` out"))
        }
        _ => Ok(()),
    }
}

pub(super) fn check_query(route: Route, query: &str) -> Result<(), InvalidRequest> {
    if route == Route::Events {
        return EventsQuery::parse(query).map(drop);
    }
    if route == Route::EventSocket {
        return SocketQuery::parse(query).map(drop);
    }
    if route == Route::WalletConfig {
        return WalletConfigQuery::parse(query).map(drop);
    }
    if route == Route::ListPayments {
        return ListQuery::parse(query).map(drop);
    }
    if route == Route::ProveEvents {
        return ProofQuery::parse(query).map(drop);
    }
    match form_urlencoded::parse(query.as_bytes()).next() {
        Some((name, _)) => Err(InvalidRequest::named(&name, "is not a parameter here; this path takes none")),
        None => Ok(()),
    }
}

pub(super) fn client(head: Head<'_>) -> Result<ClientId, Rejection> {
    let mut values = head.all(CLIENT_ID);
    let one = values.next().filter(|_| values.next().is_none());
    one.and_then(|value| std::str::from_utf8(value).ok()).and_then(ClientId::parse).ok_or_else(|| {
        let message = "a known client key is needed: `Authorization: Bearer <key>`";
        Rejection::new(ErrorCode::Unauthenticated, message)
    })
}

pub(super) fn no_route(reason: NoRoute) -> Rejection {
    match reason {
        NoRoute::Method { allowed } => Rejection::method_not_allowed(allowed),
        NoRoute::Path(ErrorCode::TransactionNotFound) => {
            Rejection::new(ErrorCode::TransactionNotFound, "there is no such transaction")
        }
        NoRoute::Path(code) => Rejection::new(code, "there is nothing at this path"),
    }
}

fn card_data(found: CardData) -> Rejection {
    let rejection = Rejection::new(found.code(), found.message());
    match found.param {
        Some(param) => rejection.about(&param),
        None => rejection,
    }
}
