//! The parameters of `commit.sql`: what the changes write, as rows.

use serde::Serialize;
use sqlx::query::Query;
use sqlx::{Postgres, postgres::PgArguments};

use crate::domain::event::Event;
use crate::domain::idempotency::{KeyChange, Subject};
use crate::domain::payment::Payment;
use crate::domain::provider::ProviderRef;
use crate::domain::refund::Refund;
use crate::domain::store::{Change, Step};
use crate::store::rows::captured;

/// Which change of a batch a row belongs to.
type Member = i32;

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
}

#[derive(Serialize)]
struct PaymentOpened {
    member: Member,
    id: String,
    client: String,
    provider: &'static str,
    amount: u32,
    currency: String,
    request: String,
    state: &'static str,
    detail: String,
    reference: Option<String>,
    captured: i64,
    refunded: u32,
    version: u32,
    created_at: i64,
    updated_at: i64,
}

#[derive(Serialize)]
struct PaymentMoved {
    member: Member,
    id: String,
    state: &'static str,
    detail: String,
    reference: Option<String>,
    captured: i64,
    version: u32,
    updated_at: i64,
}

#[derive(Serialize)]
struct RefundOpened {
    member: Member,
    id: String,
    payment: String,
    client: String,
    amount: u32,
    currency: String,
    state: &'static str,
    detail: String,
    reference: Option<String>,
    version: u32,
    created_at: i64,
    updated_at: i64,
}

#[derive(Serialize)]
struct RefundMoved {
    member: Member,
    id: String,
    payment: String,
    amount: u32,
    state: &'static str,
    detail: String,
    reference: Option<String>,
    version: u32,
    updated_at: i64,
}

#[derive(Serialize)]
struct Recorded {
    member: Member,
    payment: String,
    refund: Option<String>,
    version: u32,
    from_state: Option<String>,
    to_state: String,
    at: i64,
    client: String,
    request_id: String,
    detail: String,
}

#[derive(Serialize)]
struct KeyTaken {
    member: Member,
    scope: String,
    client: String,
    fingerprint: String,
    payment: Option<String>,
    refund: Option<String>,
    answer_status: Option<u16>,
    answer_body: Option<String>,
    created_at: i64,
}

#[derive(Serialize)]
struct KeyAnswered {
    member: Member,
    scope: String,
    answer_status: u16,
    answer_body: String,
}

#[derive(Serialize)]
struct KeyReleased {
    member: Member,
    scope: String,
}

impl Parameters {
    /// Rows in the order of their keys, so that two processes that write the same rows lock them in one order.
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
        Ok(parameters)
    }

    fn add(&mut self, member: Member, change: &Change) -> Result<(), serde_json::Error> {
        match &change.step {
            Step::OpenPayment { payment, events } => {
                self.open_payment.push(payment_opened(member, payment)?);
                for event in events {
                    self.event.push(recorded(member, event)?);
                }
            }
            Step::MovePayment { payment, event } => {
                self.move_payment.push(payment_moved(member, payment)?);
                self.event.push(recorded(member, event)?);
            }
            Step::OpenRefund { refund, event } => {
                self.open_refund.push(refund_opened(member, refund)?);
                self.event.push(recorded(member, event)?);
            }
            Step::MoveRefund { refund, event } => {
                self.move_refund.push(refund_moved(member, refund)?);
                self.event.push(recorded(member, event)?);
            }
            Step::Nothing => {}
        }
        match &change.key {
            Some(KeyChange::Take { claim, client, at, answer }) => {
                let subject = change.step.subject();
                self.take_key.push(KeyTaken {
                    member,
                    scope: claim.scope.to_string(),
                    client: client.as_str().to_owned(),
                    fingerprint: claim.fingerprint.to_string(),
                    payment: subject
                        .and_then(|s| if let Subject::Payment(id) = s { Some(id.to_string()) } else { None }),
                    refund: subject
                        .and_then(|s| if let Subject::Refund(id) = s { Some(id.to_string()) } else { None }),
                    answer_status: answer.as_ref().map(|answer| answer.status),
                    answer_body: answer.as_ref().map(|answer| answer.body.clone()),
                    created_at: at.as_microsecond(),
                });
            }
            Some(KeyChange::Answer { scope, answer }) => self.answer_key.push(KeyAnswered {
                member,
                scope: scope.to_string(),
                answer_status: answer.status,
                answer_body: answer.body.clone(),
            }),
            Some(KeyChange::Release { scope }) => {
                self.release_key.push(KeyReleased { member, scope: scope.to_string() });
            }
            None => {}
        }
        Ok(())
    }

    /// In the order of the numbers in `commit.sql`.
    pub(super) fn bind<'q>(
        &self,
        query: Query<'q, Postgres, PgArguments>,
    ) -> Result<Query<'q, Postgres, PgArguments>, serde_json::Error> {
        Ok(query
            .bind(serde_json::to_string(&self.open_payment)?)
            .bind(serde_json::to_string(&self.move_payment)?)
            .bind(serde_json::to_string(&self.open_refund)?)
            .bind(serde_json::to_string(&self.move_refund)?)
            .bind(serde_json::to_string(&self.event)?)
            .bind(serde_json::to_string(&self.take_key)?)
            .bind(serde_json::to_string(&self.answer_key)?)
            .bind(serde_json::to_string(&self.release_key)?))
    }
}

