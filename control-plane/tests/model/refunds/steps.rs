//! What can come next for a refund.

use proptest::prelude::*;

use crate::provider::{Decision, Mishap};
use crate::steps::{Hearing, decision, hearing, lag, mishap};

/// One of the refunds, and what is done with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RefundStep {
    pub(super) which: u8,
    pub(super) action: Action,
}

impl RefundStep {
    pub(crate) const fn of_the_first(action: Action) -> Self {
        Self { which: 0, action }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// A client wants a new one.
    Open {
        amount: u8,
    },
    /// The payment was canceled while it was in flight.
    GiveBackTheRest,
    /// A person makes one at the provider's dashboard.
    Dashboard {
        amount: u8,
    },
    Execute(Decision, Mishap),
    Arrive(Decision),
    Hear(Hearing),
    Crash,
    Lost,
    BeginAgain,
    GiveUp,
    Happens(Decision),
    /// All of them, as they were so many seconds ago.
    Read {
        lag: u8,
    },
}

/// Few amounts, so that one refund may be taken for another.
fn amount() -> impl Strategy<Value = u8> {
    prop_oneof![2 => Just(20), 1 => 1..=100_u8]
}

pub(crate) fn step() -> impl Strategy<Value = RefundStep> {
    let action = prop_oneof![
        2 => amount().prop_map(|amount| Action::Open { amount }),
        1 => Just(Action::GiveBackTheRest),
        1 => amount().prop_map(|amount| Action::Dashboard { amount }),
        5 => (decision(), mishap()).prop_map(|(decision, mishap)| Action::Execute(decision, mishap)),
        1 => decision().prop_map(Action::Arrive),
        5 => hearing().prop_map(Action::Hear),
        1 => Just(Action::Crash),
        1 => Just(Action::Lost),
        2 => Just(Action::BeginAgain),
        1 => Just(Action::GiveUp),
        2 => prop_oneof![Just(Decision::Done), Just(Decision::Decline)].prop_map(Action::Happens),
        3 => lag().prop_map(|lag| Action::Read { lag }),
    ];
    let which = prop_oneof![2 => Just(0_u8), 1 => 0..4_u8];
    (which, action).prop_map(|(which, action)| RefundStep { which, action })
}
