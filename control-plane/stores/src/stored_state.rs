//! A payment's state as stored, with what was paid with and how it was to be captured beside it: earlier releases
//! ignore that, and lose it when they move the payment. The request says how to capture, too, but may end before the
//! payment.

use edge_core::request::CaptureMode;
use payments::model::paid_with::PaidWith;
use payments::model::payment::{Payment, State};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
pub(super) struct StoredState {
    #[serde(flatten)]
    pub(super) state: State,
    #[serde(rename = "paidWith", default)]
    pub(super) paid_with: Option<PaidWith>,
    #[serde(default)]
    pub(super) capture: Option<CaptureMode>,
}

/// As [`StoredState`], to be written.
#[derive(Serialize)]
pub(super) struct WrittenState<'a> {
    #[serde(flatten)]
    state: &'a State,
    #[serde(rename = "paidWith", skip_serializing_if = "Option::is_none")]
    paid_with: Option<&'a PaidWith>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capture: Option<CaptureMode>,
}

impl<'a> From<&'a Payment> for WrittenState<'a> {
    fn from(payment: &'a Payment) -> Self {
        // Only where the state cannot show it: a payment that is authorized or captured is captured by hand.
        let is_shown = matches!(payment.state, State::Authorized(_) | State::Captured { .. });
        let is_usual = payment.request.capture == CaptureMode::Automatic;
        let capture = (!is_shown && !is_usual).then_some(payment.request.capture);
        Self { state: &payment.state, paid_with: payment.paid_with.as_ref(), capture }
    }
}

#[cfg(test)]
mod tests {
    use payments::model::payer_action::PayerAction;
    use payments::model::payment::{Authorization, CancelReason, ResumedBy, Session};
    use payments::model::provider::ProviderRef;

    use super::*;

    fn states() -> Vec<State> {
        let reference = || ProviderRef::new("pi_1");
        let session = Session::new(reference(), PayerAction::ConfirmOrder, false);
        vec![
            State::Created,
            State::RequiresAction(session),
            State::Authorized(Authorization::new(reference())),
            State::Completed { charge: reference(), to_refund: false, resumed_by: None },
            State::Canceled { reason: Some(CancelReason::Expired), resumed_by: Some(ResumedBy::Gateway) },
        ]
    }

    #[test]
    fn what_was_paid_with_stands_beside_the_state_which_earlier_releases_read_alone() {
        let paid_with = PaidWith {
            kind: "card".to_owned(),
            wallet: Some("apple_pay".to_owned()),
            brand: Some("visa".to_owned()),
            last4: Some("4242".to_owned()),
        };
        for state in states() {
            for paid_with in [None, Some(&paid_with)] {
                let written =
                    serde_json::to_string(&WrittenState { state: &state, paid_with, capture: None }).unwrap();
                let read: StoredState = serde_json::from_str(&written).unwrap();
                assert_eq!((&read.state, read.paid_with.as_ref()), (&state, paid_with), "{written}");
                assert_eq!(serde_json::from_str::<State>(&written).unwrap(), state, "{written}");
            }
            let alone = serde_json::to_string(&state).unwrap();
            assert_eq!(
                serde_json::to_string(&WrittenState { state: &state, paid_with: None, capture: None })
                    .unwrap(),
                alone
            );
            assert_eq!(serde_json::from_str::<StoredState>(&alone).unwrap().state, state);
        }
    }
}
