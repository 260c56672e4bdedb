//! Finds the payment that an event is about.

use super::{Job, SyncError};
use crate::model::payment::Payment;
use crate::model::provider::ProviderRef;
use crate::model::snapshot::{Found, LookUp, ProviderSnapshot, RefundLookUp};
use crate::model::webhook::EventRefs;

impl Job<'_> {
    /// Searches by the event's references, else by what the provider returns for them. `None`: no payment of this
    /// gateway.
    pub(crate) async fn find(&self, refs: &EventRefs) -> Result<Option<Payment>, SyncError> {
        if let Some(found) = self.known(refs.payment, refs.reference.as_ref()).await? {
            return Ok(Some(found));
        }
        let mut charge = refs.charge.clone();
        if let (None, None, Some(refund)) = (&refs.reference, &charge, &refs.refund) {
            charge = self.charge_of(refund).await?;
        }
        let places = [refs.reference.clone().map(LookUp::Payment), charge.map(LookUp::Charge)];
        for place in places.into_iter().flatten() {
            match self.provider.look_up(&place).await {
                Found::Found(ProviderSnapshot { payment, reference, .. }) => {
                    let found = self.known(payment, Some(&reference)).await?;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                Found::Missing | Found::CannotAsk => {}
                Found::Unavailable(uncertainty) => return Err(SyncError::Failed(uncertainty.reason)),
            }
        }
        Ok(None)
    }

    async fn known(
        &self,
        id: Option<crate::model::id::PaymentId>,
        reference: Option<&ProviderRef>,
    ) -> Result<Option<Payment>, SyncError> {
        let store = &self.gateway.store;
        if let Some(id) = id {
            let found = store.payment_by_id(id).await?;
            if let Some(found) = found.filter(|found| found.request.provider == self.event.provider) {
                return Ok(Some(found));
            }
        }
        match reference {
            Some(reference) => Ok(store.payment_by_reference(self.event.provider, reference).await?),
            None => Ok(None),
        }
    }

    async fn charge_of(&self, refund: &ProviderRef) -> Result<Option<ProviderRef>, SyncError> {
        match self.provider.look_up_refunds(&RefundLookUp::One(refund.clone())).await {
            Found::Found(seen) => Ok(seen.into_iter().find_map(|seen| seen.charge)),
            Found::Missing | Found::CannotAsk => Ok(None),
            Found::Unavailable(uncertainty) => Err(SyncError::Failed(uncertainty.reason)),
        }
    }
}
