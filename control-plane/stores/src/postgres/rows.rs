//! The writes of a change, as the rows that `commit.sql` reads.

use edge_core::money::Amount;
use jiff::Timestamp;
use payments::model::event::Event;
use payments::model::payment::Payment;
use payments::model::provider::ProviderRef;
use payments::model::refund::Refund;
use payments::model::webhook::{Dispute, EventChange};
use payments::ports::store::Watch;
use sealing::Sealer;

use super::record::record;
use crate::rows::{captured, due};
use crate::sealed::{self, Customer, Unwritable};
use crate::webhook_rows::Stored;

/// The number of the change in its batch that a row belongs to.
pub(super) type Member = i32;

record! {
    pub(super) struct PaymentOpened {
        member: Member,
        pub(super) id: String,
        client: String,
        provider: &'static str,
        amount: u64,
        currency: String,
        request: String,
        state: &'static str,
        detail: String,
        reference: Option<String>,
        captured: i64,
        refunded: u64,
        due_at: Option<i64>,
        tries: u32,
        version: u32,
        created_at: i64,
        updated_at: i64,
    }
}

record! {
    /// A payment's entry under its customer reference.
    pub(super) struct CustomerEntered {
        member: Member,
        client: String,
        customer: String,
        pub(super) payment: String,
        index_key: String,
    }
}

record! {
    pub(super) struct PaymentMoved {
        member: Member,
        pub(super) id: String,
        state: &'static str,
        detail: String,
        reference: Option<String>,
        captured: i64,
        due_at: Option<i64>,
        tries: u32,
        version: u32,
        updated_at: i64,
    }
}

record! {
    pub(super) struct RefundOpened {
        member: Member,
        pub(super) id: String,
        pub(super) payment: String,
        client: String,
        amount: u64,
        currency: String,
        state: &'static str,
        detail: String,
        reference: Option<String>,
        due_at: Option<i64>,
        tries: u32,
        version: u32,
        created_at: i64,
        updated_at: i64,
    }
}

record! {
    pub(super) struct RefundMoved {
        member: Member,
        pub(super) id: String,
        pub(super) payment: String,
        amount: u64,
        state: &'static str,
        detail: String,
        reference: Option<String>,
        due_at: Option<i64>,
        tries: u32,
        version: u32,
        updated_at: i64,
    }
}

record! {
    pub(super) struct Recorded {
        member: Member,
        pub(super) payment: String,
        refund: Option<String>,
        version: u32,
        from_state: Option<String>,
        to_state: String,
        at: i64,
        client: String,
        request_id: String,
        detail: String,
    }
}

record! {
    pub(super) struct Watched {
        member: Member,
        pub(super) payment: String,
        provider: &'static str,
        due_at: i64,
    }
}

record! {
    pub(super) struct Disputed {
        member: Member,
        provider: &'static str,
        pub(super) id: String,
        pub(super) payment: String,
        reason: Option<String>,
        status: Option<String>,
        amount: Option<u64>,
        currency: Option<String>,
        opened_at: Option<i64>,
        closed_at: Option<i64>,
        as_of: i64,
        stage: &'static str,
        outcome: Option<&'static str>,
        outcome_code: Option<String>,
        changed_at: Option<i64>,
        verified: bool,
    }
}

record! {
    pub(super) struct WrittenEventChange {
        member: Member,
        provider: &'static str,
        pub(super) id: String,
        state: &'static str,
        reason: Option<String>,
        attempts: u32,
        /// `None` leaves the column unchanged.
        next_at: Option<i64>,
    }
}

fn text(reference: Option<&ProviderRef>) -> Option<String> {
    reference.map(|reference| reference.as_str().to_owned())
}

pub(super) fn payment_opened(
    member: Member,
    payment: &Payment,
    sealer: &Sealer,
) -> Result<PaymentOpened, Unwritable> {
    let (due_at, tries) = due(payment.follow_up);
    Ok(PaymentOpened {
        member,
        id: payment.id.to_string(),
        client: payment.client.as_str().to_owned(),
        provider: payment.request.provider.name(),
        amount: payment.request.amount.minor(),
        currency: payment.request.currency.code().to_owned(),
        request: sealed::request(payment, sealer)?,
        state: payment.state.name(),
        detail: sealed::payment_state(payment, sealer)?,
        reference: text(payment.reference.as_ref()),
        captured: captured(payment),
        refunded: payment.refunded,
        due_at,
        tries,
        version: payment.version,
        created_at: payment.created_at.as_microsecond(),
        updated_at: payment.updated_at.as_microsecond(),
    })
}

