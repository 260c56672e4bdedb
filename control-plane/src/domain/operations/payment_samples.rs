//! Payments for tests.

use edge_core::client::ClientId;
use edge_core::request::ChargeRequest;
use jiff::Timestamp;

use crate::domain::id::{AttemptId, PaymentId};
use crate::domain::payment::Payment;
use crate::domain::provider::{Charged, Outcome, ProviderRef, Refusal, RefusalKind};

pub(super) fn charge(more: &str) -> Payment {
    let body = format!(
        r#"{{"provider":"stripe","amount":100,"currency":"USD","paymentMethodId":"pm_card_visa"{more}}}"#
    );
    let (at, client) = (Timestamp::UNIX_EPOCH, ClientId::parse("demo").unwrap());
    let request = ChargeRequest::parse(body.as_bytes()).unwrap();
    Payment::open(PaymentId::new(at, [1; 10]), client, request, None, at)
        .begin_charge(AttemptId::new(at, [1; 10]), None, at)
        .unwrap()
}

pub(super) fn authorized() -> Payment {
    let reference = ProviderRef::new("pi_1");
    let held = Charged::Authorized { payment: reference.clone(), authorization: reference };
    charge(r#","capture":"manual""#).charge_answered(Outcome::Done(held), Timestamp::UNIX_EPOCH).unwrap()
}

pub(super) fn refusal(kind: RefusalKind) -> Refusal {
    Refusal { kind, code: None, decline_code: None, message: "no".to_owned(), reference: None }
}
