//! Payment methods that pay but cause problems otherwise. Where Stripe has no such test method, the name is the
//! sandbox's own: `pm_sandbox_…`.

use super::{
    context::RequestContext,
    currencies::StripeCurrency,
    dispute,
    errors::{Result, StripeError},
    methods::{Behaviour, TestMethod},
};

/// The peculiarity of a payment method that would pay otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quirk {
    /// It was used before and belongs to no customer.
    UsedUp,
    /// It pays in euros only.
    OnlyEuro,
    /// The account's balance does not cover refunds of its payments.
    NoBalanceForRefunds,
    /// Refunds of its payments are pending at first.
    PendingRefunds,
    /// Refunds of its payments succeed, and fail right after.
    FailingRefunds,
    /// Its payments are disputed as soon as they are captured, for this reason.
    Disputed(&'static str),
}

pub(super) const METHODS: [TestMethod; 7] = [
    quirky("pm_sandbox_usedUp", Quirk::UsedUp),
    quirky("pm_sandbox_onlyEuro", Quirk::OnlyEuro),
    quirky("pm_sandbox_noBalanceForRefunds", Quirk::NoBalanceForRefunds),
    quirky("pm_card_pendingRefund", Quirk::PendingRefunds),
    quirky("pm_card_refundFail", Quirk::FailingRefunds),
    quirky("pm_card_createDispute", Quirk::Disputed("fraudulent")),
    quirky("pm_card_createDisputeProductNotReceived", Quirk::Disputed("product_not_received")),
];

const fn quirky(id: &'static str, quirk: Quirk) -> TestMethod {
    TestMethod {
        id,
        brand: "visa",
        last4: "4242",
        behaviour: Behaviour::Approve,
        quirk: Some(quirk),
        wallet: None,
    }
}

/// Rejects a method that cannot pay in this currency, or not again. Nothing is created.
pub(crate) fn check_usable(method: &TestMethod, currency: StripeCurrency) -> Result<()> {
    match method.quirk {
        Some(Quirk::UsedUp) => {
            let message = "The provided PaymentMethod was previously used with a PaymentIntent without Customer \
                 attachment, shared with a connected account without Customer attachment, or was detached from a \
                 Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach it to a \
                 Customer first.";
            StripeError::invalid(message).refuse()
        }
        Some(Quirk::OnlyEuro) if currency.code() != "eur" => {
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

/// Disputes the capture if the payment method's payments are always disputed.
pub(crate) fn dispute_captured(context: &mut RequestContext<'_>, charge: &str) {
    let quirk = context.objects.charges.get(charge).and_then(|charge| charge.method.quirk);
    if let Some(Quirk::Disputed(reason)) = quirk {
        dispute::open(context, charge, reason);
    }
}

/// Rejects a refund that the account's balance does not cover.
pub(crate) fn check_balance(method: &TestMethod) -> Result<()> {
    if method.quirk != Some(Quirk::NoBalanceForRefunds) {
        return Ok(());
    }
    let message = "Your account does not have a sufficient balance to cover this refund.";
    StripeError::invalid(message).code("balance_insufficient").refuse()
}