/// `None` for a payment without a customer reference.
pub(super) fn customer_entered(
    member: Member,
    payment: &Payment,
    sealer: &Sealer,
) -> Result<Option<CustomerEntered>, Unwritable> {
    let Some(customer) = Customer::of(payment, sealer)? else { return Ok(None) };
    Ok(Some(CustomerEntered {
        member,
        client: payment.client.as_str().to_owned(),
        customer: customer.index.to_string(),
        payment: payment.id.to_string(),
        index_key: customer.key_text(),
    }))
}

pub(super) fn payment_moved(
    member: Member,
    payment: &Payment,
    sealer: &Sealer,
) -> Result<PaymentMoved, Unwritable> {
    let (due_at, tries) = due(payment.follow_up);
    Ok(PaymentMoved {
        member,
        id: payment.id.to_string(),
        state: payment.state.name(),
        detail: sealed::payment_state(payment, sealer)?,
        reference: text(payment.reference.as_ref()),
        captured: captured(payment),
        due_at,
        tries,
        version: payment.version,
        updated_at: payment.updated_at.as_microsecond(),
    })
}

pub(super) fn refund_opened(
    member: Member,
    refund: &Refund,
    sealer: &Sealer,
) -> Result<RefundOpened, Unwritable> {
    let (due_at, tries) = due(refund.follow_up);
    Ok(RefundOpened {
        member,
        id: refund.id.to_string(),
        payment: refund.payment.to_string(),
        client: refund.client.as_str().to_owned(),
        amount: refund.amount.minor(),
        currency: refund.currency.code().to_owned(),
        state: refund.state.name(),
        detail: sealed::refund_state(refund, sealer)?,
        reference: text(refund.state.reference()),
        due_at,
        tries,
        version: refund.version,
        created_at: refund.created_at.as_microsecond(),
        updated_at: refund.updated_at.as_microsecond(),
    })
}

pub(super) fn refund_moved(
    member: Member,
    refund: &Refund,
    sealer: &Sealer,
) -> Result<RefundMoved, Unwritable> {
    let (due_at, tries) = due(refund.follow_up);
    Ok(RefundMoved {
        member,
        id: refund.id.to_string(),
        payment: refund.payment.to_string(),
        amount: refund.amount.minor(),
        state: refund.state.name(),
        detail: sealed::refund_state(refund, sealer)?,
        reference: text(refund.state.reference()),
        due_at,
        tries,
        version: refund.version,
        updated_at: refund.updated_at.as_microsecond(),
    })
}

pub(super) fn recorded(member: Member, event: &Event, sealer: &Sealer) -> Result<Recorded, Unwritable> {
    Ok(Recorded {
        member,
        payment: event.payment.to_string(),
        refund: event.refund.map(|id| id.to_string()),
        version: event.version,
        from_state: event.from.clone(),
        to_state: event.to.clone(),
        at: event.at.as_microsecond(),
        client: event.cause.client.as_str().to_owned(),
        request_id: event.cause.initiator.text().into_owned(),
        detail: sealed::event_detail(event, sealer)?,
    })
}

pub(super) fn disputed(member: Member, payment: &Payment, dispute: &Dispute) -> Disputed {
    Disputed {
        member,
        provider: payment.request.provider.name(),
        id: dispute.id.as_str().to_owned(),
        payment: payment.id.to_string(),
        reason: dispute.reason.clone(),
        status: dispute.status.clone(),
        amount: dispute.amount.map(Amount::minor),
        currency: dispute.currency.map(|currency| currency.code().to_owned()),
        opened_at: dispute.opened_at.map(Timestamp::as_microsecond),
        closed_at: dispute.closed_at.map(Timestamp::as_microsecond),
        as_of: dispute.as_of.as_microsecond(),
        stage: dispute.stage.name(),
        outcome: dispute.outcome.as_ref().map(|outcome| outcome.verdict.name()),
        outcome_code: dispute.outcome.as_ref().map(|outcome| outcome.code.clone()),
        changed_at: dispute.changed_at.map(Timestamp::as_microsecond),
        verified: dispute.is_verified,
    }
}

pub(super) fn event_change(
    member: Member,
    change: &EventChange,
) -> Result<WrittenEventChange, serde_json::Error> {
    let Stored { state, reason, next_at } = Stored::of(&change.state)?;
    Ok(WrittenEventChange {
        member,
        provider: change.provider.name(),
        id: change.id.clone(),
        state,
        reason,
        attempts: change.attempts,
        next_at,
    })
}

pub(super) fn watched(member: Member, watch: &Watch) -> Watched {
    Watched {
        member,
        payment: watch.payment.to_string(),
        provider: watch.provider.name(),
        due_at: watch.at.as_microsecond(),
    }
}
