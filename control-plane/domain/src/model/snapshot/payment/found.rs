//! Restores the record of a payment that only the provider still has.

use edge_core::money::Money;
use edge_core::provider::Provider;
use edge_core::request::Metadata;
use jiff::Timestamp;

use super::next::Next;
use crate::model::payment::{ChargeTerms, Payment};
use crate::model::snapshot::{Origin, ProviderSnapshot, ProviderStatus};

impl Payment {
    /// Restores the lost record of one of our payments: as it was opened, and as the provider shows it. `None` if no
    /// money was moved or held for it.
    #[must_use]
    pub fn found(
        provider: Provider,
        seen: &ProviderSnapshot,
        origin: &Origin,
        at: Timestamp,
    ) -> Option<[Self; 2]> {
        let Money { amount, currency } = seen.money?;
        // Omits payer data: sealed with today's key, it would outlive its retention.
        let request = ChargeTerms {
            provider,
            amount,
            currency,
            payment_method_id: None,
            wallet: None,
            verification: None,
            capture: origin.capture,
            description: None,
            metadata: Metadata::default(),
            return_url: None,
            customer_reference: None,
        };
        let id = seen.payment?;
        // Lists assume that ids and creation times have the same order.
        let created_at = id.made_at().map_or(at, |made| made.min(at));
        let opened = Self { created_at, ..Self::open(id, origin.client.clone(), request, None, at) };
        let next = match &seen.provider_status {
            ProviderStatus::Captured { charge, money } => opened.captured_at(charge, *money),
            ProviderStatus::Authorized { authorization, .. } => opened.authorized_at(authorization),
            _ => return None,
        };
        let Next::State(state) = next else { return None };
        let found = opened.clone().enter(state, Some(seen.reference.clone()), at);
        let found = found.paid_by(seen.paid_with.clone());
        Some([opened, found])
    }
}

#[cfg(test)]
mod tests {
    use edge_core::request::CaptureMode;

    use super::*;
    use crate::model::provider::ProviderRef;
    use crate::model::samples::charge;

    /// It is stored with a data key of today, however old it is.
    #[test]
    fn a_payment_that_is_recorded_again_has_nothing_of_its_payer() {
        let lost = charge(CaptureMode::Automatic);
        let reference = ProviderRef::new("pi_1");
        let seen = ProviderSnapshot {
            reference: reference.clone(),
            payment: Some(lost.id),
            money: Some(lost.money()),
            paid_with: None,
            provider_status: ProviderStatus::Captured { charge: reference, money: lost.money() },
        };
        let origin = Origin { client: lost.client.clone(), capture: CaptureMode::Automatic };
        let of_nobody = ChargeTerms { payment_method_id: None, ..lost.request };
        for again in Payment::found(Provider::Stripe, &seen, &origin, Timestamp::UNIX_EPOCH).unwrap() {
            assert_eq!(again.request, of_nobody);
        }
    }
}
