//! `/events`: every transition of a client's payments, as a list and as a stream.

mod audience;
mod list;
mod members;
mod protocol;
mod socket;
mod stream;
pub(super) mod tenure;
mod tickets;
mod view;
mod watcher;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use edge_core::described::{EventTypes, EventsLimit};
use edge_core::error::ErrorCode;
use edge_core::request::{EventsQuery, InvalidRequest, wants_stream};
use edge_core::ticket::{self, TicketError};
use payments::model::log::{EventId, Position};
use payments::ports::store::{LoggedEvent, Store};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::audience::PayerEventView;
pub(super) use self::list::read_page;
use self::view::LoggedEventView;
use self::watcher::Watcher;
use super::App;
use super::error::ApiError;
use super::wire;
use crate::live::Refused;

/// An event in the form of `GET /events`.
///
/// # Errors
/// None that occurs: the fields are text, numbers and times.
pub(crate) fn event_as_json(event: &LoggedEvent) -> serde_json::Result<String> {
    serde_json::to_string(&LoggedEventView::from(event.clone()))
}

pub(super) fn routes() -> OpenApiRouter<App> {
    // Over HTTP/2, a WebSocket is opened by CONNECT.
    OpenApiRouter::new()
        .routes(routes!(events))
        .routes(routes!(tickets::create))
        .route("/events/socket", any(socket::socket))
}

/// Set by browsers and libraries that reconnect to a stream (WHATWG HTML, 9.2).
const LAST_EVENT_ID: &str = "last-event-id";

/// Pages of any origin may read what a ticket opens: browsers add nothing to such a request by themselves.
const ANY_ORIGIN: HeaderValue = HeaderValue::from_static("*");

/// List or stream events.
///
/// Every transition of your payments and refunds, oldest first. With `Accept: text/event-stream`, a stream that stays open: it begins after `Last-Event-ID` or `after`, or with the
/// next event if neither is given. A browser opens it with `ticket` instead of your key; it then has the events of the
/// ticket's payment, as a payer may see them (`PayerEvent`).
#[utoipa::path(
    get, path = "/events", operation_id = "listEvents", tag = "events",
    security(("clientKey" = []), ("eventTicket" = [])),
    params(
        ("after" = Option<wire::EventId>, Query, description = "Continue after this event"),
        ("limit" = inline(Option<EventsLimit>), Query),
        ("payment" = Option<wire::PaymentId>, Query, description = "Only events of this payment"),
        ("types" = inline(Option<EventTypes>), Query),
        ("Last-Event-ID" = Option<wire::EventId>, Header, description = "Continue after this event; wins over `after`"),
    ),
    responses(
        (status = 200, description = "Events", content(
            (list::EventsPage = "application/json"),
            (PayerEventView = "text/event-stream"),
        )),
    ),
)]
async fn events(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    watcher: Result<Watcher, ApiError>,
) -> Response {
    let query = query.as_deref().unwrap_or_default();
    let answer = match watcher {
        Ok(watcher) => answer(&app, query, &headers, &watcher).await,
        Err(refused) => Err(refused),
    };
    let mut response = answer.into_response();
    if !matches!(ticket::carried(query, []), Ok(None)) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY_ORIGIN);
    }
    response
}

async fn answer(
    app: &App,
    query: &str,
    headers: &HeaderMap,
    watcher: &Watcher,
) -> Result<Response, ApiError> {
    let query = EventsQuery::parse(query)?;
    let payment = query.payment.as_deref().map(str::parse).transpose();
    let payment = payment.map_err(|_| named("payment", "must be a transaction id"))?;
    let store = &*app.gateway.store;
    let interest = watcher.interest(payment.into_iter().collect(), query.types)?;
    if !wants_stream(headers.get_all(header::ACCEPT).iter().map(HeaderValue::as_bytes)) {
        if watcher.pass.is_some() {
            return Err(named("Accept", "must be `text/event-stream`: a ticket opens a stream").into());
        }
        let after = position_after(store, query.after.as_deref(), "after").await?;
        return Ok(list::list(app, interest, after, query.limit).await?.into_response());
    }
    let mut last = headers.get_all(LAST_EVENT_ID).iter().map(|id| id.to_str().unwrap_or_default());
    let after = match (last.next(), last.next()) {
        (Some(_), Some(_)) => return Err(named("Last-Event-ID", "must be given once").into()),
        (Some(last), None) => position_after(store, Some(last), "Last-Event-ID").await?,
        (None, _) => position_after(store, query.after.as_deref(), "after").await?,
    };
    stream::stream(app, watcher, interest, after).await
}

pub(super) fn refused(refused: Refused) -> ApiError {
    let code = match refused {
        Refused::Client | Refused::Payment => ErrorCode::RateLimited,
        Refused::Process => ErrorCode::StreamsExhausted,
    };
    ApiError::new(code, refused.to_string()).retryable(true)
}

impl From<TicketError> for ApiError {
    fn from(error: TicketError) -> Self {
        Self::new(error.code(), error.to_string()).param(Some(ticket::PARAMETER.to_owned()))
    }
}

/// The position of the event to continue after.
pub(super) async fn position_after(
    store: &dyn Store,
    id: Option<&str>,
    name: &str,
) -> Result<Option<Position>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    let id: EventId = id.parse().map_err(|invalid| named(name, &format!("is no event: {invalid}")))?;
    let position = store.log_position(id).await?;
    position.map(Some).ok_or_else(cursor_unknown)
}

/// Nobody can continue where the client has been.
pub(super) fn cursor_unknown() -> ApiError {
    let message = "the log does not have this event or what came after it (any more); read the payments again and \
         continue without it";
    ApiError::new(ErrorCode::CursorUnknown, message)
}

fn named(name: &str, message: &str) -> InvalidRequest {
    InvalidRequest { param: Some(name.to_owned()), message: format!("{name} {message}") }
}
