//! What the client wants charged.

use edge_core::money::{Amount, Currency, Money};
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Metadata, PaymentMethodId};

/// What a charge was asked for with, kept for as long as the payment: what the provider is asked for follows from it,
/// however often it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeTerms {
    pub provider: Provider,
    pub amount: Amount,
    pub currency: Currency,
    /// `None`: the payer chooses at the provider's page.
    pub payment_method_id: Option<PaymentMethodId>,
    pub capture: CaptureMode,
    /// Shown to the payer where the provider can.
    pub description: Option<String>,
    pub metadata: Metadata,
    /// Where the payer's browser goes after a step outside.
    pub return_url: Option<String>,
    /// The client's own name for the payer or the order.
    pub customer_reference: Option<String>,
}

impl ChargeTerms {
    #[must_use]
    pub const fn money(&self) -> Money {
        Money { amount: self.amount, currency: self.currency }
    }
}
