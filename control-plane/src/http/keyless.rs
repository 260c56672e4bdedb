//! Requests without an idempotency key. Each request has an attestation of its own, which takes the key's place: a
//! copy of a request, made behind the edge, carries the same one and is refused.

use std::future::Future;
use std::net::SocketAddr;

use edge_core::attestation::AttestationError;
use edge_core::error::ErrorCode;
use payments::model::event::Cause;
use payments::model::idempotency::KeyClaim;
use payments::ports::store::{Change, CommitError, Conflict};
use payments::usecases::OperationError;
use payments::usecases::call::{Call, CallKey, Decided, Render, RequestedOperation};

use super::App;
use super::error::ApiError;
use super::once::{Reply, rendered};
use crate::unattested;

/// What distinguishes a request from all others but its copies, and who sent it.
#[derive(Clone, Copy)]
pub(super) struct RequestIdentity {
    /// The MAC of its attestation.
    pub(super) mac: [u8; 32],
    pub(super) peer: Option<SocketAddr>,
}

/// Runs an operation at most once per attestation, which the commit of its intent takes like a key. Unlike the repeat
/// of a key, a second request learns nothing of the first one's outcome: it does not come from the client.
pub(super) async fn decide<T, F>(
    app: &App,
    cause: Cause,
    seen: RequestIdentity,
    render: Render<T>,
    asked: RequestedOperation,
    run: impl Fn(Call<T>) -> F,
) -> Result<Reply, ApiError>
where
    T: Decided + Clone,
    F: Future<Output = Result<T, OperationError>>,
{
    let claim = KeyClaim::of_attestation(&seen.mac);
    let call = Call { cause, key: Some(CallKey::Attestation(claim)), render, asked };
    let result = run(call.clone()).await;
    let is_first = match &result {
        Err(OperationError::KeyTaken) => false,
        Err(error) if has_taken_nothing(error) => take(app, &call).await?,
        Ok(_) | Err(_) => true,
    };
    if is_first {
        return Ok(Reply { answer: rendered(&call, &result), is_final: false, is_replay: false });
    }
    unattested::note(AttestationError::Repeated, seen.peer);
    Err(ApiError::new(ErrorCode::EdgeAttestationRequired, AttestationError::Repeated.to_string()))
}

/// Whether a request was refused without a commit that took its attestation. Its copy must not be executed once the
/// reason is gone: the client was told that nothing happened, and has perhaps sent another request since. After a
/// failure of the database nothing can be taken.
fn has_taken_nothing(error: &OperationError) -> bool {
    let is_of_the_database = matches!(
        error,
        OperationError::InDoubt(_)
            | OperationError::NotRecorded(_)
            | OperationError::Store(_)
            | OperationError::Crashed
    );
    error.is_before_execution() && !is_of_the_database
}

/// Takes the attestation of a refused request. `false`: it is taken.
async fn take<T: Decided>(app: &App, call: &Call<T>) -> Result<bool, ApiError> {
    let Some(key) = call.take(app.gateway.now()) else { return Ok(true) };
    match app.gateway.store.commit(Change::of_key(key)).await {
        Ok(()) => Ok(true),
        Err(CommitError::Conflict(Conflict::KeyTaken)) => Ok(false),
        Err(CommitError::Conflict(_)) => Err(ApiError::from(&OperationError::Crashed)),
        Err(CommitError::Store(problem)) => Err(problem.into()),
    }
}
