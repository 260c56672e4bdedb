//! Whether an object of the provider is this payment.

use crate::model::payment::Payment;
use crate::model::provider::ProviderRef;
use crate::model::snapshot::ProviderSnapshot;

impl Payment {
    /// Whether the object belongs to this payment: its reference is recorded, or it names the payment.
    #[must_use]
    pub fn is_shown_by(&self, seen: &ProviderSnapshot) -> bool {
        self.reference.as_ref() == Some(&seen.reference)
            || seen.payment == Some(self.id)
            || self.names(&seen.reference)
    }

    /// Checks for the same object, owner and money; the error names the difference.
    pub(crate) fn is_described_by(&self, seen: &ProviderSnapshot) -> Result<(), &'static str> {
        if self.reference.as_ref().is_some_and(|known| *known != seen.reference) {
            return Err("another object of the provider names this payment");
        }
        match seen.payment {
            Some(id) if id == self.id => {}
            Some(_) => return Err("the provider's object belongs to another payment"),
            // A client may create an order itself; then the order is the one that the client's request named. Once the
            // request has ended, only the reference identifies it.
            None if self.names(&seen.reference) => {}
            None => return Err("the provider's object does not name this payment"),
        }
        match seen.money {
            Some(money) if money.currency != self.request.currency => Err("the currency is another one"),
            Some(money) if money != self.money() => Err("the amount is another one"),
            _ => Ok(()),
        }
    }

    pub(super) fn names(&self, reference: &ProviderRef) -> bool {
        if self.is_erased {
            return self.reference.as_ref() == Some(reference);
        }
        self.request.payment_method_id.as_ref().is_some_and(|id| id.as_str() == reference.as_str())
    }
}
