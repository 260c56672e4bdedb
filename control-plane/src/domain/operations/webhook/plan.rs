//! What an event changes, worked out before anything is written. Its last commit marks the event, so that it
//! acts once; if one before it fails, all is worked out anew.

use super::{Job, Trouble, Worked};
use crate::domain::event::{Cause, Detail, Event, Note};
use crate::domain::payment::Payment;
use crate::domain::provider::ProviderRef;
use crate::domain::refund::Refund;
use crate::domain::store::{Change, CommitError, Conflict, Step};
use crate::domain::webhook::{Dispute, EventChange, EventState};
use jiff::Timestamp;

pub(super) struct Plan {
    /// As it will be after the steps so far.
    pub(super) payment: Payment,
    pub(super) cause: Cause,
    steps: Vec<Step>,
    /// Something cannot be said yet: the event is worked off again after this.
    wait: Option<&'static str>,
}

impl Plan {
    pub(super) fn new(payment: Payment, event_id: &str) -> Self {
        let cause = Cause::webhook(payment.client.clone(), event_id);
        Self { payment, cause, steps: Vec::new(), wait: None }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn wait(&mut self, reason: &'static str) {
        self.wait = Some(reason);
    }

    pub(super) fn move_payment(&mut self, moved: Payment) {
        let event = Event::payment_moved(Some(&self.payment.state), &moved, &self.cause);
        self.payment = moved.clone();
        self.steps.push(Step::MovePayment { payment: moved, event });
    }

    pub(super) fn move_refund(&mut self, before: &Refund, moved: Refund) {
        let event = Event::refund_moved(Some(&before.state), &moved, &self.cause);
        self.steps.push(Step::MoveRefund { refund: moved, event });
    }

    /// A refund that was made elsewhere.
    pub(super) fn open_refund(&mut self, refund: Refund) {
        let mut event = Event::refund_moved(None, &refund, &self.cause);
        event.detail.reason = Some("made at the provider".to_owned());
        self.steps.push(Step::OpenRefund { refund, event });
    }

    /// What was read is not believed. Nothing moves, and three places say so: log, metric and trail.
    pub(super) fn refuse(&mut self, about: &ProviderRef, problem: String, at: Timestamp) {
        let provider = self.payment.request.provider;
        tracing::error!(
            provider = %provider, payment.id = %self.payment.id, reference = %about, problem,
            "what the provider shows contradicts what is recorded"
        );
        metrics::counter!("evidence_refused_total", "provider" => provider.name()).increment(1);
        let detail = Detail { reference: Some(about.clone()), reason: Some(problem), ..Detail::default() };
        self.note(Note::EvidenceRefused, detail, None, at);
    }

    pub(super) fn note(&mut self, note: Note, detail: Detail, dispute: Option<Dispute>, at: Timestamp) {
        let state = self.payment.state.clone();
        self.payment = self.payment.clone().enter(state, None, at);
        let payment = self.payment.clone();
        let event = Event::noted(&payment, note, detail, &self.cause);
        self.steps.push(Step::NotePayment { payment, event, dispute });
    }

    pub(super) async fn commit(mut self, job: &Job<'_>) -> Result<Worked, Trouble> {
        let last = if self.wait.is_none() { self.steps.pop() } else { None };
        for step in self.steps {
            write(job, step, None).await?;
        }
        match (last, self.wait) {
            (_, Some(reason)) => Err(Trouble::Wait(reason)),
            (None, None) => Ok(Worked::NothingNew),
            (Some(step), None) => {
                let mark = EventChange {
                    provider: job.event.provider,
                    id: job.event.id.clone(),
                    state: EventState::Done,
                    attempts: job.event.attempts,
                };
                write(job, step, Some(mark)).await?;
                Ok(Worked::Marked)
            }
        }
    }
}

async fn write(job: &Job<'_>, step: Step, webhook: Option<EventChange>) -> Result<(), Trouble> {
    match job.gateway.store.commit(Change { step, key: None, webhook }).await {
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
