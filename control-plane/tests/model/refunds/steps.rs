//! What can come next for a refund.

use proptest::prelude::*;

use crate::provider::{Decision, Mishap};
use crate::steps::{Hearing, decision, hearing, lag, mishap};

/// One of the refunds, and what is done with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(super) which: u8,
    pub(super) doing: Doing,
}

impl Step {
    pub(crate) const fn of_the_first(doing: Doing) -> Self {
        Self { which: 0, doing }
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Doing {
    /// A client wants a new one.
    Open {
        amount: u8,
    },
    /// The payment was canceled while it was under way.
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

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let doing = prop_oneof![
        2 => amount().prop_map(|amount| Doing::Open { amount }),
        1 => Just(Doing::GiveBackTheRest),
        1 => amount().prop_map(|amount| Doing::Dashboard { amount }),
        5 => (decision(), mishap()).prop_map(|(decision, mishap)| Doing::Execute(decision, mishap)),
        1 => decision().prop_map(Doing::Arrive),
        5 => hearing().prop_map(Doing::Hear),
        1 => Just(Doing::Crash),
        1 => Just(Doing::Lost),
        2 => Just(Doing::BeginAgain),
        1 => Just(Doing::GiveUp),
        2 => prop_oneof![Just(Decision::Done), Just(Decision::Decline)].prop_map(Doing::Happens),
        3 => lag().prop_map(|lag| Doing::Read { lag }),
    ];
    let which = prop_oneof![2 => Just(0_u8), 1 => 0..4_u8];
    (which, doing).prop_map(|(which, doing)| Step { which, doing })
}
