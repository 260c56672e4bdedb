//! Whether Stripe takes the address and the key.

use payments::model::provider::ProviderRef;

use super::{Stripe, errors, requests};
use crate::inspect::Fault;

/// Formed like a payment's id, but the id of no payment.
const NO_PAYMENT: &str = "pi_0";

impl Stripe {
    pub(crate) async fn inspect(&self) -> Result<(), Fault> {
        let nothing = requests::retrieve(&ProviderRef::new(NO_PAYMENT));
        let answer = self.transport.look().send(&nothing, &self.credential).await;
        let answer = answer.map_err(Fault::unreached)?;
        let Some(told) = errors::told(&answer) else { return Err(Fault::of_a_stranger("Stripe", &answer)) };
        match answer.status {
            // A 404 proves that the key is valid: an invalid key gets 401.
            404 => Ok(()),
            // Without Stripe's words, which repeat parts of the key.
            401 => Err(Fault::Credentials("Stripe does not know this key".to_owned())),
            403 => Err(Fault::Credentials(format!(
                "this key lacks a permission that the gateway needs: {}",
                told.message()
            ))),
            status if answer.is_of_a_working_provider() => Err(Fault::Credentials(format!(
                "Stripe refuses this key (status {status}): {}",
                told.message()
            ))),
            status => Err(Fault::Passing(format!("Stripe answers with status {status}; try again"))),
        }
    }
}
