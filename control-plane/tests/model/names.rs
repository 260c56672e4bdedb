//! The same names in every sequence.

use control_plane::http::charge_terms;
use edge_core::client::ClientId;
use edge_core::request::ChargeRequest;
use jiff::Timestamp;
use payments::model::event::Cause;
use payments::model::id::{AttemptId, PaymentId, RefundId};
use payments::model::payment::ChargeTerms;

pub(crate) fn at(second: u32) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + i64::from(second)).unwrap()
}

fn bytes(n: u32) -> [u8; 10] {
    let mut bytes = [0; 10];
    bytes[6..].copy_from_slice(&n.to_be_bytes());
    bytes
}

pub(crate) fn payment_id() -> PaymentId {
    PaymentId::new(at(0), bytes(1))
}

pub(crate) fn refund_id(n: u32) -> RefundId {
    RefundId::new(at(0), bytes(n))
}

pub(crate) fn attempt(n: u32) -> AttemptId {
    AttemptId::new(at(0), bytes(n))
}

pub(crate) fn client() -> ClientId {
    ClientId::parse("demo").unwrap()
}

pub(crate) fn cause() -> Cause {
    Cause::request(client(), "req-1".to_owned())
}

/// An event of the provider, which the gateway acts on.
pub(crate) fn cause_of_gateway() -> Cause {
    Cause::webhook(client(), "WH-1")
}

pub(crate) fn charge_request(amount: u64, is_manual: bool) -> ChargeTerms {
    let capture = if is_manual { "manual" } else { "automatic" };
    let body = format!(
        r#"{{"provider":"stripe","amount":{amount},"currency":"USD","paymentMethodId":"pm_card_visa","capture":"{capture}"}}"#
    );
    charge_terms(ChargeRequest::parse(body.as_bytes()).unwrap())
}
