//! The API's objects. Each wraps what `GET` answers with, so that both say the same.

mod dispute;
mod event;
mod payment;
mod refund;

use async_graphql::{ID, Interface};

pub(super) use self::event::EventObject;
pub(super) use self::payment::PaymentObject;
pub(super) use self::refund::RefundObject;

/// Reads of the store cost more than fields of what is read already.
pub(super) const READ_COST: usize = 10;

/// An object with an id of its own.
#[derive(Interface)]
#[graphql(name = "Node", field(name = "id", ty = "ID"))]
#[expect(clippy::large_enum_variant, reason = "an interface holds its objects themselves, one at a time")]
pub(super) enum Node {
    Payment(PaymentObject),
    Refund(RefundObject),
}
