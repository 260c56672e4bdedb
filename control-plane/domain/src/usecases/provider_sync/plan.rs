//! The changes that evidence implies, computed before anything is written. If a provider event caused them, the last
//! commit marks the event, so that it takes effect once; if an earlier commit fails, everything is computed again.

use jiff::Timestamp;

use super::SyncError;
use crate::model::event::{Cause, Detail, Event, Note};
use crate::model::payment::{Payment, State};
use crate::model::provider::ProviderRef;
use crate::model::refund::Refund;
use crate::model::snapshot::ProviderStatus;
use crate::model::webhook::{Dispute, EventChange};
use crate::ports::store::{Change, CommitError, Conflict, Mutation};
use crate::usecases::OperationError;
use crate::usecases::call::{Call, Decided as _};
use crate::usecases::gateway::Gateway;

/// Objects of a provider that contradict the payment and were not believed.
pub const EVIDENCE_REFUSED: &str = "evidence_refused_total";

pub(crate) struct Plan {
    /// The payment after the planned steps.
    pub(crate) payment: Payment,
    cause: Cause,
    changes: Vec<Change>,
    /// An operator has asked for the comparison, and answers for the credentials: an offer to the payer that the
    /// provider does not know ends before its time is over.
    pub(crate) ends_lost_offers: bool,
    /// Something is still open: read again once this is over.
    wait: Option<&'static str>,
}

impl Plan {
    pub(crate) const fn new(payment: Payment, cause: Cause) -> Self {
        Self { payment, cause, changes: Vec::new(), ends_lost_offers: false, wait: None }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    pub(crate) fn wait(&mut self, reason: &'static str) {
        self.wait = Some(reason);
    }

    /// Plans a transition of the payment. If it ends an operation whose client waits, the same commit stores the
    /// answer. `because`: the provider's status that was read.
    pub(crate) fn move_payment(
        &mut self,
        moved: Payment,
        gateway: &Gateway,
        because: Option<&ProviderStatus>,
    ) {
        let event = Event::payment_moved(Some(&self.payment.state), &moved, &self.cause);
        let call = Call::going_on(&self.payment, self.cause.clone(), &gateway.renders);
        let result = match (because, &moved.state) {
            (Some(ProviderStatus::Declined(refusal)), State::Authorized(_)) => {
                Err(OperationError::Refused { payment: moved.id, refusal: Box::new(refusal.clone()) })
            }
            _ => moved.clone().outcome_of(call.asked),
        };
        let key = call.conclude(moved.subject(), &result);
        self.payment = moved.clone();
        self.changes.push(Change::from(Mutation::MovePayment { payment: moved, event }).with_key(key));
    }

    pub(crate) fn move_refund(&mut self, before: &Refund, moved: Refund) {
        let event = Event::refund_moved(Some(&before.state), &moved, &self.cause);
        self.changes.push(Mutation::MoveRefund { refund: moved, event }.into());
    }

    /// Records a refund that was made elsewhere.
    pub(crate) fn open_refund(&mut self, refund: Refund) {
        let mut event = Event::refund_moved(None, &refund, &self.cause);
        event.detail.reason = Some("made at the provider".to_owned());
        self.changes.push(Mutation::OpenRefund { refund, event }.into());
    }

    /// Rejects a read that contradicts the records. Nothing moves; log, metric and audit trail report it.
    pub(crate) fn refuse(&mut self, about: &ProviderRef, problem: String, at: Timestamp) {
        let provider = self.payment.request.provider;
        tracing::error!(
            provider = %provider, payment.id = %self.payment.id, reference = %about, problem,
            "the provider's object contradicts the records"
        );
        metrics::counter!(EVIDENCE_REFUSED, "provider" => provider.name()).increment(1);
        let detail = Detail { reference: Some(about.clone()), reason: Some(problem), ..Detail::default() };
        self.note(Note::EvidenceRefused, detail, None, at);
    }

    pub(crate) fn note(&mut self, note: Note, detail: Detail, dispute: Option<Dispute>, at: Timestamp) {
        let state = self.payment.state.clone();
        self.payment = self.payment.clone().enter(state, None, at);
        let payment = self.payment.clone();
        let event = Event::noted(&payment, note, detail, &self.cause);
        self.changes.push(Mutation::NotePayment { payment, event, dispute }.into());
    }

    /// The first rejected read, if there are only rejected reads. Events record it once; polling would fill the audit
    /// trail with it.
    pub(crate) fn contradiction(&self) -> Option<String> {
        let refused = |change: &Change| match &change.mutation {
            Mutation::NotePayment { event, .. } if event.detail.note == Some(Note::EvidenceRefused) => {
                Some(event.detail.reason.clone().unwrap_or_default())
            }
            _ => None,
        };
        let problems: Option<Vec<_>> = self.changes.iter().map(refused).collect();
        problems?.into_iter().next()
    }

    /// Commits the plan unless every read was rejected; returns whether anything was written.
    ///
    /// # Errors
    /// If a commit fails, or if every read was rejected; see [`Self::contradiction`].
    pub(crate) async fn commit_what_is_believed(self, gateway: &Gateway) -> Result<bool, SyncError> {
        match self.contradiction() {
            Some(problem) => Err(SyncError::Failed(problem)),
            None => self.commit(gateway, None).await,
        }
    }

    /// Describes each step: `completed`, `refund processed`.
    pub(crate) fn summary(&self) -> Vec<String> {
        let word = |change: &Change| match &change.mutation {
            Mutation::MovePayment { payment, .. } | Mutation::OpenPayment { payment, .. } => {
                payment.state.name().to_owned()
            }
            Mutation::OpenRefund { refund, .. } => format!("refund found, {}", refund.state.name()),
            Mutation::MoveRefund { refund, .. } => format!("refund {}", refund.state.name()),
            Mutation::NotePayment { event, .. } => {
                event.detail.reason.clone().unwrap_or_else(|| event.kind())
            }
            Mutation::Nothing | Mutation::KeyOf(_) => String::new(),
        };
        self.changes.iter().map(word).collect()
    }

    /// Commits the plan and returns whether anything was written. `mark` is part of the last commit.
    pub(crate) async fn commit(
        mut self,
        gateway: &Gateway,
        mark: Option<EventChange>,
    ) -> Result<bool, SyncError> {
        let last = if self.wait.is_none() { self.changes.pop() } else { None };
        for change in self.changes {
            write(gateway, change).await?;
        }
        match (last, self.wait) {
            (_, Some(reason)) => Err(SyncError::Wait(reason)),
            (None, None) => Ok(false),
            (Some(change), None) => {
                write(gateway, change.with_mark(mark)).await?;
                Ok(true)
            }
        }
    }
}

async fn write(gateway: &Gateway, change: Change) -> Result<(), SyncError> {
    match gateway.commit(change).await {
        Ok(()) => Ok(()),
        Err(CommitError::Conflict(Conflict::Stale | Conflict::KeyTaken)) => {
            Err(SyncError::Wait("another request moved the payment"))
        }
        Err(CommitError::Conflict(Conflict::RefundExceeds { remaining })) => Err(SyncError::Failed(format!(
            "the provider gave back more than the {remaining} that are left by what is recorded"
        ))),
        Err(CommitError::Conflict(Conflict::ReferenceTaken)) => {
            Err(SyncError::Failed("the provider's object stands for another payment".to_owned()))
        }
        Err(CommitError::Store(problem)) => Err(problem.into()),
    }
}
