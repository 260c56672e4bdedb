//! What evidence changes, worked out before anything is written. Where it is done for a provider's event, the last
//! commit marks the event, so that it acts once; if one before it fails, all is worked out anew.

use jiff::Timestamp;

use super::Trouble;
use crate::domain::event::{Cause, Detail, Event, Note};
use crate::domain::gateway::Gateway;
use crate::domain::payment::Payment;
use crate::domain::provider::ProviderRef;
use crate::domain::refund::Refund;
use crate::domain::store::{Change, CommitError, Conflict, Step};
use crate::domain::webhook::{Dispute, EventChange};

pub(in crate::domain::operations) struct Plan {
    /// As it will be after the steps so far.
    pub(in crate::domain::operations) payment: Payment,
    cause: Cause,
    steps: Vec<Step>,
    /// Something cannot be said yet: it is examined again after this.
    wait: Option<&'static str>,
}

impl Plan {
    pub(in crate::domain::operations) const fn new(payment: Payment, cause: Cause) -> Self {
        Self { payment, cause, steps: Vec::new(), wait: None }
    }

    pub(in crate::domain::operations) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(in crate::domain::operations) fn wait(&mut self, reason: &'static str) {
        self.wait = Some(reason);
    }

    pub(in crate::domain::operations) fn move_payment(&mut self, moved: Payment) {
        let event = Event::payment_moved(Some(&self.payment.state), &moved, &self.cause);
        self.payment = moved.clone();
        self.steps.push(Step::MovePayment { payment: moved, event });
    }

    pub(in crate::domain::operations) fn move_refund(&mut self, before: &Refund, moved: Refund) {
        let event = Event::refund_moved(Some(&before.state), &moved, &self.cause);
        self.steps.push(Step::MoveRefund { refund: moved, event });
    }

    /// A refund that was made elsewhere.
    pub(in crate::domain::operations) fn open_refund(&mut self, refund: Refund) {
        let mut event = Event::refund_moved(None, &refund, &self.cause);
        event.detail.reason = Some("made at the provider".to_owned());
        self.steps.push(Step::OpenRefund { refund, event });
    }

    /// What was read is not believed. Nothing moves, and three places say so: log, metric and trail.
    pub(in crate::domain::operations) fn refuse(
        &mut self,
        about: &ProviderRef,
        problem: String,
        at: Timestamp,
    ) {
        let provider = self.payment.request.provider;
        tracing::error!(
            provider = %provider, payment.id = %self.payment.id, reference = %about, problem,
            "what the provider shows contradicts what is recorded"
        );
        metrics::counter!("evidence_refused_total", "provider" => provider.name()).increment(1);
        let detail = Detail { reference: Some(about.clone()), reason: Some(problem), ..Detail::default() };
        self.note(Note::EvidenceRefused, detail, None, at);
    }

    pub(in crate::domain::operations) fn note(
        &mut self,
        note: Note,
        detail: Detail,
        dispute: Option<Dispute>,
        at: Timestamp,
    ) {
        let state = self.payment.state.clone();
        self.payment = self.payment.clone().enter(state, None, at);
        let payment = self.payment.clone();
        let event = Event::noted(&payment, note, detail, &self.cause);
        self.steps.push(Step::NotePayment { payment, event, dispute });
    }

    /// What was read that is not believed, if that is all there is. It is recorded for an event, once; what is looked
    /// at again and again would fill the trail with it.
    pub(in crate::domain::operations) fn contradiction(&self) -> Option<String> {
        let refused = |step: &Step| match step {
            Step::NotePayment { event, .. } if event.detail.note == Some(Note::EvidenceRefused) => {
                Some(event.detail.reason.clone().unwrap_or_default())
            }
            _ => None,
        };
        let problems: Option<Vec<_>> = self.steps.iter().map(refused).collect();
        problems?.into_iter().next()
    }

    /// What each step does, in words: `completed`, `refund processed`.
    pub(in crate::domain::operations) fn summary(&self) -> Vec<String> {
        let word = |step: &Step| match step {
            Step::MovePayment { payment, .. } | Step::OpenPayment { payment, .. } => {
                payment.state.name().to_owned()
            }
            Step::OpenRefund { refund, .. } => format!("refund found, {}", refund.state.name()),
            Step::MoveRefund { refund, .. } => format!("refund {}", refund.state.name()),
            Step::NotePayment { event, .. } => event.detail.reason.clone().unwrap_or_else(|| event.kind()),
            Step::Nothing => String::new(),
        };
        self.steps.iter().map(word).collect()
    }

    /// Whether anything was there to be written. `mark` goes with the last step.
    pub(in crate::domain::operations) async fn commit(
        mut self,
        gateway: &Gateway,
        mark: Option<EventChange>,
    ) -> Result<bool, Trouble> {
        let last = if self.wait.is_none() { self.steps.pop() } else { None };
        for step in self.steps {
            write(gateway, step, None).await?;
        }
        match (last, self.wait) {
            (_, Some(reason)) => Err(Trouble::Wait(reason)),
            (None, None) => Ok(false),
            (Some(step), None) => {
                write(gateway, step, mark).await?;
                Ok(true)
            }
        }
    }
}

async fn write(gateway: &Gateway, step: Step, webhook: Option<EventChange>) -> Result<(), Trouble> {
    match gateway.commit(Change { step, key: None, webhook }).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict(Conflict::Stale | Conflict::KeyTaken)) => {
            Err(Trouble::Wait("somebody else moved the payment"))
        }
        Err(CommitError::Conflict(Conflict::RefundExceeds { remaining })) => Err(Trouble::Failed(format!(
            "the provider gave back more than the {remaining} that are left by what is recorded"
        ))),
        Err(CommitError::Conflict(Conflict::ReferenceTaken)) => {
            Err(Trouble::Failed("the provider's object stands for another payment".to_owned()))
        }
        Err(CommitError::Store(problem)) => Err(problem.into()),
    }
}
