//! Looks orders up.

use payments::model::provider::ProviderRef;

use super::unusable;
use crate::paypal::answers::{self, Expected, Order, Owner};
use crate::paypal::client::Talk;
use crate::paypal::errors::{Problem, RequestKind};
use crate::paypal::requests;
use crate::provider_result::{NotDone, ProviderResult};
use crate::transport::ProviderResponse;

/// An order with its id.
pub(super) type IdentifiedOrder = (ProviderRef, Order);

/// The order after a request about it. Without it, the outcome of that request is open.
pub(super) async fn look_afterwards(talk: &Talk<'_>, id: &ProviderRef) -> ProviderResult<Order> {
    let looked = look(talk, id).await.map_err(|not_done| not_done.leaves_open("could not be looked up"));
    looked.map(|(_, order)| order)
}

/// The order, if it names this payment.
pub(super) async fn look_for_own(
    talk: &Talk<'_>,
    id: &ProviderRef,
    expected: &Expected,
) -> ProviderResult<Option<Order>> {
    let order = look_afterwards(talk, id).await?;
    Ok(Some(order).filter(|order| order.owner(expected.payment) == Owner::ThisPayment))
}

/// Looks an order up that the client names, before anything else is sent. If PayPal does not show it, the client has
/// named a wrong one, and the gateway's operator has nothing to do.
pub(super) async fn look_at_named(talk: &Talk<'_>, id: &ProviderRef) -> ProviderResult<IdentifiedOrder> {
    let answer = talk.send(&requests::look_at_order(id)).await.map_err(NotDone::after_reading_only)?;
    let problem = Problem::read(&answer);
    if problem.is_unknown_object() || problem.is_of_another_account() {
        return Err(unusable("names no order of this gateway's account"));
    }
    read(&answer, id).map_err(NotDone::after_reading_only)
}

/// Looks the order up before anything else is sent, so that a failure has no effect.
pub(super) async fn look_first(
    talk: &Talk<'_>,
    id: &ProviderRef,
    gone: impl FnOnce() -> NotDone,
) -> ProviderResult<IdentifiedOrder> {
    match find(talk, id).await {
        Ok(Some(seen)) => Ok(seen),
        Ok(None) => Err(gone().about(id)),
        Err(not_done) => Err(not_done.after_reading_only().about(id)),
    }
}

/// `None` if PayPal has no such order.
pub(in crate::paypal) async fn look_if_there(
    talk: &Talk<'_>,
    id: &ProviderRef,
) -> ProviderResult<Option<Order>> {
    Ok(find(talk, id).await?.map(|(_, order)| order))
}

/// `None` if PayPal has no such order, which may be the client's mistake: the caller knows who named it.
async fn find(talk: &Talk<'_>, id: &ProviderRef) -> ProviderResult<Option<IdentifiedOrder>> {
    let answer = talk.send(&requests::look_at_order(id)).await?;
    if Problem::read(&answer).is_unknown_object() {
        return Ok(None);
    }
    read(&answer, id).map(Some)
}

/// An order that PayPal has made or shown before.
pub(super) async fn look(talk: &Talk<'_>, id: &ProviderRef) -> ProviderResult<IdentifiedOrder> {
    read(&talk.send(&requests::look_at_order(id)).await?, id)
}

fn read(answer: &ProviderResponse, id: &ProviderRef) -> ProviderResult<IdentifiedOrder> {
    the_one(answers::order(answer, RequestKind::Look)?, id)
}

pub(super) fn the_one(seen: IdentifiedOrder, id: &ProviderRef) -> ProviderResult<IdentifiedOrder> {
    if seen.0 == *id {
        Ok(seen)
    } else {
        Err(NotDone::unknown("PayPal answered with another order than was asked for"))
    }
}
