//! `POST /graphql`.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Request, Response as GraphqlResponse, Variables};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use crash_points::reach;
use edge_core::error::ErrorCode;
use edge_core::idempotency::Answer as EdgeAnswer;
use edge_core::request::GraphqlRequest;
use payments::usecases::OperationError;
use tokio::time::timeout;

use super::caller::{Caller, Decision};
use super::document::{self, ExecutionKind};
use super::respond::{Media, Rendered, is_whole};
use crate::http::App;
use crate::http::attested::Attested;
use crate::http::error::ApiError;
use crate::http::once;

/// A query that takes longer asks for too much.
const QUERY_MAX: Duration = Duration::from_secs(10);

/// Queries without an idempotency key, or one mutation under a key.
pub(super) async fn graphql(
    State(app): State<App>,
    headers: HeaderMap,
    attested: Attested,
) -> Result<Response, ApiError> {
    let media = Media::accepted(&headers);
    let Attested { cause, body, key, .. } = attested;
    let asked = GraphqlRequest::parse(&body)?;
    let caller = Arc::new(Caller::new(app, cause, key));
    let read = request(&caller, asked);
    let (kind, request) = match read {
        Ok(read) => read,
        Err(error) => {
            if let Some(key) = key {
                once::conclude(&caller.app, &key, caller.client(), None).await;
            }
            return Ok(Rendered::refused(error, media).into_response(None));
        }
    };
    match kind {
        ExecutionKind::Query => {
            let late =
                || ApiError::new(ErrorCode::GatewayUnavailable, "the query took too long; ask for less");
            let executed = timeout(QUERY_MAX, caller.app.graphql.schema.execute(request)).await;
            Ok(match executed {
                Ok(response) => Rendered::of(response, media).into_response(None),
                Err(_) => Rendered::refused(late(), media).into_response(None),
            })
        }
        ExecutionKind::Mutation => {
            // To completion even if the client disconnects, so that a repeat finds the answer instead of a lease.
            let tasks = caller.app.gateway.tasks.clone();
            let (rendered, decision) = tasks
                .spawn(Box::pin(mutate(caller, request, media)))
                .await
                .map_err(|_| ApiError::from(&OperationError::Crashed))?;
            Ok(rendered.into_response(decision))
        }
    }
}

fn request(caller: &Arc<Caller>, asked: GraphqlRequest) -> Result<(ExecutionKind, Request), ApiError> {
    let (document, request) = read(&caller.app, asked)?;
    let kind = document::kind(&document, request.operation_name.as_deref(), caller.key.is_some())?;
    let mut request = request.data(caller.clone());
    request.set_parsed_query(document);
    Ok((kind, request))
}

/// The document that is asked for, and the request to execute it, which is given neither it nor a caller yet.
pub(super) fn read(app: &App, asked: GraphqlRequest) -> Result<(ExecutableDocument, Request), ApiError> {
    let text = app.graphql.documents.find(asked.document)?;
    let document = document::read(&text)?;
    // The library would answer null, as if there were no schema.
    if !app.graphql.introspects && document::introspects(&document) {
        let message = "this gateway does not tell its schema (`__schema`, `__type`)";
        return Err(ApiError::new(ErrorCode::InvalidRequest, message).about("query"));
    }
    let variables: serde_json::Value = serde_json::from_str(&asked.variables).map_err(|error| {
        let message = format!("`variables` cannot be read: {error}");
        ApiError::new(ErrorCode::InvalidRequest, message).about("variables")
    })?;
    let mut request = Request::new(text).variables(Variables::from_json(variables));
    request.operation_name = asked.operation_name;
    Ok((document, request))
}

async fn mutate(caller: Arc<Caller>, request: Request, media: Media) -> (Rendered, Option<Decision>) {
    let response: GraphqlResponse = caller.app.graphql.schema.execute(request).await;
    let (decision, is_whole) = (caller.decision(), is_whole(&response.errors));
    let rendered = Rendered::of(response, media);
    if let Some(key) = &caller.key {
        reach("after_reply_before_edge").await;
        let kept = decision.filter(|decision| decision.is_final && is_whole).and_then(|_| {
            EdgeAnswer::new(rendered.status, media.name().to_owned(), rendered.body.clone()).ok()
        });
        once::conclude(&caller.app, key, caller.client(), kept).await;
    }
    (rendered, decision)
}
