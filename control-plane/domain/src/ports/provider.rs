//! What the domain asks of a provider.

use std::sync::Arc;

use async_trait::async_trait;
use edge_core::money::Money;
use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use crate::model::provider::{
    CancelOrder, CaptureOrder, Captured, ChargeOrder, Charged, OperationKind, Outcome, ProviderRef,
    RefundOrder, Refunded, ResumeOrder, Unacceptable,
};
use crate::model::snapshot::{
    DisputeSnapshot, Found, ListCursor, ListPart, LookUp, ProviderSnapshot, RefundLookUp, RefundSnapshot,
};
use crate::model::webhook::{NotAnEvent, ParsedEvent};
use crate::model::work::{Room, WorkKind};

/// One payment provider. Every method makes its call under a key derived from the order's attempt, so the
/// same order can be repeated without a second effect inside the provider's key horizon.
#[async_trait]
pub trait PaymentProvider: Send + Sync {
    fn name(&self) -> Provider;

    /// Whether the provider can express this amount and takes this currency at all.
    fn accepts(&self, money: Money) -> Result<(), Unacceptable>;

    /// The order or session that `method` names, where it is one the payer has approved at the provider,
    /// rather than a stored way to pay.
    fn session_in(&self, method: &str) -> Option<ProviderRef>;

    /// How long after its first call an operation may be repeated under the same key without a second effect. A
    /// margin below what the provider documents: past it, only looking up is safe.
    fn repeat_within(&self, operation: OperationKind) -> SignedDuration;

    async fn charge(&self, order: &ChargeOrder) -> Outcome<Charged>;

    async fn resume(&self, order: &ResumeOrder) -> Outcome<Charged>;

    async fn capture(&self, order: &CaptureOrder) -> Outcome<Captured>;

    async fn cancel(&self, order: &CancelOrder) -> Outcome<()>;

    async fn refund(&self, order: &RefundOrder) -> Outcome<Refunded>;

    /// Reads where a payment stands. Has no effect.
    async fn look_up(&self, what: &LookUp) -> Found<ProviderSnapshot>;

    /// Reads where everything stands that the provider made in our name between `from` and `to`, a part of it at a
    /// time: the first, or the one at `at`. Has no effect.
    async fn list(&self, from: Timestamp, to: Timestamp, at: Option<&ListCursor>) -> Found<ListPart>;

    /// Reads where refunds stand. Has no effect.
    async fn look_up_refunds(&self, which: &RefundLookUp) -> Found<Vec<RefundSnapshot>>;

    /// Reads where a dispute stands of which an event claims something. `CannotAsk`: this account may not read disputes,
    /// or no event of this provider is a mere claim. Has no effect.
    async fn look_up_dispute(&self, _dispute: &ProviderRef) -> Found<DisputeSnapshot> {
        Found::CannotAsk
    }

    /// What an event of this provider is about. Pure.
    fn read_event(&self, body: &[u8]) -> Result<ParsedEvent, NotAnEvent>;

    /// This provider for background work of one kind, whose failures are counted apart from those of calls that clients
    /// wait for. `None`: it makes no difference.
    fn in_background(&self, _work: WorkKind) -> Option<Arc<dyn PaymentProvider>> {
        None
    }

    /// How much of the background work that this is for may be begun now. Where it is time to find out whether the
    /// provider is back, asks it first, by a cheap read.
    async fn room(&self) -> Room {
        Room::Any
    }
}
