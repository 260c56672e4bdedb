//! Payments for tests.

use edge_core::client::ClientId;
use edge_core::money::{Amount, Currency};
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Metadata, PaymentMethodId};
use jiff::Timestamp;

use super::id::{AttemptId, PaymentId};
use super::payment::{ChargeTerms, Payment};
use super::provider::{Charged, Outcome, ProviderRef, Refusal, RefusalKind};

/// A payment of 100 US cents whose charge has begun.
pub(crate) fn charge(capture: CaptureMode) -> Payment {
    let provider = Provider::Stripe;
    let terms = ChargeTerms {
        provider,
        amount: Amount::new(100).unwrap(),
        currency: Currency::from_code("USD").unwrap(),
        payment_method_id: PaymentMethodId::parse(provider, "pm_card_visa"),
        wallet: None,
        verification: None,
        capture,
        description: None,
        metadata: Metadata::default(),
        return_url: None,
        customer_reference: None,
    };
    let (at, client) = (Timestamp::UNIX_EPOCH, ClientId::parse("demo").unwrap());
    Payment::open(PaymentId::new(at, [1; 10]), client, terms, None, at)
        .begin_charge(AttemptId::new(at, [1; 10]), None, at)
        .unwrap()
}

pub(crate) fn authorized() -> Payment {
    let reference = ProviderRef::new("pi_1");
    let held = Charged::Authorized { payment: reference.clone(), authorization: reference, paid_with: None };
    charge(CaptureMode::Manual).charge_answered(Outcome::Done(held), Timestamp::UNIX_EPOCH).unwrap()
}

pub(crate) fn refusal(kind: RefusalKind) -> Refusal {
    Refusal { kind, code: None, decline_code: None, message: "no".to_owned(), reference: None }
}
