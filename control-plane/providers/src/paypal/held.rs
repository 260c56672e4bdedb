//! Captures and voids of authorizations. An operator may capture part of one in PayPal's dashboard, and the event may
//! be lost: this gateway's own captures and voids must not hide that.

use edge_core::request::CaptureMode;
use payments::model::provider::{
    CancelOrder, CancelTarget, CaptureOrder, Captured, ProviderRef, RefusalKind,
};

use super::answers::{self, Expected, Order, Transaction};
use super::client::Talk;
use super::currency::sum;
use super::errors::{Problem, RequestKind};
use super::{Paypal, orders, requests};
use crate::provider_result::{NotDone, ProviderResult};

impl Paypal {
    /// Looks the authorization up first: PayPal would let a second capture take more than the client asked for. This
    /// gateway's own captures are final, so a partial capture was made past this gateway, unless it has exactly this
    /// amount. If the look-up is too early to show it, the order contains both captures, and its evidence contradicts
    /// the record.
    pub(super) async fn run_capture(&self, order: &CaptureOrder) -> ProviderResult<Captured> {
        let expected = Expected { payment: order.payment, money: order.money, mode: CaptureMode::Manual };
        let talk = self.client.converse(order.attempt);
        let held = look_at(&talk, &order.authorization).await.map_err(NotDone::after_reading_only)?;
        if let Some(held) = held.filter(Transaction::is_captured_in_part) {
            let shown = order_with(&talk, &held).await.map_err(NotDone::after_reading_only)?;
            let taken = shown.and_then(|order| order.capture_of(&expected));
            return taken.ok_or_else(|| {
                NotDone::state("captured_in_part", "a part of the amount was captured at PayPal already")
            });
        }
        let answer = talk.send(&requests::capture(order, &sum(order.money)?)).await?;
        let capture = answers::transaction(&answer, RequestKind::Capture);
        let refusal = match capture.and_then(|capture| capture.captured(&expected)) {
            Err(NotDone::Refused(refusal)) if refusal.kind == RefusalKind::State => refusal,
            captured => return captured,
        };
        let looked = order_of(&talk, &order.authorization).await;
        let looked = looked.map_err(|not_done| not_done.leaves_open("could not be looked up"))?;
        looked.and_then(|order| order.capture_of(&expected)).ok_or(NotDone::Refused(refusal))
    }

    pub(super) async fn run_cancel(&self, order: &CancelOrder) -> ProviderResult<()> {
        let talk = self.client.converse(order.attempt);
        match &order.target {
            CancelTarget::Authorization(authorization) => release(&talk, authorization).await,
            CancelTarget::Session(session) => leave(&talk, session).await,
        }
    }
}

/// Looks the order up afterwards: PayPal also voids a partly captured authorization, and after the void nothing more
/// can be captured.
async fn release(talk: &Talk<'_>, authorization: &ProviderRef) -> ProviderResult<()> {
    let answer = talk.send(&requests::void(authorization)).await?;
    if !answer.succeeded() {
        match Problem::read(&answer).not_done(RequestKind::Void) {
            NotDone::Refused(refusal) if refusal.code.as_deref() == Some("PREVIOUSLY_VOIDED") => {}
            not_done => return Err(not_done),
        }
    }
    let looked = order_of(talk, authorization).await;
    match looked.map_err(|not_done| not_done.leaves_open("what was captured could not be looked up"))? {
        Some(order) if order.is_captured() => {
            Err(NotDone::state("captured_in_part", "a part of the amount was captured at PayPal before"))
        }
        _ => Ok(()),
    }
}

/// Leaves an order to expire: it takes no money unless it is completed. The shop's own page may have completed it.
async fn leave(talk: &Talk<'_>, session: &ProviderRef) -> ProviderResult<()> {
    match orders::look_if_there(talk, session).await.map_err(NotDone::after_reading_only)? {
        Some(order) if order.is_paid_or_held() => {
            Err(NotDone::state("order_completed", "the order was completed at PayPal already"))
        }
        _ => Ok(()),
    }
}

async fn order_of(talk: &Talk<'_>, authorization: &ProviderRef) -> ProviderResult<Option<Order>> {
    match look_at(talk, authorization).await? {
        Some(held) => order_with(talk, &held).await,
        None => Ok(None),
    }
}

/// `None` if PayPal does not show the authorization. A new one may not be shown yet.
async fn look_at(talk: &Talk<'_>, authorization: &ProviderRef) -> ProviderResult<Option<Transaction>> {
    let answer = talk.send(&requests::look_at_authorization(authorization)).await?;
    if Problem::read(&answer).is_missing() {
        Ok(None)
    } else {
        answers::transaction(&answer, RequestKind::Look).map(Some)
    }
}

/// `None` if PayPal does not show the order, or does not name it.
async fn order_with(talk: &Talk<'_>, held: &Transaction) -> ProviderResult<Option<Order>> {
    match held.order() {
        Some(order) => orders::look_if_there(talk, &order).await,
        None => Ok(None),
    }
}
