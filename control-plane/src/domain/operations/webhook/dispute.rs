//! Disputes. They move no state of a payment, so the event itself is recorded: it is signed by the provider,
//! and reading disputes takes rights that an account may not have given.

use super::{Job, Trouble, Worked};
use crate::domain::event::{Detail, Note};
use crate::domain::payment::Payment;
use crate::domain::webhook::{Dispute, DisputeOutcome, Verdict};

impl Job<'_> {
    pub(super) async fn dispute(&self, payment: Payment, told: &Dispute) -> Result<Worked, Trouble> {
        let known = self.gateway.store.disputes(&payment.client, payment.id).await?;
        let (before, dispute) = match known.iter().find(|known| known.id == told.id) {
            None => (None, told.clone()),
            Some(known) => match known.updated(told) {
                None => return Ok(Worked::NothingNew),
                Some(now) => (Some(known), now),
            },
        };
        let note = note(before, &dispute);
        let detail = Detail {
            amount: dispute.amount,
            reference: Some(dispute.id.clone()),
            code: code(&dispute),
            reason: dispute.reason.clone(),
            ..Detail::default()
        };
        let mut plan = self.plan(payment);
        plan.note(note, detail, Some(dispute), self.now());
        self.commit(plan).await
    }
}

/// A dispute that is decided another time, e.g. after an appeal, is closed another time.
fn note(before: Option<&Dispute>, now: &Dispute) -> Note {
    let decision = |dispute: &Dispute| (dispute.closed().is_some(), dispute.outcome.clone());
    match before {
        _ if now.closed().is_some() && before.map(decision) != Some(decision(now)) => Note::DisputeClosed,
        None => Note::DisputeOpened,
        Some(_) => Note::DisputeUpdated,
    }
}

/// How it ended, else where it stands. A word for the end that says nothing to us is the provider's own.
fn code(dispute: &Dispute) -> Option<String> {
    match dispute.outcome.as_deref() {
        Some(DisputeOutcome { verdict: Verdict::Other, code }) => Some(code.clone()),
        Some(outcome) => Some(outcome.verdict.name().to_owned()),
        None => dispute.status.clone(),
    }
}
