//! A provider that answers as a test says.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::money::{Amount, Money};
use edge_core::provider::Provider;
use edge_core::request::Wallet;
use jiff::{SignedDuration, Timestamp};
use payments::model::id::AttemptId;
use payments::model::provider::{
    CancelOrder, CaptureOrder, Captured, ChargeOrder, Charged, OperationKind, Outcome, ProviderRef,
    RefundOrder, Refunded, Refusal, ResumeOrder, Unacceptable,
};
use payments::model::snapshot::{
    DisputeSnapshot, Found, ListCursor, ListPart, ListedPayment, LookUp, ProviderSnapshot, RefundLookUp,
    RefundSnapshot,
};
use payments::model::webhook::{
    Dispute, DisputeOutcome, DisputeStage, DisputeVerdict, EventRefs, EventSubject, NotAnEvent, ParsedEvent,
};
use payments::model::work::WorkCapacity;
use payments::ports::provider::PaymentProvider;
use tokio::sync::Notify;

use crate::common::at;

/// Answers as the test says, one answer a call; runs out into success.
#[derive(Default)]
pub(crate) struct ScriptedProvider {
    pub(crate) charges: Mutex<Vec<Outcome<Charged>>>,
    /// What is found of a payer's approval in a wallet; otherwise there is nothing to judge.
    pub(crate) approvals: Mutex<Vec<Found<Result<(), Refusal>>>>,
    /// Whether the order of each charge or resume says that the approval was judged.
    pub(crate) judged: Mutex<Vec<bool>>,
    /// Whose approvals were to be judged, before a charge or resume or with it.
    pub(crate) judged_for: Mutex<Vec<ClientId>>,
    pub(crate) captures: Mutex<Vec<Outcome<Captured>>>,
    pub(crate) cancels: Mutex<Vec<Outcome<()>>>,
    pub(crate) refunds: Mutex<Vec<Outcome<Refunded>>>,
    /// What is read at each look, once each; the last one stays.
    pub(crate) seen: Mutex<Vec<Found<ProviderSnapshot>>>,
    pub(crate) listed: Mutex<Vec<ListedPayment>>,
    /// It offers no list.
    pub(crate) lists_nothing: AtomicBool,
    pub(crate) seen_refunds: Mutex<Vec<RefundSnapshot>>,
    /// What is read of a dispute that an event claims; without it, disputes cannot be read.
    pub(crate) seen_dispute: Mutex<Option<Found<DisputeSnapshot>>>,
    /// Charges are answered only when it lets them.
    pub(crate) gate: Mutex<Option<Arc<Notify>>>,
    /// It is left alone: no background work is begun.
    pub(crate) is_away: AtomicBool,
    /// Attempts in the order they came, by operation.
    pub(crate) calls: Mutex<Vec<(&'static str, AttemptId)>>,
}

impl ScriptedProvider {
    fn next<T>(script: &Mutex<Vec<Outcome<T>>>, success: T) -> Outcome<T> {
        script.lock().unwrap().pop().unwrap_or(Outcome::Done(success))
    }

    fn note(&self, operation: &'static str, attempt: AttemptId) {
        self.calls.lock().unwrap().push((operation, attempt));
    }
}

#[async_trait]
impl PaymentProvider for ScriptedProvider {
    fn name(&self) -> Provider {
        Provider::Stripe
    }

    fn accepts(&self, _: Money) -> Result<(), Unacceptable> {
        Ok(())
    }

    fn session_in(&self, method: &str) -> Option<ProviderRef> {
        method.starts_with("ORDER").then(|| ProviderRef::new(method))
    }

    fn repeat_within(&self, _: OperationKind) -> SignedDuration {
        SignedDuration::from_hours(1)
    }

    async fn judge(&self, _: &ProviderRef, _: Wallet, client: &ClientId) -> Found<Result<(), Refusal>> {
        self.judged_for.lock().unwrap().push(client.clone());
        self.approvals.lock().unwrap().pop().unwrap_or(Found::CannotAsk)
    }

    async fn charge(&self, order: &ChargeOrder) -> Outcome<Charged> {
        self.note("charge", order.attempt);
        self.judged.lock().unwrap().push(order.is_judged);
        self.judged_for.lock().unwrap().push(order.client.clone());
        let gate = self.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.notified().await;
        }
        let session = order.method.as_deref().and_then(|method| self.session_in(method));
        let payment = session.unwrap_or_else(|| ProviderRef::new(format!("pi_{}", order.payment)));
        Self::next(&self.charges, Charged::Completed { charge: payment.clone(), payment, paid_with: None })
    }

