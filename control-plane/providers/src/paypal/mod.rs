//! PayPal: a payment is an order; its money is a capture, or an authorization that is captured later.

mod answers;
mod body;
mod client;
mod currency;
mod dispute;
mod errors;
mod held;
mod inspect;
mod link;
mod look_up;
mod methods;
mod orders;
mod requests;
mod resource;
mod token;
mod webhook;

use std::sync::Arc;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Wallet};
use jiff::{SignedDuration, Timestamp};
use payments::model::provider::{
    CancelOrder, CaptureOrder, Captured, ChargeOrder, Charged, OperationKind, Outcome, ProviderRef,
    RefundOrder, Refunded, Refusal, ResumeOrder, Unacceptable,
};
use payments::model::snapshot::{
    DisputeSnapshot, Found, ListCursor, ListPart, LookUp, ProviderSnapshot, RefundLookUp, RefundSnapshot,
};
use payments::model::webhook::{NotAnEvent, ParsedEvent};
use payments::ports::clock::Clock;
use payments::ports::provider::PaymentProvider;

use self::answers::Expected;
use self::client::Client;
use self::currency::sum;
use self::errors::RequestKind;
use self::methods::PaymentMethod;
use super::circuit_broken::Reachable;
use super::liability::LiabilityPolicy;
use super::provider_result::{ProviderResult, found, outcome};
use super::settings::{PaypalSettings, Timeouts};
use super::transport::TransportError;

pub(super) struct Paypal {
    client: Client,
    default_return_url: Option<String>,
    wallet_liability_shift: LiabilityPolicy,
}

impl Paypal {
    pub(super) fn new(
        settings: PaypalSettings,
        default_return_url: Option<String>,
        wallet_liability_shift: LiabilityPolicy,
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TransportError> {
        let client = Client::new(settings, timeouts, clock)?;
        Ok(Self { client, default_return_url, wallet_liability_shift })
    }

    async fn run_refund(&self, order: &RefundOrder) -> ProviderResult<Refunded> {
        let expected = Expected { payment: order.payment, money: order.money, mode: CaptureMode::Automatic };
        let talk = self.client.converse(order.attempt);
        let answer = talk.send(&requests::refund(order, &sum(order.money)?)).await?;
        answers::transaction(&answer, RequestKind::Refund)?.refunded(&expected)
    }
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

    async fn judge(
        &self,
        session: &ProviderRef,
        wallet: Wallet,
        client: &ClientId,
    ) -> Found<Result<(), Refusal>> {
        found(self.run_judge(session, wallet, client).await)
    }

    async fn charge(&self, order: &ChargeOrder) -> Outcome<Charged> {
        outcome(self.run_charge(order).await)
    }

    async fn resume(&self, order: &ResumeOrder) -> Outcome<Charged> {
        outcome(self.run_resume(order).await)
    }

    async fn capture(&self, order: &CaptureOrder) -> Outcome<Captured> {
        outcome(self.run_capture(order).await)
    }

    async fn cancel(&self, order: &CancelOrder) -> Outcome<()> {
        outcome(self.run_cancel(order).await)
    }

    async fn refund(&self, order: &RefundOrder) -> Outcome<Refunded> {
        outcome(self.run_refund(order).await)
    }

    /// PayPal neither lists nor searches orders, so a look-up by our id is impossible.
    async fn look_up(&self, what: &LookUp) -> Found<ProviderSnapshot> {
        match what {
            LookUp::Payment(order) => found(self.look_at_order(order).await),
            LookUp::Charge(capture) => found(self.look_at_capture(capture).await),
            LookUp::Authorization(held) => found(self.look_at_authorization(held).await),
            LookUp::Ours { .. } => Found::CannotAsk,
        }
    }

    /// PayPal lists transactions only in its reporting API, hours late and under another permission.
    async fn list(&self, _: Timestamp, _: Timestamp, _: Option<&ListCursor>) -> Found<ListPart> {
        Found::CannotAsk
    }

    async fn look_up_refunds(&self, which: &RefundLookUp) -> Found<Vec<RefundSnapshot>> {
        found(self.run_look_up_refunds(which).await)
    }

    async fn look_up_dispute(&self, dispute: &ProviderRef) -> Found<DisputeSnapshot> {
        self.look_at_dispute(dispute).await
    }

    fn read_event(&self, body: &[u8]) -> Result<ParsedEvent, NotAnEvent> {
        webhook::read(body)
    }
}

#[async_trait]
impl Reachable for Paypal {
    async fn answers(&self) -> bool {
        self.is_there().await
    }
}
