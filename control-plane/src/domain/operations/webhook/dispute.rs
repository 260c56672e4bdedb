//! Disputes. They move no state of a payment, so the event itself is recorded: it is signed by the provider,
//! and reading disputes takes rights that an account may not have given.

use super::{Job, Trouble, Worked};
use crate::domain::event::{Detail, Note};
use crate::domain::payment::Payment;
use crate::domain::webhook::Dispute;

impl Job<'_> {
    pub(super) async fn dispute(&self, payment: Payment, told: &Dispute) -> Result<Worked, Trouble> {
        let known = self.gateway.store.disputes(&payment.client, payment.id).await?;
        let (note, dispute) = match known.iter().find(|known| known.id == told.id) {
            None => (Note::DisputeOpened, told.clone()),
            Some(known) => match known.updated(told) {
                None => return Ok(Worked::NothingNew),
                Some(now) if now.closed_at.is_some() && known.closed_at.is_none() => {
                    (Note::DisputeClosed, now)
                }
                Some(now) => (Note::DisputeUpdated, now),
            },
        };
        let detail = Detail {
            amount: dispute.amount,
            reference: Some(dispute.id.clone()),
            code: dispute.status.clone(),
            reason: dispute.reason.clone(),
            ..Detail::default()
        };
        let mut plan = self.plan(payment);
        plan.note(note, detail, Some(dispute), self.now());
        self.commit(plan).await
    }
}
