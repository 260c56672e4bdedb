//! The event log as a subscription.

use std::sync::Arc;

use async_graphql::{Context, Error, ID, Subscription as GraphqlSubscription};
use edge_core::error::ErrorCode;
use futures_util::future;
use futures_util::stream::{self, Stream};

use super::caller::{caller, failed};
use super::objects::EventObject;
use super::query::{payment_of, types_of};
use super::socket_subscriptions::Subscribed;
use crate::http::error::ApiError;
use crate::http::event_log;
use crate::live::{Ended, Interest, Watch};

pub(super) struct Subscription;

#[GraphqlSubscription(name = "Subscription")]
impl Subscription {
    /// The transitions of your payments and refunds, from now on, or after the event `after`. At least once, in order
    /// for each payment; an error of it says whether to subscribe again after the last event.
    async fn payment_events(
        &self,
        context: &Context<'_>,
        payment: Option<ID>,
        types: Option<Vec<String>>,
        after: Option<ID>,
    ) -> Result<impl Stream<Item = Result<EventObject, Error>> + use<>, Error> {
        let caller = caller(context)?;
        let interest = Interest {
            client: caller.client().clone(),
            payments: payment_of(payment)?.into_iter().collect(),
            types: types_of(types)?,
            is_payers: false,
        };
        let store = &*caller.app.gateway.store;
        let behind = event_log::position_after(store, after.as_ref().map(|id| id.as_str()), "after").await;
        let watch = caller.app.live.watch(interest, behind.map_err(failed)?).await;
        let watch = watch.map_err(event_log::refused).map_err(failed)?;
        context.data::<Arc<Subscribed>>()?.begin(watch.resume_point());
        Ok(events(watch))
    }
}

fn events(watch: Watch) -> impl Stream<Item = Result<EventObject, Error>> {
    stream::unfold(Some(Box::new(watch)), |watch| async {
        let mut watch = watch?;
        match watch.next().await {
            Ok(event) => Some((Ok(EventObject::from(Arc::unwrap_or_clone(event))), Some(watch))),
            // The socket closes, and says where to continue as long as this lives.
            Err(Ended::Stopping) => future::pending().await,
            Err(Ended::TooSlow) => Some((Err(failed(too_slow())), None)),
            Err(Ended::Gone) => Some((Err(failed(event_log::cursor_unknown())), None)),
            Err(Ended::Store(problem)) => Some((Err(failed(problem)), None)),
        }
    })
}

/// The client subscribes again after its last event.
fn too_slow() -> ApiError {
    let message = "events came faster than they were read; subscribe again after the last event";
    ApiError::new(ErrorCode::GatewayUnavailable, message).retryable(true)
}
