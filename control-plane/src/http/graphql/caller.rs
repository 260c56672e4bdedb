//! The request on whose behalf resolvers run.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use async_graphql::{Context, Error};
use edge_core::attestation::AttestedKey;
use edge_core::client::ClientId;
use payments::model::event::Cause;
use payments::model::payment::{Payment, State};
use payments::ports::store::Store;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::errors::field_error;
use super::objects::PaymentObject;
use crate::http::App;
use crate::http::error::ApiError;
use crate::http::once::Reply;

/// Store reads of one request at the same time. The fields of a list are resolved together, and one client's list must
/// not take all connections.
const READS: usize = 2;

pub(super) struct Caller {
    pub(super) app: App,
    pub(super) cause: Cause,
    pub(super) key: Option<AttestedKey>,
    reads: Semaphore,
    /// Whether anything was read from the store for the response, as it is now.
    has_read: AtomicBool,
    /// Whether a payment was read whose answers have a client secret.
    has_secret: AtomicBool,
    decided: Mutex<Option<Decision>>,
}

/// What a mutation's use case has said about its key, and what that makes of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    /// Every later request gets the same response, so that it is kept.
    pub(super) is_final: bool,
    /// The response is the first one, byte for byte.
    pub(super) is_replay: bool,
    pub(super) is_in_progress: bool,
}

impl Decision {
    /// What is stored under the key is the outcome, from which a repeat is rendered again. It is the first response if
    /// nothing else is in it; what it has of a payment's or a refund's present state may have changed since. A client
    /// secret is shown and not kept.
    const fn of_response(self, has_read: bool, has_secret: bool) -> Self {
        let is_again = self.is_replay && has_read;
        Self {
            is_final: self.is_final && !is_again && !has_secret,
            is_replay: self.is_replay && !has_read,
            ..self
        }
    }
}

impl Caller {
    pub(super) const fn new(app: App, cause: Cause, key: Option<AttestedKey>) -> Self {
        let (has_read, has_secret) = (AtomicBool::new(false), AtomicBool::new(false));
        Self {
            app,
            cause,
            key,
            reads: Semaphore::const_new(READS),
            has_read,
            has_secret,
            decided: Mutex::new(None),
        }
    }

    pub(super) const fn client(&self) -> &ClientId {
        &self.cause.client
    }

    /// The store, for one read.
    pub(super) async fn store(&self) -> (&dyn Store, Option<SemaphorePermit<'_>>) {
        self.has_read.store(true, Ordering::Relaxed);
        // Never closed.
        let permit = self.reads.acquire().await.ok();
        (&*self.app.gateway.store, permit)
    }

    pub(super) fn note(&self, reply: &Reply) {
        let decision = Decision {
            is_final: reply.is_final,
            is_replay: reply.is_replay,
            is_in_progress: reply.answer.status == 409 && !reply.is_final,
        };
        *self.decided.lock().unwrap_or_else(PoisonError::into_inner) = Some(decision);
    }

    pub(super) fn decision(&self) -> Option<Decision> {
        let decided = *self.decided.lock().unwrap_or_else(PoisonError::into_inner);
        let (has_read, has_secret) =
            (self.has_read.load(Ordering::Relaxed), self.has_secret.load(Ordering::Relaxed));
        decided.map(|decision| decision.of_response(has_read, has_secret))
    }

    /// The client's payment. An id that no payment has, of whatever form, is answered alike.
    pub(super) async fn payment(&self, id: &str) -> Result<Option<PaymentObject>, Error> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let (store, _read) = self.store().await;
        let found: Option<Payment> = store.payment(self.client(), id).await.map_err(failed)?;
        if let Some(State::RequiresAction(session)) = found.as_ref().map(|payment| &payment.state)
            && session.action.holds_secret()
        {
            self.has_secret.store(true, Ordering::Relaxed);
        }
        Ok(found.map(PaymentObject::from))
    }
}

/// The caller of the field that is resolved.
pub(super) fn caller<'c>(context: &Context<'c>) -> Result<&'c Caller, Error> {
    context.data::<std::sync::Arc<Caller>>().map(AsRef::as_ref)
}

/// An error of the API as a field's error.
pub(super) fn failed(error: impl Into<ApiError>) -> Error {
    field_error(error.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_response_is_kept_or_called_a_replay_and_none_with_a_secret() {
        let first = Decision { is_final: true, is_replay: false, is_in_progress: false };
        let again = Decision { is_replay: true, ..first };
        assert_eq!(first.of_response(true, false), first);
        assert_eq!(again.of_response(false, false), again);
        let of_now = Decision { is_final: false, is_replay: false, ..first };
        assert_eq!(again.of_response(true, false), of_now);
        assert_eq!(first.of_response(true, true), of_now);
    }
}
