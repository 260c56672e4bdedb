//! Payment methods of the sandbox's own, for trouble that Stripe has and its test methods do not make.

use super::{
    currencies::StripeCurrency,
    errors::{Result, StripeError},
    methods::{Behaviour, TestMethod},
};

/// What is wrong with a payment method that would pay otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// It was used before and belongs to no customer.
    UsedUp,
    /// It pays in euros only.
    OnlyEuro,
    /// The account's balance does not suffice for refunds of what it paid.
    NoBalanceForRefunds,
}

pub(super) const METHODS: [TestMethod; 3] = [
    flawed("pm_sandbox_usedUp", Flaw::UsedUp),
    flawed("pm_sandbox_onlyEuro", Flaw::OnlyEuro),
    flawed("pm_sandbox_noBalanceForRefunds", Flaw::NoBalanceForRefunds),
];

const fn flawed(id: &'static str, flaw: Flaw) -> TestMethod {
    TestMethod { id, brand: "visa", last4: "4242", behaviour: Behaviour::Approve, flaw: Some(flaw) }
}

/// Refuses a method that cannot pay in this currency, or not again. Nothing comes into being for it.
pub(crate) fn check_usable(method: &TestMethod, currency: StripeCurrency) -> Result<()> {
    match method.flaw {
        Some(Flaw::UsedUp) => {
            let message = "The provided PaymentMethod was previously used with a PaymentIntent without Customer \
                 attachment, shared with a connected account without Customer attachment, or was detached from a \
                 Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a \
                 Customer first.";
            StripeError::invalid(message).refuse()
        }
        Some(Flaw::OnlyEuro) if currency.code() != "eur" => {
            let message = format!(
                "The currency provided ({}) is invalid. Payments with this payment method support the following \
                 currencies: eur.",
                currency.code()
            );
            StripeError::invalid(message).param("payment_method_types").refuse()
        }
        _ => Ok(()),
    }
}

/// Refuses a refund that the account's balance does not cover.
pub(crate) fn check_balance(method: &TestMethod) -> Result<()> {
    if method.flaw != Some(Flaw::NoBalanceForRefunds) {
        return Ok(());
    }
    let message = "Your account does not have a sufficient balance to cover this refund.";
    StripeError::invalid(message).code("balance_insufficient").refuse()
}
