//! `commit.sql` and its parameters: the writes of the changes, as rows.

use std::sync::LazyLock;

use payments::model::idempotency::KeyChange;
use payments::ports::store::{Change, Mutation};
use sqlx::query::Query;
use sqlx::{Postgres, postgres::PgArguments};

use super::rows::*;

const COMMIT: &str = include_str!("commit.sql");
static OF_PAYMENTS: LazyLock<String> = LazyLock::new(|| of_payments(COMMIT));

#[derive(Default)]
pub(super) struct Parameters {
    open_payment: Vec<PaymentOpened>,
    move_payment: Vec<PaymentMoved>,
    open_refund: Vec<RefundOpened>,
    move_refund: Vec<RefundMoved>,
    event: Vec<Recorded>,
    take_key: Vec<KeyTaken>,
    answer_key: Vec<KeyAnswered>,
    release_key: Vec<KeyReleased>,
    dispute: Vec<Disputed>,
    webhook: Vec<WrittenEventChange>,
    watch: Vec<Watched>,
}

impl Parameters {
    /// Sorts the rows by key, so that two processes that write the same rows lock them in the same order.
    pub(super) fn of<'a>(
        changes: impl Iterator<Item = (Member, &'a Change)>,
    ) -> Result<Self, serde_json::Error> {
        let mut parameters = Self::default();
        for (member, change) in changes {
            parameters.add(member, change)?;
        }
        parameters.open_payment.sort_by(|a, b| a.id.cmp(&b.id));
        parameters.move_payment.sort_by(|a, b| a.id.cmp(&b.id));
        parameters.open_refund.sort_by(|a, b| a.payment.cmp(&b.payment));
        parameters.move_refund.sort_by(|a, b| a.id.cmp(&b.id));
        parameters.take_key.sort_by(|a, b| a.scope.cmp(&b.scope));
        parameters.answer_key.sort_by(|a, b| a.scope.cmp(&b.scope));
        parameters.release_key.sort_by(|a, b| a.scope.cmp(&b.scope));
        parameters.dispute.sort_by(|a, b| a.id.cmp(&b.id));
        parameters.webhook.sort_by(|a, b| a.id.cmp(&b.id));
        parameters.watch.sort_by(|a, b| a.payment.cmp(&b.payment));
        Ok(parameters)
    }

    fn add(&mut self, member: Member, change: &Change) -> Result<(), serde_json::Error> {
        match &change.mutation {
            Mutation::OpenPayment { payment, events } => {
                self.open_payment.push(payment_opened(member, payment)?);
                for event in events {
                    self.event.push(recorded(member, event)?);
                }
            }
            Mutation::MovePayment { payment, event } => {
                self.move_payment.push(payment_moved(member, payment)?);
                self.event.push(recorded(member, event)?);
            }
            Mutation::OpenRefund { refund, event } => {
                self.open_refund.push(refund_opened(member, refund)?);
                self.event.push(recorded(member, event)?);
            }
            Mutation::MoveRefund { refund, event } => {
                self.move_refund.push(refund_moved(member, refund)?);
                self.event.push(recorded(member, event)?);
            }
            Mutation::NotePayment { payment, event, dispute } => {
                self.move_payment.push(payment_moved(member, payment)?);
                self.event.push(recorded(member, event)?);
                self.dispute.extend(dispute.as_ref().map(|dispute| disputed(member, payment, dispute)));
            }
            Mutation::Nothing => {}
        }
        self.webhook.extend(change.webhook.as_ref().map(|event| event_change(member, event)).transpose()?);
        self.watch.extend(change.watch.as_ref().map(|watch| watched(member, watch)));
        let alone = change.is_only_a_key();
        match &change.key {
            Some(KeyChange::Take { claim, client, at, answer }) => {
                let subject = change.mutation.subject();
                self.take_key.push(key_taken(member, claim, client, *at, answer.as_ref(), subject));
            }
            Some(KeyChange::Answer { scope, subject, answer }) => {
                self.answer_key.push(key_answered(member, scope, *subject, answer, alone));
            }
            Some(KeyChange::Release { scope, subject }) => {
                self.release_key.push(key_released(member, scope, *subject, alone));
            }
            None => {}
        }
        Ok(())
    }

    /// The statement with these parameters bound.
    pub(super) fn query(&self) -> Result<Query<'static, Postgres, PgArguments>, serde_json::Error> {
        let statement: &'static str = if self.is_of_payments() { &OF_PAYMENTS } else { COMMIT };
        // In the order of the parameter numbers in `commit.sql`.
        let query = sqlx::query(statement)
            .bind(serde_json::to_string(&self.open_payment)?)
            .bind(serde_json::to_string(&self.move_payment)?)
            .bind(serde_json::to_string(&self.event)?)
            .bind(serde_json::to_string(&self.take_key)?)
            .bind(serde_json::to_string(&self.answer_key)?);
        if self.is_of_payments() {
            return Ok(query);
        }
        Ok(query
            .bind(serde_json::to_string(&self.release_key)?)
            .bind(serde_json::to_string(&self.open_refund)?)
            .bind(serde_json::to_string(&self.move_refund)?)
            .bind(serde_json::to_string(&self.dispute)?)
            .bind(serde_json::to_string(&self.webhook)?)
            .bind(serde_json::to_string(&self.watch)?))
    }

    /// Whether the batch only opens or moves payments and takes or answers keys, as most batches do.
    const fn is_of_payments(&self) -> bool {
        self.release_key.is_empty()
            && self.open_refund.is_empty()
            && self.move_refund.is_empty()
            && self.dispute.is_empty()
            && self.webhook.is_empty()
            && self.watch.is_empty()
    }
}

/// Removes the parts of the statement between `--{` and `--}`.
fn of_payments(statement: &str) -> String {
    let mut is_needed = true;
    let lines = statement.lines().filter(|line| match line.trim() {
        "--{" => {
            is_needed = false;
            false
        }
        "--}" => {
            is_needed = true;
            false
        }
        _ => is_needed,
    });
    lines.collect::<Vec<_>>().join("\n")
}
