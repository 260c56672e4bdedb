//! Look-ups at PayPal, without any effect.

use payments::model::provider::ProviderRef;
use payments::model::snapshot::{ProviderSnapshot, RefundLookUp, RefundSnapshot};
use serde::de::DeserializeOwned;

use super::answers::{Order, Transaction};
use super::client::Talk;
use super::errors::{Problem, RequestKind};
use super::{Paypal, requests};
use crate::provider_result::{NotDone, ProviderResult};
use crate::transport::ProviderRequest;

/// Formed like an order's id, but the id of no order.
pub(super) fn no_order() -> ProviderRef {
    ProviderRef::new("00000000000000000")
}

impl Paypal {
    /// Whether PayPal answers: if it works, it reports that this order does not exist.
    pub(super) async fn is_there(&self) -> bool {
        let nothing = requests::look_at_order(&no_order());
        self.client.look().send(&nothing).await.is_ok_and(|answer| answer.is_of_a_working_provider())
    }

    pub(super) async fn look_at_order(
        &self,
        order: &ProviderRef,
    ) -> ProviderResult<Option<ProviderSnapshot>> {
        let found: Option<Order> = object(&self.client.look(), &requests::look_at_order(order)).await?;
        found.map(|found| the_one(found.snapshot()?, order)).transpose()
    }

    pub(super) async fn look_at_capture(
        &self,
        capture: &ProviderRef,
    ) -> ProviderResult<Option<ProviderSnapshot>> {
        let found: Option<Transaction> =
            object(&self.client.look(), &requests::look_at_capture(capture)).await?;
        found.map_or(Ok(None), |found| found.snapshot())
    }

    /// Looks up its order, which shows the outcome.
    pub(super) async fn look_at_authorization(
        &self,
        held: &ProviderRef,
    ) -> ProviderResult<Option<ProviderSnapshot>> {
        let request = requests::look_at_authorization(held);
        let found: Option<Transaction> = object(&self.client.look(), &request).await?;
        let Some(found) = found else { return Ok(None) };
        let Some(order) = found.order() else {
            return Err(
                NotDone::unknown("PayPal does not say which order the authorization belongs to").about(held)
            );
        };
        self.look_at_order(&order).await
    }

    /// Looks up a payment's refunds through its order, which lists them.
    pub(super) async fn run_look_up_refunds(
        &self,
        which: &RefundLookUp,
    ) -> ProviderResult<Option<Vec<RefundSnapshot>>> {
        let talk = self.client.look();
        match which {
            RefundLookUp::One(refund) => {
                let found: Option<Transaction> = object(&talk, &requests::look_at_refund(refund)).await?;
                let found = found.map(|found| found.refund_snapshot()).transpose()?;
                match found {
                    Some(found) if found.reference != *refund => Err(another()),
                    found => Ok(found.map(|found| vec![found])),
                }
            }
            RefundLookUp::Of { payment, .. } => {
                let found: Option<Order> = object(&talk, &requests::look_at_order(payment)).await?;
                found.map(|order| order.refunds()).transpose()
            }
        }
    }
}

async fn object<T: DeserializeOwned>(
    talk: &Talk<'_>,
    request: &ProviderRequest,
) -> ProviderResult<Option<T>> {
    let answer = talk.send(request).await?;
    if Problem::read(&answer).is_missing() {
        return Ok(None);
    }
    if !answer.succeeded() {
        return Err(Problem::read(&answer).not_done(RequestKind::Look));
    }
    answer.json().map(Some).map_err(NotDone::unknown)
}

fn the_one(seen: ProviderSnapshot, asked: &ProviderRef) -> ProviderResult<ProviderSnapshot> {
    if seen.reference == *asked { Ok(seen) } else { Err(another()) }
}

fn another() -> NotDone {
    NotDone::unknown("PayPal answered with another object than was asked for")
}
