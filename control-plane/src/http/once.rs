//! One request, one effect, one answer: whatever a client repeats under an idempotency key ends here, and
//! what was decided once is answered from the record.

use std::future::Future;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use edge_core::attestation::Claim as Turn;
use edge_core::error::ErrorCode;

use super::App;
use super::attested::Attested;
use super::error::ApiError;
use crate::domain::idempotency::{Answer, Call, Claim, Decided, KeyChange, KeyRecord, Render};
use crate::domain::operations::{OperationError, Recall};
use crate::domain::store::{Change, CommitError, Conflict, Step};

const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How often a key may be found free and then taken by somebody else before that is a defect.
const RACES_MAX: usize = 3;

/// Runs an operation at most once for its key. `run` begins it; where the key has been used, the first
/// request's outcome is told instead.
pub(super) async fn once<T, F>(
    app: &App,
    attested: Attested,
    render: Render<T>,
    run: impl Fn(Call<T>) -> F,
) -> Result<Response, ApiError>
where
    T: Recall + Decided + Clone,
    F: Future<Output = Result<T, OperationError>>,
{
    let claim = attested.claim.map(|a| Claim { scope: a.scope, fingerprint: a.fingerprint });
    let call = Call { cause: attested.cause, claim, render };
    let (Some(claim), Some(turn)) = (claim, attested.claim) else {
        let result = run(call.clone()).await;
        return Ok(respond(&rendered(&call, &result)));
    };
    for _ in 0..RACES_MAX {
        let result = match app.gateway.store.key(&claim.scope).await? {
            Some(known) if known.fingerprint != claim.fingerprint => {
                release(app, &turn).await;
                let message = "the idempotency key was used for another request; use a new key";
                return Err(ApiError::new(ErrorCode::IdempotencyKeyReused, message));
            }
            Some(KeyRecord { answer: Some(answer), .. }) => {
                complete(app, &turn, &answer).await;
                return Ok(replay(&answer));
            }
            Some(KeyRecord { subject: Some(subject), .. }) => {
                T::recall(app.gateway.clone(), subject, call.clone()).await
            }
            Some(KeyRecord { subject: None, .. }) => Err(OperationError::Crashed),
            None => run(call.clone()).await,
        };
        if !matches!(result, Err(OperationError::KeyTaken)) && refuse(app, &call, &claim, &result).await? {
            let answer = rendered(&call, &result);
            match &result {
                Ok(subject) if subject.is_decided() => complete(app, &turn, &answer).await,
                Err(error) if error.is_final() => complete(app, &turn, &answer).await,
                _ => release(app, &turn).await,
            }
            return Ok(respond(&answer));
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
            match app
                .gateway
                .store
                .commit(Change { step: Step::Nothing, key: Some(key), webhook: None })
                .await
            {
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

fn respond(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], answer.body.clone()).into_response()
}

fn replay(answer: &Answer) -> Response {
    let mut response = respond(answer);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

async fn complete(_: &App, _: &Turn, _: &Answer) {}
async fn release(_: &App, _: &Turn) {}
