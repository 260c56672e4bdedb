//! `GET /events` as a list: one page of the event log.

use axum::Json;
use payments::model::log::Position;
use payments::ports::store::{LogPage, LogQuery, Store};
use serde::Serialize;
use utoipa::ToSchema;

use super::cursor_unknown;
use super::view::LoggedEventView;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::view::Success;
use crate::http::wire::EventId;
use crate::live::Interest;

/// Reads of one request: a rare type among many events takes several requests instead of a long one.
const READS_MAX: u8 = 10;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventsPage {
    success: Success,
    data: Vec<LoggedEventView>,
    /// There are more: ask again with `after` set to `cursor`, even if `data` is empty.
    has_more: bool,
    /// Where to continue.
    cursor: EventId,
}

pub(super) async fn list(
    app: &App,
    interest: Interest,
    after: Option<Position>,
    limit: u32,
) -> Result<Json<EventsPage>, ApiError> {
    let page = read_page(&*app.gateway.store, &interest, after, limit).await?;
    let cursor = page.end.id().into();
    let data = page.events.into_iter().map(LoggedEventView::from).collect();
    Ok(Json(EventsPage { success: Success, data, has_more: page.has_more, cursor }))
}

/// Up to `limit` events after `after`, or the oldest. `end` is where to continue, even if there are no events: rows that
/// cannot be read, or are not asked for, are passed over.
///
/// # Errors
/// Events after `after` are not kept any more, or the database's error.
pub(in crate::http) async fn read_page(
    store: &dyn Store,
    interest: &Interest,
    after: Option<Position>,
    limit: u32,
) -> Result<LogPage, ApiError> {
    let mut may_be_cut = after.is_none();
    let end = after.unwrap_or(Position::START);
    let mut found = LogPage { events: Vec::new(), end, has_more: true, is_cut: false };
    for _ in 0..READS_MAX {
        let left = limit.saturating_sub(u32::try_from(found.events.len()).unwrap_or(u32::MAX));
        if left == 0 || !found.has_more {
            break;
        }
        let client = Some(interest.client.clone());
        let query = LogQuery { after: found.end, client, payment: interest.only_payment(), limit: left };
        let page = store.log(&query).await?;
        if page.is_cut && !may_be_cut {
            return Err(cursor_unknown());
        }
        may_be_cut = false;
        (found.end, found.has_more) = (page.end, page.has_more);
        found.events.extend(page.events.into_iter().filter(|one| interest.includes(&one.event)));
    }
    Ok(found)
}
