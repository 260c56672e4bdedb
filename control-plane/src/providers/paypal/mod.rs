//! PayPal: a payment is an order; its money is a capture, or an authorization that is captured later.

mod answers;
mod body;
mod client;
mod currency;
mod errors;
mod look_up;
mod methods;
mod orders;
mod requests;
mod token;
mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use edge_core::money::Money;
use edge_core::provider::Provider;
use edge_core::request::CaptureMode;
use jiff::{SignedDuration, Timestamp};

use self::answers::Expected;
use self::client::{Client, Talk};
use self::currency::sum;
use self::errors::{Asked, Problem};
use self::methods::PaymentMethod;
use super::guarded::Reachable;
use super::settings::{PaypalSettings, Timeouts};
use super::step::{NotDone, Step};
use super::transport::TransportError;
use crate::domain::clock::Clock;
use crate::domain::evidence::{Evidence, Found, ListCursor, ListPart, LookUp, RefundEvidence, RefundLookUp};
use crate::domain::provider::{
    CancelOrder, CancelTarget, CaptureOrder, Captured, ChargeOrder, Charged, OperationKind, Outcome,
    PaymentProvider, ProviderRef, RefundOrder, Refunded, RefusalKind, ResumeOrder, Unacceptable,
};
use crate::domain::webhook::{NotAnEvent, Notice};

pub(super) struct Paypal {
    client: Client,
    default_return_url: Option<String>,
}

impl Paypal {
    pub(super) fn new(
        settings: PaypalSettings,
        default_return_url: Option<String>,
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TransportError> {
        Ok(Self { client: Client::new(settings, timeouts, clock)?, default_return_url })
    }

    async fn run_capture(&self, order: &CaptureOrder) -> Step<Captured> {
        let expected = Expected { payment: order.payment, money: order.money, mode: CaptureMode::Manual };
        let talk = self.client.converse(order.attempt);
        let answer = talk.send(&requests::capture(order, &sum(order.money)?)).await?;
        let capture = answers::transaction(&answer, Asked::Capture);
        let refusal = match capture.and_then(|capture| capture.captured(&expected)) {
            Err(NotDone::Refused(refusal)) if refusal.kind == RefusalKind::State => refusal,
            captured => return captured,
        };
        let looked = find_capture(&talk, &order.authorization, &expected).await;
        let looked = looked.map_err(|not_done| not_done.leaves_open("could not be looked up"))?;
        looked.ok_or(NotDone::Refused(refusal))
    }

    async fn run_cancel(&self, order: &CancelOrder) -> Step<()> {
        let authorization = match &order.target {
            CancelTarget::Authorization(authorization) => authorization,
            // An order takes no money by itself: left alone, it runs out.
            CancelTarget::Session(_) => return Ok(()),
        };
        let talk = self.client.converse(order.attempt);
        let answer = talk.send(&requests::void(authorization)).await?;
        if answer.succeeded() {
            return Ok(());
        }
        let not_done = Problem::read(&answer).not_done(Asked::Void);
        match &not_done {
            NotDone::Refused(refusal) if refusal.code.as_deref() == Some("PREVIOUSLY_VOIDED") => Ok(()),
            _ => Err(not_done),
        }
    }

    async fn run_refund(&self, order: &RefundOrder) -> Step<Refunded> {
        let expected = Expected { payment: order.payment, money: order.money, mode: CaptureMode::Automatic };
        let talk = self.client.converse(order.attempt);
        let answer = talk.send(&requests::refund(order, &sum(order.money)?)).await?;
        answers::transaction(&answer, Asked::Refund)?.refunded(&expected)
    }
}

/// The capture of just this amount that was made from the authorization, if there is one.
async fn find_capture(
    talk: &Talk<'_>,
    authorization: &ProviderRef,
    expected: &Expected,
) -> Step<Option<Captured>> {
    let answer = talk.send(&requests::look_at_authorization(authorization)).await?;
    let authorization = answers::transaction(&answer, Asked::Look)?;
    if authorization.is_voided() {
        return Ok(None);
    }
    let order = authorization
        .order()
        .ok_or_else(|| NotDone::unknown("PayPal does not say which order the authorization belongs to"))?;
    let (_, order) = orders::look(talk, &order).await?;
    Ok(order.capture_of(expected))
}

#[async_trait]
impl PaymentProvider for Paypal {
    fn name(&self) -> Provider {
        Provider::Paypal
    }

    fn accepts(&self, money: Money) -> Result<(), Unacceptable> {
        sum(money).map(|_| ())
    }

    fn session_in(&self, method: &str) -> Option<ProviderRef> {
        match PaymentMethod::parse(Some(method)) {
            PaymentMethod::ApprovedOrder(order) => Some(order),
            _ => None,
        }
    }

    /// PayPal keeps the keys of its orders API for 6 hours, and those of its payments API (captures and voids of
    /// authorizations, refunds) for 45 days (developer.paypal.com/api/rest/reference/idempotency).
    fn repeat_within(&self, operation: OperationKind) -> SignedDuration {
        match operation {
            OperationKind::Charge | OperationKind::Resume => SignedDuration::from_hours(5),
            OperationKind::Capture | OperationKind::Cancel | OperationKind::Refund => {
                SignedDuration::from_hours(44 * 24)
            }
        }
    }

    async fn charge(&self, order: &ChargeOrder) -> Outcome<Charged> {
        self.run_charge(order).await.into()
    }

    async fn resume(&self, order: &ResumeOrder) -> Outcome<Charged> {
        self.run_resume(order).await.into()
    }

    async fn capture(&self, order: &CaptureOrder) -> Outcome<Captured> {
        self.run_capture(order).await.into()
    }

    async fn cancel(&self, order: &CancelOrder) -> Outcome<()> {
        self.run_cancel(order).await.into()
    }

    async fn refund(&self, order: &RefundOrder) -> Outcome<Refunded> {
        self.run_refund(order).await.into()
    }

    /// PayPal lists no orders and searches none, so there is no looking by our id.
    async fn look_up(&self, what: &LookUp) -> Found<Evidence> {
        match what {
            LookUp::Payment(order) => self.look_at_order(order).await.into(),
            LookUp::Charge(capture) => self.look_at_capture(capture).await.into(),
            LookUp::Authorization(held) => self.look_at_authorization(held).await.into(),
            LookUp::Ours { .. } => Found::CannotAsk,
        }
    }

    /// PayPal lists transactions only in its reporting API, hours late and with another permission.
    async fn list(&self, _: Timestamp, _: Timestamp, _: Option<&ListCursor>) -> Found<ListPart> {
        Found::CannotAsk
    }

    async fn look_up_refunds(&self, which: &RefundLookUp) -> Found<Vec<RefundEvidence>> {
        self.run_look_up_refunds(which).await.into()
    }

    fn read_event(&self, body: &[u8]) -> Result<Notice, NotAnEvent> {
        webhook::read(body)
    }
}

#[async_trait]
impl Reachable for Paypal {
    async fn answers(&self) -> bool {
        self.is_there().await
    }
}
