//! One request, one effect, one answer: whatever a client repeats under an idempotency key ends here, and
//! what was decided once is answered from the record.

use std::future::Future;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use crash_points::reach;
use edge_core::attestation::AttestedKey as Turn;
use edge_core::client::ClientId;
use edge_core::error::ErrorCode;
use edge_core::idempotency::{Answer as Kept, Fenced, REPLAYED_HEADER, SealedAnswer};
use payments::model::idempotency::{Answer, Claim, KeyChange, KeyRecord};
use payments::ports::store::{Change, CommitError, Conflict};
use payments::usecases::call::{Asked, Call, CallKey, Decided, Render};
use payments::usecases::{FirstOutcome, OperationError};

use super::App;
use super::attested::Attested;
use super::error::ApiError;
use crate::cache::{CacheError, Completed};

const REPLAYED: HeaderName = HeaderName::from_static(REPLAYED_HEADER);
/// Seconds after which somebody else's work on the key or the payment is worth another look.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");
const JSON: &str = "application/json";

/// How often a key may be found free and then taken by somebody else before that is a defect.
const RACES_MAX: usize = 3;

/// What a request is told.
struct Told {
    answer: Answer,
    /// Whether every later request with the key gets the same.
    is_final: bool,
    /// Whether an earlier request was told the same.
    is_replay: bool,
}

/// Runs an operation at most once for its key. `run` begins it; where the key has been used, the first
/// request's outcome is told instead.
///
/// It ends even if the client goes away: whoever asks again is to find the answer, and no lease.
pub(super) async fn once<T, F>(
    app: App,
    attested: Attested,
    render: Render<T>,
    asked: Asked,
    run: impl Fn(Call<T>) -> F + Send + Sync + 'static,
) -> Result<Response, ApiError>
where
    T: FirstOutcome + Decided + Clone + Send + Sync + 'static,
    F: Future<Output = Result<T, OperationError>> + Send + 'static,
{
    let tasks = app.gateway.tasks.clone();
    // In a box of its own: it is large, and a task is moved about while it is made.
    let told = tasks.spawn(Box::pin(async move {
        let claim = attested.claim.map(|turn| Claim { scope: turn.scope, fingerprint: turn.fingerprint });
        let key = claim.map(CallKey::Own);
        let call = Call { cause: attested.cause, key, render, asked };
        let (Some(claim), Some(turn)) = (claim, attested.claim) else {
            let result = run(call.clone()).await;
            return Ok(Told { answer: rendered(&call, &result), is_final: false, is_replay: false });
        };
        let told = tell(&app, &call, &claim, turn.fence.is_some(), run).await;
        reach("after_reply_before_edge").await;
        match &told {
            Ok(Told { answer, is_final: true, .. }) => {
                complete(&app, &turn, &call.cause.client, answer).await;
            }
            Ok(_) | Err(_) => release(&app, &turn).await,
        }
        told
    }));
    let told = told.await.unwrap_or_else(|_| Err(ApiError::from(&OperationError::Crashed)))?;
    Ok(respond(told))
}

async fn tell<T, F>(
    app: &App,
    call: &Call<T>,
    claim: &Claim,
    is_new_to_the_edge: bool,
    run: impl Fn(Call<T>) -> F,
) -> Result<Told, ApiError>
where
    T: FirstOutcome + Decided + Clone,
    F: Future<Output = Result<T, OperationError>>,
{
    // A key that the edge has not seen is nearly always new. Then it is not looked for before it is taken: whoever
    // has taken it already is met by the commit that would take it, and nothing is executed before that.
    let mut looks = !is_new_to_the_edge;
    for _ in 0..=RACES_MAX {
        let known = if looks { app.gateway.store.key(&claim.scope).await? } else { None };
        let has_looked = std::mem::replace(&mut looks, true);
        let result = match known {
            Some(known) if known.fingerprint != claim.fingerprint => {
                let message = "the idempotency key was used for another request; use a new key";
                return Err(ApiError::new(ErrorCode::IdempotencyKeyReused, message));
            }
            Some(KeyRecord { answer: Some(answer), .. }) => {
                return Ok(Told { answer, is_final: true, is_replay: true });
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
                Ok(subject) => subject.is_decided(),
                Err(error) => error.is_final(),
            };
            return Ok(Told { answer: rendered(call, &result), is_final, is_replay: false });
        }
    }
    Err(ApiError::from(&OperationError::Crashed))
}

/// What was refused before anything was made has no record that its answer could stand in: the key is taken
/// for the answer alone. `false`: somebody else has taken it.
async fn refuse<T>(
    app: &App,
    call: &Call<T>,
    claim: &Claim,
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

fn rendered<T>(call: &Call<T>, result: &Result<T, OperationError>) -> Answer {
    if let Err(error) = result {
        super::error::log(error);
    }
    (call.render)(result, &call.cause.request_id)
}

fn respond(told: Told) -> Response {
    let status = StatusCode::from_u16(told.answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static(JSON);
    let mut response = (status, [(header::CONTENT_TYPE, json)], told.answer.body).into_response();
    if told.answer.status == 409 && !told.is_final {
        response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    if told.is_replay {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
    response
}

/// Lets the edges answer from now on. They need not: whoever asks again comes here, and is answered from the
/// record, so a cache that is away costs time and nothing else. They believe the answer by its seal alone, since others
/// may write to the cache.
async fn complete(app: &App, turn: &Turn, client: &ClientId, answer: &Answer) {
    let Some(fence) = turn.fence else { return };
    match Kept::new(answer.status, JSON.to_owned(), answer.body.clone()) {
        Ok(kept) => {
            let sealed = SealedAnswer::new(kept, &turn.scope, &turn.fingerprint, &app.attestation_keys);
            let completed = app.cache.complete(&turn.scope, fence, &sealed, client).await;
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
        // Too long for the cache, e.g. much metadata: it is answered from the record each time.
        Err(_) => release(app, turn).await,
    }
}

/// Gives the turn back: whoever asks next is sent here.
async fn release(app: &App, turn: &Turn) {
    let Some(fence) = turn.fence else { return };
    let released = app.cache.release(&turn.scope, fence).await;
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
        tracing::debug!(%error, operation, "the edge cache was not told");
        "unavailable"
    });
    metrics::counter!("edge_cache_updates_total", "operation" => operation, "outcome" => outcome)
        .increment(1);
}
