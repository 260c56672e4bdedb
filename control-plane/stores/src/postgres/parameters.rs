//! `commit.sql` and its parameters: the writes of the changes, as rows.

use std::sync::LazyLock;

use payments::model::idempotency::KeyChange;
use payments::ports::store::{Change, Mutation};
use sealing::Sealer;
use sqlx::query::Query;
use sqlx::{Postgres, postgres::PgArguments};

use super::rows::*;
use crate::sealed::Unwritable;

const COMMIT: &str = include_str!("commit.sql");
static OF_PAYMENTS: LazyLock<String> = LazyLock::new(|| without(COMMIT, &["customers", "rest"]));
static OF_CUSTOMERS: LazyLock<String> = LazyLock::new(|| without(COMMIT, &["rest"]));

#[derive(Default)]
pub(super) struct Parameters {
    open_payment: Vec<PaymentOpened>,
    customer: Vec<CustomerEntered>,
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
        sealer: &Sealer,
    ) -> Result<Self, Unwritable> {
        let mut parameters = Self::default();
        for (member, change) in changes {
            parameters.add(member, change, sealer)?;
        }
        parameters.open_payment.sort_by(|a, b| a.id.cmp(&b.id));
        parameters.customer.sort_by(|a, b| a.payment.cmp(&b.payment));
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

    fn add(&mut self, member: Member, change: &Change, sealer: &Sealer) -> Result<(), Unwritable> {
        match &change.mutation {
            Mutation::OpenPayment { payment, events } => {
                self.open_payment.push(payment_opened(member, payment, sealer)?);
                self.customer.extend(customer_entered(member, payment, sealer)?);
                for event in events {
                    self.event.push(recorded(member, event, sealer)?);
                }
            }
            Mutation::MovePayment { payment, event } => {
                self.move_payment.push(payment_moved(member, payment, sealer)?);
                self.event.push(recorded(member, event, sealer)?);
            }
            Mutation::OpenRefund { refund, event } => {
                self.open_refund.push(refund_opened(member, refund, sealer)?);
                self.event.push(recorded(member, event, sealer)?);
            }
            Mutation::MoveRefund { refund, event } => {
                self.move_refund.push(refund_moved(member, refund, sealer)?);
                self.event.push(recorded(member, event, sealer)?);
            }
            Mutation::NotePayment { payment, event, dispute } => {
                self.move_payment.push(payment_moved(member, payment, sealer)?);
                self.event.push(recorded(member, event, sealer)?);
                self.dispute.extend(dispute.as_ref().map(|dispute| disputed(member, payment, dispute)));
            }
            Mutation::Nothing | Mutation::KeyOf(_) => {}
        }
        self.webhook.extend(change.webhook.as_ref().map(|event| event_change(member, event)).transpose()?);
        self.watch.extend(change.watch.as_ref().map(|watch| watched(member, watch)));
        let alone = change.is_only_a_key();
        match &change.key {
            Some(KeyChange::Take { claim, client, at, answer }) => {
                let subject = change.mutation.subject();
                let answer = answer.as_ref();
                self.take_key.push(key_taken(member, claim, client, *at, answer, subject, sealer)?);
            }
            Some(KeyChange::Answer { scope, subject, answer }) => {
                self.answer_key.push(key_answered(member, scope, *subject, answer, alone, sealer)?);
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
        let statement: &'static str = match (self.is_of_payments(), self.customer.is_empty()) {
            (true, true) => &OF_PAYMENTS,
            (true, false) => &OF_CUSTOMERS,
            (false, _) => COMMIT,
        };
        // In the order of the parameter numbers in `commit.sql`.
        let query = sqlx::query(statement)
            .bind(serde_json::to_string(&self.open_payment)?)
            .bind(serde_json::to_string(&self.move_payment)?)
            .bind(serde_json::to_string(&self.event)?)
            .bind(serde_json::to_string(&self.take_key)?)
            .bind(serde_json::to_string(&self.answer_key)?);
        if self.is_of_payments() && self.customer.is_empty() {
            return Ok(query);
        }
        let query = query.bind(serde_json::to_string(&self.customer)?);
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

/// The statement without these parts, see `commit.sql`.
fn without(statement: &str, parts: &[&str]) -> String {
    let mut is_needed = true;
    let lines = statement.lines().filter(|line| match line.trim().strip_prefix("--") {
        Some(mark) if mark.starts_with('{') => {
            is_needed = !parts.contains(&mark.trim_start_matches('{').trim());
            false
        }
        Some("}") => {
            is_needed = true;
            false
        }
        _ => is_needed,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_has_the_parts_that_it_needs_and_parameters_without_gaps() {
        for (statement, last, customers, rest) in [
            (OF_PAYMENTS.as_str(), 5, false, false),
            (&OF_CUSTOMERS, 6, true, false),
            (COMMIT, 12, true, true),
        ] {
            assert_eq!(statement.contains("INTO payment_customers"), customers);
            assert_eq!(statement.contains("INTO refunds"), rest);
            for n in 1..=13 {
                assert_eq!(statement.contains(&format!("(${n}::json)")), n <= last, "{n} of {last}");
            }
        }
    }
}
