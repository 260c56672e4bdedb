//! `commit.sql` and its parameters: the writes of the changes, as rows.

use std::sync::LazyLock;

use payments::model::idempotency::KeyChange;
use payments::ports::store::{Change, Mutation};
use sealing::Sealer;

use super::key_rows::*;
use super::record::{Record as _, Statement};
use super::rows::*;
use crate::sealed::Unwritable;

const COMMIT: &str = include_str!("commit.sql");
static OF_PAYMENTS: LazyLock<String> = LazyLock::new(|| with_rows(&without(COMMIT, &["customers", "rest"])));
static OF_CUSTOMERS: LazyLock<String> = LazyLock::new(|| with_rows(&without(COMMIT, &["rest"])));
static OF_ALL: LazyLock<String> = LazyLock::new(|| with_rows(&without(COMMIT, &[])));

type Columns = &'static [(&'static str, &'static str)];

/// The rows that `commit.sql` names, in its order.
const ROWS: [(&str, Columns); 12] = [
    ("open_payment", PaymentOpened::COLUMNS),
    ("move_payment", PaymentMoved::COLUMNS),
    ("event", Recorded::COLUMNS),
    ("take_key", KeyTaken::COLUMNS),
    ("answer_key", KeyAnswered::COLUMNS),
    ("customer", CustomerEntered::COLUMNS),
    ("release_key", KeyReleased::COLUMNS),
    ("open_refund", RefundOpened::COLUMNS),
    ("move_refund", RefundMoved::COLUMNS),
    ("dispute", Disputed::COLUMNS),
    ("webhook", WrittenEventChange::COLUMNS),
    ("watch", Watched::COLUMNS),
];

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
    pub(super) fn query(&self) -> Statement<'_> {
        let statement: &'static str = match (self.is_of_payments(), self.customer.is_empty()) {
            (true, true) => &OF_PAYMENTS,
            (true, false) => &OF_CUSTOMERS,
            (false, _) => &OF_ALL,
        };
        // In the order of their names in `commit.sql`.
        let query = PaymentOpened::bind(&self.open_payment, sqlx::query(statement));
        let query = PaymentMoved::bind(&self.move_payment, query);
        let query = Recorded::bind(&self.event, query);
        let query = KeyTaken::bind(&self.take_key, query);
        let query = KeyAnswered::bind(&self.answer_key, query);
        if self.is_of_payments() && self.customer.is_empty() {
            return query;
        }
        let query = CustomerEntered::bind(&self.customer, query);
        if self.is_of_payments() {
            return query;
        }
        let query = KeyReleased::bind(&self.release_key, query);
        let query = RefundOpened::bind(&self.open_refund, query);
        let query = RefundMoved::bind(&self.move_refund, query);
        let query = Disputed::bind(&self.dispute, query);
        let query = WrittenEventChange::bind(&self.webhook, query);
        Watched::bind(&self.watch, query)
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

/// The statement with a parameter for each column of its rows, numbered in their order.
fn with_rows(statement: &str) -> String {
    let mut number = 0;
    ROWS.iter().fold(statement.to_owned(), |statement, (name, columns)| {
        let Some((before, behind)) = statement.split_once(&format!("rows_of({name})")) else {
            return statement;
        };
        let mut parameter = |(_, kind): &(&str, &str)| {
            number += 1;
            format!("${number}::{kind}[]")
        };
        let parameters: Vec<_> = columns.iter().map(&mut parameter).collect();
        let names: Vec<_> = columns.iter().map(|(name, _)| *name).collect();
        format!("{before}unnest({}) AS r ({}){behind}", parameters.join(", "), names.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_has_the_parts_that_it_needs_and_parameters_without_gaps() {
        for (statement, rows, customers, rest) in [
            (OF_PAYMENTS.as_str(), 5, false, false),
            (&OF_CUSTOMERS, 6, true, false),
            (&OF_ALL, 12, true, true),
        ] {
            assert_eq!(statement.contains("INTO payment_customers"), customers);
            assert_eq!(statement.contains("INTO refunds"), rest);
            assert!(!statement.contains("rows_of("), "{statement}");
            let numbers: Vec<usize> = statement
                .split('$')
                .skip(1)
                .filter_map(|behind| behind.split_once("::")?.0.parse().ok())
                .collect();
            let wanted = ROWS.iter().take(rows).map(|(_, columns)| columns.len()).sum::<usize>();
            assert_eq!(numbers, (1..=wanted).collect::<Vec<_>>());
        }
    }
}
