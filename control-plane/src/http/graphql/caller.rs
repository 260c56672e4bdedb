//! The request on whose behalf resolvers run.

use std::sync::{Mutex, PoisonError};

use async_graphql::{Context, Error};
use edge_core::attestation::AttestedKey;
use edge_core::client::ClientId;
use payments::model::event::Cause;
use payments::model::payment::Payment;
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
    decided: Mutex<Option<Decision>>,
}

/// What a mutation's use case has said about its key.
#[derive(Clone, Copy)]
pub(super) struct Decision {
    pub(super) is_final: bool,
    pub(super) is_replay: bool,
    pub(super) is_in_progress: bool,
}

impl Caller {
    pub(super) const fn new(app: App, cause: Cause, key: Option<AttestedKey>) -> Self {
        Self { app, cause, key, reads: Semaphore::const_new(READS), decided: Mutex::new(None) }
    }

    pub(super) const fn client(&self) -> &ClientId {
        &self.cause.client
    }

    /// The store, for one read.
    pub(super) async fn store(&self) -> (&dyn Store, Option<SemaphorePermit<'_>>) {
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
        *self.decided.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The client's payment. An id that no payment has, of whatever form, is answered alike.
    pub(super) async fn payment(&self, id: &str) -> Result<Option<PaymentObject>, Error> {
        let Ok(id) = id.parse() else { return Ok(None) };
        let (store, _read) = self.store().await;
        let found: Option<Payment> = store.payment(self.client(), id).await.map_err(failed)?;
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
