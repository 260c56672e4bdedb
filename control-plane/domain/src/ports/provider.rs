//! The interface to a payment provider.

use std::sync::Arc;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::provider::Provider;
use edge_core::request::Wallet;
use jiff::{SignedDuration, Timestamp};

use crate::model::provider::{
    CancelOrder, CaptureOrder, Captured, ChargeOrder, Charged, OperationKind, Outcome, ProviderRef,
    RefundOrder, Refunded, Refusal, ResumeOrder, Unacceptable,
};
use crate::model::snapshot::{
    DisputeSnapshot, Found, ListCursor, ListPart, LookUp, ProviderSnapshot, RefundLookUp, RefundSnapshot,
};
use crate::model::webhook::{NotAnEvent, ParsedEvent};
use crate::model::work::{WorkCapacity, WorkKind};

/// One payment provider. Every call uses a key derived from the order's attempt, so repeating an order within the
/// provider's key horizon has no second effect.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    fn name(&self) -> Provider;

    /// Checks that the provider supports this currency and can express this amount.
    fn accepts(&self, money: Money) -> Result<(), Unacceptable>;

    /// The order or session that `method` names if it is one that the payer approved at the provider; `None` for a
    /// stored payment method.
    fn session_in(&self, method: &str) -> Option<ProviderRef>;

    /// How long after its first call an operation may be repeated under the same key without a second effect. Leaves a
    /// safety margin below the documented horizon; past it, only lookups are safe.
    fn repeat_within(&self, operation: OperationKind) -> SignedDuration;

    /// Reads whether what the payer approved in `wallet` is taken: `Err` if its wallet or its authentication is not
    /// what it must be for the payment's `client`. `Missing`: nothing is approved yet. `CannotAsk`: this provider
    /// leaves nothing to judge. Has no effect.
    async fn judge(
        &self,
        _session: &ProviderRef,
        _wallet: Wallet,
        _client: &ClientId,
    ) -> Found<Result<(), Refusal>> {
        Found::CannotAsk
    }

    async fn charge(&self, order: &ChargeOrder) -> Outcome<Charged>;

    async fn resume(&self, order: &ResumeOrder) -> Outcome<Charged>;

    async fn capture(&self, order: &CaptureOrder) -> Outcome<Captured>;

    async fn cancel(&self, order: &CancelOrder) -> Outcome<()>;

    async fn refund(&self, order: &RefundOrder) -> Outcome<Refunded>;

    /// Reads the current state of a payment. Has no effect.
    async fn look_up(&self, what: &LookUp) -> Found<ProviderSnapshot>;

    /// Reads one part of the list of everything created through this gateway between `from` and `to`: the first part,
    /// or the one at `at`. Has no effect.
    async fn list(&self, from: Timestamp, to: Timestamp, at: Option<&ListCursor>) -> Found<ListPart>;

    /// Reads the current state of refunds. Has no effect.
    async fn look_up_refunds(&self, which: &RefundLookUp) -> Found<Vec<RefundSnapshot>>;

    /// Reads the current state of a dispute that an unverified event claims. `CannotAsk`: this account may not read
    /// disputes, or this provider's events are never unverified. Has no effect.
    async fn look_up_dispute(&self, _dispute: &ProviderRef) -> Found<DisputeSnapshot> {
        Found::CannotAsk
    }

    /// Parses an event of this provider. Pure.
    fn read_event(&self, body: &[u8]) -> Result<ParsedEvent, NotAnEvent>;

    /// This provider for one kind of background work, with failures counted separately from those of client calls.
    /// `None`: the provider makes no such distinction.
    fn in_background(&self, _work: WorkKind) -> Option<Arc<dyn PaymentProvider>> {
        None
    }

    /// How much of this background work may start now. While the provider is down and a probe is due, probes it first
    /// with a cheap read.
    async fn room(&self) -> WorkCapacity {
        WorkCapacity::Any
    }
}
