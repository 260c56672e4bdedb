//! `GET /payments`: a page of the payments that match a filter.

use axum::Json;
use axum::extract::{RawQuery, State};
use edge_core::described::{PaymentsLimit, ShortText};
use edge_core::request::{InvalidRequest, ListQuery};
use jiff::Timestamp;
use payments::model::payment;
use payments::ports::store::Filter;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::view::{PaymentView, Success};
use crate::http::wire::{PaymentId, Status};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListAnswer {
    success: Success,
    data: Vec<PaymentView>,
    /// There are older ones: ask again with `startingAfter` set to the last id.
    has_more: bool,
}

/// List payments.
///
/// Newest first.
#[utoipa::path(
    get, path = "/payments", operation_id = "listPayments", tag = "payments",
    params(
        ("limit" = inline(Option<PaymentsLimit>), Query),
        ("startingAfter" = Option<PaymentId>, Query, description = "Continue after this payment"),
        ("provider" = Option<edge_core::provider::Provider>, Query),
        ("status" = Option<Status>, Query),
        ("createdAfter" = Option<String>, Query, format = DateTime, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:[.][0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$",
         description = "An instant of RFC 3339"),
        ("createdBefore" = Option<String>, Query, format = DateTime, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:[.][0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})$",
         description = "An instant of RFC 3339"),
        ("customerReference" = inline(Option<ShortText>), Query,
         description = "Only payments with exactly this `customerReference`"),
    ),
    responses(
        (status = 200, description = "A page of payments", body = ListAnswer),
    ),
)]
pub(super) async fn list(
    State(app): State<App>,
    RawQuery(query): RawQuery,
    attested: Attested,
) -> Result<Json<ListAnswer>, ApiError> {
    let filter = filter(ListQuery::parse(query.as_deref().unwrap_or_default())?)?;
    let page = app.gateway.store.payments(&attested.cause.client, &filter).await?;
    Ok(Json(ListAnswer {
        success: Success,
        data: page.items.into_iter().map(|payment| PaymentView::from(payment).without_secrets()).collect(),
        has_more: page.has_more,
    }))
}

fn filter(query: ListQuery) -> Result<Filter, InvalidRequest> {
    let wrong = |param: &str, message: &str| InvalidRequest {
        param: Some(param.to_owned()),
        message: format!("{param} {message}"),
    };
    let instant = |param: &str, text: Option<String>| {
        let read = |text: String| text.parse::<Timestamp>();
        text.map(read).transpose().map_err(|_| wrong(param, "must be an RFC 3339 instant"))
    };
    let after = query.starting_after.map(|id| id.parse()).transpose();
    Ok(Filter {
        limit: query.limit,
        after: after.map_err(|_| wrong("startingAfter", "must be a transaction id"))?,
        provider: query.provider,
        status: query.status.and_then(|name| payment::Status::ALL.into_iter().find(|s| s.name() == name)),
        created_after: instant("createdAfter", query.created_after)?,
        created_before: instant("createdBefore", query.created_before)?,
        customer_reference: query.customer_reference,
    })
}
