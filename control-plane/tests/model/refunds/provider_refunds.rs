//! The refunds as the provider has them.

use edge_core::money::{Amount, Money};
use payments::model::id::AttemptId;
use payments::model::payment::Payment;
use payments::model::provider::{Outcome, ProviderRef, Refunded, RefusalKind};
use payments::model::refund::Refund;
use payments::model::snapshot::{RefundProviderStatus, RefundSnapshot};

use crate::keys::{First, Keys};
use crate::provider::{Decision, Mishap, Truth, failure, no, refusal};

pub(super) struct ProviderRefunds {
    pub(super) made: Vec<Theirs>,
    keys: Keys<Outcome<Refunded>>,
    /// As [`crate::provider::Provider::replays`]; such a provider also calls what it releases a refund.
    replays: bool,
}

pub(super) struct Theirs {
    pub(super) reference: ProviderRef,
    /// `None` for one of the dashboard.
    pub(super) attempt: Option<AttemptId>,
    pub(super) amount: Amount,
    history: Vec<(u32, RefundProviderStatus)>,
}

impl Theirs {
    pub(super) fn counts(&self) -> bool {
        !matches!(self.history.last(), Some((_, RefundProviderStatus::Failed(_))))
    }

    fn answer(&self) -> Outcome<Refunded> {
        let refund = self.reference.clone();
        match self.history.last() {
            Some((_, RefundProviderStatus::Processed)) => Outcome::Done(Refunded::Processed { refund }),
            Some((_, RefundProviderStatus::Pending)) => Outcome::Done(Refunded::Pending { refund }),
            _ => no(RefusalKind::Declined),
        }
    }

    /// As it stood then. `None`: it was not there.
    fn snapshot(&self, payment: &Payment, ours: Option<&Refund>, then: u32) -> Option<RefundSnapshot> {
        let (_, provider_status) = self.history.iter().rev().find(|(since, _)| *since <= then)?;
        Some(RefundSnapshot {
            reference: self.reference.clone(),
            refund: ours.map(|refund| refund.id),
            payment: ours.map(|_| payment.id),
            charge: None,
            money: Some(Money { amount: self.amount, currency: payment.request.currency }),
            is_without_funds: false,
            created: None,
            provider_status: provider_status.clone(),
        })
    }
}

impl ProviderRefunds {
    pub(super) const fn new(replays: bool) -> Self {
        Self { made: Vec::new(), keys: Keys::new(), replays }
    }

    pub(super) fn given_back(&self) -> u64 {
        self.made.iter().filter(|refund| refund.counts()).map(|refund| refund.amount.minor()).sum()
    }

    /// The provider gives nothing back that it has not.
    pub(super) fn make(
        &mut self,
        attempt: Option<AttemptId>,
        amount: Amount,
        decision: Decision,
        truth: Truth,
        now: u32,
    ) -> Outcome<Refunded> {
        let captured = if let Truth::Captured(captured) = truth { captured.minor() } else { 0 };
        if self.given_back() + amount.minor() > captured {
            return no(RefusalKind::State);
        }
        let provider_status = match decision {
            Decision::Done => RefundProviderStatus::Processed,
            Decision::Later | Decision::AskPayer => RefundProviderStatus::Pending,
            Decision::Decline => return no(RefusalKind::Declined),
        };
        let reference = ProviderRef::new(format!("re_{}", self.made.len()));
        let made = Theirs { reference, attempt, amount, history: vec![(now, provider_status)] };
        let answer = made.answer();
        self.made.push(made);
        answer
    }

    /// A request arrives.
    pub(super) fn execute(
        &mut self,
        (attempt, amount): (AttemptId, Amount),
        (decision, mishap): (Decision, Mishap),
        truth: Truth,
        now: u32,
    ) -> Outcome<Refunded> {
        let made = self.made.iter().find(|refund| refund.attempt == Some(attempt)).map(Theirs::answer);
        let answer = match (self.keys.first(attempt, now), made) {
            (Some(First::Failure), _) => return failure(true),
            (Some(First::Answer(first)), _) if self.replays => return first,
            (Some(First::Answer(_)), Some(now)) => now,
            (Some(First::Answer(first)), None) => first,
            (None, _) if self.replays && mishap == Mishap::FailsBefore => return self.fail(attempt, now),
            (None, _) => self.make(Some(attempt), amount, decision, truth, now),
        };
        if self.replays && mishap == Mishap::FailsAfter {
            return self.fail(attempt, now);
        }
        self.keys.keep(attempt, now, First::Answer(answer.clone()));
        answer
    }

    fn fail(&mut self, attempt: AttemptId, now: u32) -> Outcome<Refunded> {
        self.keys.keep(attempt, now, First::Failure);
        failure(false)
    }

    /// What is pending is decided; and the payer's bank may send back what was processed.
    pub(super) fn happens(&mut self, n: usize, decision: Decision, now: u32) {
        let Some(theirs) = self.made.get_mut(n) else { return };
        let provider_status = match (theirs.history.last(), decision) {
            (Some((_, RefundProviderStatus::Pending)), Decision::Done) => RefundProviderStatus::Processed,
            (
                Some((_, RefundProviderStatus::Pending | RefundProviderStatus::Processed)),
                Decision::Decline,
            ) => RefundProviderStatus::Failed(refusal(RefusalKind::Declined)),
            _ => return,
        };
        theirs.history.push((now, provider_status));
    }

    /// The complete list as it was then.
    pub(super) fn list(
        &self,
        payment: &Payment,
        ours: impl Fn(AttemptId) -> Option<Refund>,
        truth: Truth,
        then: u32,
    ) -> Vec<RefundSnapshot> {
        let release = self.release(payment, truth);
        let made = self.made.iter().filter_map(|refund| {
            let by_call = refund.attempt.and_then(&ours);
            refund.snapshot(payment, by_call.as_ref(), then)
        });
        release.into_iter().chain(made).collect()
    }

    /// What the capture of a part has released, called a refund.
    fn release(&self, payment: &Payment, truth: Truth) -> Option<RefundSnapshot> {
        let Truth::Captured(captured) = truth else { return None };
        let amount = Amount::new(payment.request.amount.minor() - captured.minor())?;
        self.replays.then(|| RefundSnapshot {
            reference: ProviderRef::new("re_release"),
            refund: None,
            payment: None,
            charge: None,
            money: Some(Money { amount, currency: payment.request.currency }),
            is_without_funds: true,
            created: None,
            provider_status: RefundProviderStatus::Processed,
        })
    }
}
