use axum::Json;
use payments::model::log::Position;
use payments::ports::store::LogQuery;
use serde::Serialize;
use utoipa::ToSchema;

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
    let mut cursor = after.unwrap_or(Position::START);
    let mut data: Vec<LoggedEventView> = Vec::new();
    let mut has_more = true;
    for _ in 0..READS_MAX {
        let left = limit.saturating_sub(u32::try_from(data.len()).unwrap_or(u32::MAX));
        if left == 0 || !has_more {
            break;
        }
        let client = Some(interest.client.clone());
        let query = LogQuery { after: cursor, client, payment: interest.only_payment(), limit: left };
        let page = app.gateway.store.log(&query).await?;
        has_more = page.has_more;
        if let Some(last) = page.events.last() {
            cursor = last.position;
        }
        let wanted = page.events.into_iter().filter(|one| interest.includes(&one.event));
        data.extend(wanted.map(LoggedEventView::from));
    }
    Ok(Json(EventsPage { success: Success, data, has_more, cursor: cursor.id().into() }))
}