    async fn resume(&self, order: &ResumeOrder) -> Outcome<Charged> {
        self.note("resume", order.attempt);
        self.judged.lock().unwrap().push(order.is_judged);
        self.judged_for.lock().unwrap().push(order.client.clone());
        let payment = order.session.clone();
        Self::next(
            &self.charges,
            Charged::Completed { charge: ProviderRef::new("CAPTURE"), payment, paid_with: None },
        )
    }

    async fn capture(&self, order: &CaptureOrder) -> Outcome<Captured> {
        self.note("capture", order.attempt);
        Self::next(&self.captures, Captured::Completed { charge: order.authorization.clone() })
    }

    async fn cancel(&self, order: &CancelOrder) -> Outcome<()> {
        self.note("cancel", order.attempt);
        Self::next(&self.cancels, ())
    }

    async fn refund(&self, order: &RefundOrder) -> Outcome<Refunded> {
        self.note("refund", order.attempt);
        let refund = ProviderRef::new(format!("re_{}", order.refund));
        Self::next(&self.refunds, Refunded::Processed { refund })
    }

    async fn look_up(&self, _: &LookUp) -> Found<ProviderSnapshot> {
        let mut seen = self.seen.lock().unwrap();
        if seen.len() > 1 { seen.remove(0) } else { seen.first().cloned().unwrap_or(Found::Missing) }
    }

    /// Two at a time.
    async fn list(&self, _: Timestamp, _: Timestamp, at: Option<&ListCursor>) -> Found<ListPart> {
        if self.lists_nothing.load(Ordering::SeqCst) {
            return Found::CannotAsk;
        }
        let from = at.map_or(0, |at| at.as_str().parse().unwrap());
        let listed = self.listed.lock().unwrap();
        let items: Vec<_> = listed.iter().skip(from).take(2).cloned().collect();
        let next = (from + 2 < listed.len()).then(|| ListCursor::new((from + 2).to_string()));
        Found::Found(ListPart { items, unreadable: 0, next })
    }

    async fn look_up_refunds(&self, which: &RefundLookUp) -> Found<Vec<RefundSnapshot>> {
        let mut seen = self.seen_refunds.lock().unwrap().clone();
        if let RefundLookUp::One(one) = which {
            seen.retain(|seen| seen.reference == *one);
            if seen.is_empty() {
                return Found::Missing;
            }
        }
        Found::Found(seen)
    }

    async fn look_up_dispute(&self, _: &ProviderRef) -> Found<DisputeSnapshot> {
        self.seen_dispute.lock().unwrap().clone().unwrap_or(Found::CannotAsk)
    }

    async fn room(&self) -> WorkCapacity {
        if self.is_away.load(Ordering::SeqCst) { WorkCapacity::None } else { WorkCapacity::Any }
    }

    fn read_event(&self, body: &[u8]) -> Result<ParsedEvent, NotAnEvent> {
        let event: serde_json::Value = serde_json::from_slice(body).map_err(|_| NotAnEvent)?;
        let text = |name: &str| event[name].as_str().map(str::to_owned);
        let payment = text("payment").and_then(|id| id.parse().ok());
        let refs =
            EventRefs { payment, refund: text("refund").map(ProviderRef::new), ..EventRefs::default() };
        let created_at = event["second"].as_i64().map(at);
        let subject = match text("about").as_deref() {
            Some("payment") => EventSubject::Payment(refs),
            Some("refund") => EventSubject::Refund(refs),
            Some("dispute") => EventSubject::Dispute(refs, dispute(&event)),
            Some("claimed_dispute") => {
                let charge = text("charge").map(ProviderRef::new);
                EventSubject::Dispute(
                    EventRefs { charge, ..refs },
                    Dispute { is_verified: false, ..dispute(&event) },
                )
            }
            _ => EventSubject::Other,
        };
        let kind = text("about").unwrap_or_default();
        Ok(ParsedEvent { id: text("id").ok_or(NotAnEvent)?, kind, created_at, subject })
    }
}

pub(crate) fn dispute(event: &serde_json::Value) -> Dispute {
    let as_of = at(event["second"].as_i64().unwrap());
    let verdict = DisputeVerdict::ALL.into_iter().find(|verdict| event["status"] == verdict.name());
    Dispute {
        id: ProviderRef::new("du_1"),
        is_verified: true,
        reason: Some("fraudulent".to_owned()),
        status: event["status"].as_str().map(str::to_owned),
        amount: Amount::new(100),
        currency: None,
        stage: verdict.map_or(DisputeStage::Open, |_| DisputeStage::Closed),
        outcome: verdict.map(|verdict| DisputeOutcome::new(verdict, verdict.name().to_uppercase())),
        opened_at: Some(at(0)),
        closed_at: verdict.map(|_| as_of),
        as_of,
        changed_at: None,
    }
}
