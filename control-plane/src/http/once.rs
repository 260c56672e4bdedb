//! One request, one effect, one answer: runs requests with an idempotency key at most once, and answers repeats of a
//! decided request from its record. Requests without a key: [`keyless`].

use std::future::Future;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use crash_points::reach;
use edge_core::attestation::AttestedKey;
use edge_core::client::ClientId;
use edge_core::error::ErrorCode;
use edge_core::idempotency::{Answer as EdgeAnswer, Fenced, REPLAYED_HEADER, SealedAnswer};
use payments::model::event::Cause;
use payments::model::idempotency::{KeyChange, KeyClaim, KeyRecord, StoredAnswer};
use payments::ports::store::{Change, CommitError, Conflict};
use payments::usecases::call::{Call, CallKey, Decided, Render, RequestedOperation};
use payments::usecases::{FirstOutcome, OperationError};

use super::App;
use super::attested::Attested;
use super::error::ApiError;
use super::keyless;
use crate::cache::{CacheError, Completed};

pub(super) const REPLAYED: HeaderName = HeaderName::from_static(REPLAYED_HEADER);
/// Seconds until a client should retry if another request is in progress on the key or the payment.
pub(super) const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
const JSON: &str = "application/json";

/// How often a free key may be lost to another request before that counts as a defect.
const RACES_MAX: usize = 3;

/// The reply to a request.
pub(super) struct Reply {
    pub(super) answer: StoredAnswer,
    /// Whether every later request with the key gets the same answer.
    pub(super) is_final: bool,
    /// Whether this repeats the answer of an earlier request.
    pub(super) is_replay: bool,
}

/// Runs an operation at most once per key, or per attestation if the request has no key. `run` begins it; a key that
/// was already used is answered with the first request's outcome instead.
///
/// Runs to completion even if the client disconnects, so that a repeat finds the answer instead of a lease.
pub(super) async fn once<T, F>(
    app: App,
    attested: Attested,
    render: Render<T>,
    asked: RequestedOperation,
    run: impl Fn(Call<T>) -> F + Send + Sync + 'static,
) -> Result<Response, ApiError>
where
    T: FirstOutcome + Decided + Clone + Send + Sync + 'static,
    F: Future<Output = Result<T, OperationError>> + Send + 'static,
{
    let tasks = app.gateway.tasks.clone();
    // Boxed, since the future is large and is moved while its task is created.
    let reply = tasks.spawn(Box::pin(async move {
        let Attested { cause, key, seen, .. } = attested;
        let Some(key) = key else { return keyless::decide(&app, cause, seen, render, asked, run).await };
        let client = cause.client.clone();
        let reply = decide(&app, cause, Some(key), render, asked, run).await;
        reach("after_reply_before_edge").await;
        let kept = match &reply {
            Ok(Reply { answer, is_final: true, .. }) => {
                EdgeAnswer::new(answer.status, JSON.to_owned(), answer.body.clone()).ok()
            }
            Ok(_) | Err(_) => None,
        };
        conclude(&app, &key, &client, kept).await;
        reply
    }));
    let reply = reply.await.unwrap_or_else(|_| Err(ApiError::from(&OperationError::Crashed)))?;
    Ok(respond(reply))
}

/// As [`once`], but the caller runs it to completion, writes the response, and then calls [`conclude`]. Without a key,
/// nothing is executed.
pub(super) async fn decide<T, F>(
    app: &App,
    cause: Cause,
    key: Option<AttestedKey>,
    render: Render<T>,
    asked: RequestedOperation,
    run: impl Fn(Call<T>) -> F,
) -> Result<Reply, ApiError>
where
    T: FirstOutcome + Decided + Clone,
    F: Future<Output = Result<T, OperationError>>,
{
    let Some(key) = key else {
        let message = "this needs an `Idempotency-Key`; nothing was executed";
        return Err(ApiError::new(ErrorCode::IdempotencyKeyRequired, message));
    };
    let claim = KeyClaim { scope: key.scope, fingerprint: key.fingerprint };
    let call = Call { cause, key: Some(CallKey::Own(claim)), render, asked };
    tell(app, &call, &claim, key.fence.is_some(), run).await
}

/// Ends the key's claim in the edge cache: with the answer that all later requests get, or without one, so that the
/// next request is forwarded. The cache does not keep what is too long, nor a final 400 or 503.
pub(super) async fn conclude(app: &App, key: &AttestedKey, client: &ClientId, kept: Option<EdgeAnswer>) {
    match kept {
        Some(kept) => complete(app, key, client, kept).await,
        None => release(app, key).await,
    }
}