fn text(reference: Option<&ProviderRef>) -> Option<String> {
    reference.map(|reference| reference.as_str().to_owned())
}

fn payment_opened(member: Member, payment: &Payment) -> Result<PaymentOpened, serde_json::Error> {
    Ok(PaymentOpened {
        member,
        id: payment.id.to_string(),
        client: payment.client.as_str().to_owned(),
        provider: payment.request.provider.name(),
        amount: payment.request.amount.minor(),
        currency: payment.request.currency.code().to_owned(),
        request: serde_json::to_string(&payment.request)?,
        state: payment.state.name(),
        detail: serde_json::to_string(&payment.state)?,
        reference: text(payment.reference.as_ref()),
        captured: captured(payment),
        refunded: payment.refunded,
        version: payment.version,
        created_at: payment.created_at.as_microsecond(),
        updated_at: payment.updated_at.as_microsecond(),
    })
}

fn payment_moved(member: Member, payment: &Payment) -> Result<PaymentMoved, serde_json::Error> {
    Ok(PaymentMoved {
        member,
        id: payment.id.to_string(),
        state: payment.state.name(),
        detail: serde_json::to_string(&payment.state)?,
        reference: text(payment.reference.as_ref()),
        captured: captured(payment),
        version: payment.version,
        updated_at: payment.updated_at.as_microsecond(),
    })
}

fn refund_opened(member: Member, refund: &Refund) -> Result<RefundOpened, serde_json::Error> {
    Ok(RefundOpened {
        member,
        id: refund.id.to_string(),
        payment: refund.payment.to_string(),
        client: refund.client.as_str().to_owned(),
        amount: refund.amount.minor(),
        currency: refund.currency.code().to_owned(),
        state: refund.state.name(),
        detail: serde_json::to_string(&refund.state)?,
        reference: text(refund.state.reference()),
        version: refund.version,
        created_at: refund.created_at.as_microsecond(),
        updated_at: refund.updated_at.as_microsecond(),
    })
}

fn refund_moved(member: Member, refund: &Refund) -> Result<RefundMoved, serde_json::Error> {
    Ok(RefundMoved {
        member,
        id: refund.id.to_string(),
        payment: refund.payment.to_string(),
        amount: refund.amount.minor(),
        state: refund.state.name(),
        detail: serde_json::to_string(&refund.state)?,
        reference: text(refund.state.reference()),
        version: refund.version,
        updated_at: refund.updated_at.as_microsecond(),
    })
}

fn recorded(member: Member, event: &Event) -> Result<Recorded, serde_json::Error> {
    Ok(Recorded {
        member,
        payment: event.payment.to_string(),
        refund: event.refund.map(|id| id.to_string()),
        version: event.version,
        from_state: event.from.clone(),
        to_state: event.to.clone(),
        at: event.at.as_microsecond(),
        client: event.cause.client.as_str().to_owned(),
        request_id: event.cause.request_id.clone(),
        detail: serde_json::to_string(&event.detail)?,
    })
}
