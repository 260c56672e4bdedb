//! Whether PayPal takes the address and the app's credentials.

use super::errors::Problem;
use super::look_up::no_order;
use super::{Paypal, requests};
use crate::inspect::Fault;
use crate::paypal::token;

impl Paypal {
    pub(crate) async fn inspect(&self) -> Result<(), Fault> {
        let talk = self.client.look();
        let answer = talk.ask_for_token().await.map_err(Fault::unreached)?;
        if token::is_refused(&answer) {
            return Err(Fault::Credentials(
                "PayPal does not know these: id or secret is wrong, or they belong to PayPal's other system \
                 (PAYPAL_API_BASE)"
                    .to_owned(),
            ));
        }
        if !token::is_issued(&answer) {
            return Err(Fault::of_a_stranger("PayPal", &answer));
        }
        match talk.send(&requests::look_at_order(&no_order())).await {
            Ok(answer) if Problem::read(&answer).is_missing() => Ok(()),
            Ok(answer) if Problem::read(&answer).lacks_permission() => {
                Err(Fault::Credentials("this app may not use orders".to_owned()))
            }
            Ok(answer) => Err(Fault::of_a_stranger("PayPal", &answer)),
            Err(not_done) => Err(Fault::Passing(not_done.uncertainty().reason)),
        }
    }
}