async fn tell<T, F>(
    app: &App,
    call: &Call<T>,
    claim: &KeyClaim,
    is_new_to_the_edge: bool,
    run: impl Fn(Call<T>) -> F,
) -> Result<Reply, ApiError>
where
    T: FirstOutcome + Decided + Clone,
    F: Future<Output = Result<T, OperationError>>,
{
    // A key that is new to the edge is nearly always new here, too, so it is not looked up before it is taken: the
    // commit that takes it fails if another request has it, and nothing is executed before that commit.
    let mut looks = !is_new_to_the_edge;
    for _ in 0..=RACES_MAX {
        let known = if looks { record_of(app, claim).await? } else { None };
        let has_looked = std::mem::replace(&mut looks, true);
        let result = match known {
            Some(known) if known.fingerprint != claim.fingerprint => {
                let message = "the idempotency key was used for another request; use a new key";
                return Err(ApiError::new(ErrorCode::IdempotencyKeyReused, message));
            }
            Some(KeyRecord { answer: Some(answer), .. }) => {
                return Ok(Reply { answer, is_final: true, is_replay: true });
            }
            Some(KeyRecord { subject: Some(subject), .. }) => {
                T::outcome_of_first_request(app.gateway.clone(), subject, call.clone()).await
            }
            Some(KeyRecord { subject: None, .. }) => Err(OperationError::Crashed),
            None => {
                reach("after_claim_before_intent").await;
                run(call.clone()).await
            }
        };
        if !has_looked && result.as_ref().is_err_and(OperationError::may_hide_a_used_key) {
            continue;
        }
        if !matches!(result, Err(OperationError::KeyTaken)) && refuse(app, call, claim, &result).await? {
            let is_final = match &result {
                Ok(subject) => subject.has_lasting_answer(),
                Err(error) => error.is_final(),
            };
            return Ok(Reply { answer: rendered(call, &result), is_final, is_replay: false });
        }
    }
    tracing::error!(scope = %claim.scope, "a request lost its idempotency key to others more often than they can race");
    Err(ApiError::from(&OperationError::Crashed))
}

async fn record_of(app: &App, claim: &KeyClaim) -> Result<Option<KeyRecord>, ApiError> {
    app.gateway.store.key(&claim.scope).await.map_err(ApiError::unknown_key)
}

/// Takes the key for a final refusal. A request refused before execution has no other record to store its answer in.
/// Returns `false` if another request has taken the key.
async fn refuse<T>(
    app: &App,
    call: &Call<T>,
    claim: &KeyClaim,
    result: &Result<T, OperationError>,
) -> Result<bool, ApiError> {
    match result {
        Err(error) if error.is_final() && error.is_before_execution() => {
            let (client, at) = (call.cause.client.clone(), app.gateway.now());
            let answer = Some(rendered(call, result));
            let key = KeyChange::Take { claim: *claim, client, at, answer };
            match app.gateway.store.commit(Change::of_key(key)).await {
                Ok(()) => Ok(true),
                Err(CommitError::Conflict(Conflict::KeyTaken)) => Ok(false),
                Err(CommitError::Conflict(_)) => Err(ApiError::from(&OperationError::Crashed)),
                Err(CommitError::Store(problem)) => Err(problem.into()),
            }
        }
        _ => Ok(true),
    }
}

pub(super) fn rendered<T>(call: &Call<T>, result: &Result<T, OperationError>) -> StoredAnswer {
    if let Err(error) = result {
        super::error::log(error);
    }
    (call.render)(result, &call.cause.initiator.text())
}

fn respond(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static(JSON);
    let mut response = (status, [(header::CONTENT_TYPE, json)], reply.answer.body).into_response();
    if reply.answer.status == 409 && !reply.is_final {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    if reply.is_replay {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Stores the answer in the edge cache, so that the edges can answer repeats. This is optional: a repeat that reaches
/// the control plane is answered from the record, so an unavailable cache costs only time. The edges trust the answer
/// by its seal only, since others may write to the cache.
async fn complete(app: &App, key: &AttestedKey, client: &ClientId, kept: EdgeAnswer) {
    let Some(fence) = key.fence else { return };
    let sealed = SealedAnswer::new(kept, &key.scope, &key.fingerprint, &app.attestation_keys);
    let completed = app.cache.complete(&key.scope, fence, &sealed, client).await;
    note(
        "complete",
        completed.map(|completed| match completed {
            Completed::Kept => "applied",
            Completed::Stale => "stale",
            Completed::OverQuota => "over_quota",
            Completed::NoRoom => "no_room",
        }),
    );
}

/// Releases the key in the edge cache, so that the next request with it is forwarded.
async fn release(app: &App, key: &AttestedKey) {
    let Some(fence) = key.fence else { return };
    let released = app.cache.release(&key.scope, fence).await;
    note(
        "release",
        released.map(|fenced| match fenced {
            Fenced::Applied => "applied",
            Fenced::Stale => "stale",
        }),
    );
}

fn note(operation: &'static str, outcome: Result<&'static str, CacheError>) {
    let outcome = outcome.unwrap_or_else(|error| {
        tracing::debug!(%error, operation, "the edge cache was not updated");
        "unavailable"
    });
    metrics::counter!("edge_cache_updates_total", "operation" => operation, "outcome" => outcome)
        .increment(1);
}
