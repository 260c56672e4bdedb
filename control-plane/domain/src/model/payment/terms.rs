//! The terms of a charge as the client requested it.

use edge_core::money::{Amount, Currency, Money};
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Metadata, PaymentMethodId, Verification, Wallet};

/// The terms of a charge, stored as long as the payment: every call to the provider, repeats included, derives from
/// them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChargeTerms {
    pub provider: Provider,
    pub amount: Amount,
    pub currency: Currency,
    /// `None`: the payer chooses on the provider's page.
    pub payment_method_id: Option<PaymentMethodId>,
    /// The wallet that the payer's browser confirms the order with.
    pub wallet: Option<Wallet>,
    /// Whether the payer has to authenticate when confirming; `None`: the provider decides.
    pub verification: Option<Verification>,
    pub capture: CaptureMode,
    /// Shown to the payer if the provider supports it.
    pub description: Option<String>,
    pub metadata: Metadata,
    /// Where the payer's browser returns to after a step at the provider.
    pub return_url: Option<String>,
    /// The client's reference for the payer or the order.
    pub customer_reference: Option<String>,
}

impl ChargeTerms {
    #[must_use]
    pub const fn money(&self) -> Money {
        Money { amount: self.amount, currency: self.currency }
    }
}
