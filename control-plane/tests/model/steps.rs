//! What can come next, and how likely it is.

use proptest::prelude::*;

use crate::happenings::Happening;
use crate::provider::{Decision, Mishap};
use crate::refunds;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A client wants something of the payment. It resubmits the order when its payer may have acted, or later.
    Resume,
    Capture {
        amount: u8,
    },
    Cancel,
    /// The gateway takes the order without the client.
    ResumeByGateway,
    /// What is unknown is asked for once more, as long as its key is valid.
    Repeat,
    /// Its call reaches the provider, which decides.
    Execute(Decision, Mishap),
    /// A request that nobody waits for any more reaches the provider.
    Arrive {
        which: u8,
        decision: Decision,
    },
    /// The call ends at ours: with the answer, if there is one.
    Hear(Hearing),
    /// The process that calls is gone.
    Crash,
    /// What nobody works on any more is taken up.
    Lost,
    BeginAgain,
    GiveUp,
    /// Something happens at the provider by itself.
    Happens(Happening),
    /// The provider is read, as it was so many seconds ago.
    Read {
        lag: u8,
    },
    Pass(Pause),
    Refund(refunds::RefundStep),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hearing {
    Answer,
    /// The answer is lost on the way.
    Nothing,
    /// Certainly not sent. Only if it was not.
    NotSent,
    /// Turned away: our account is at fault.
    TurnedAway,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Pause {
    /// Longer than reads lag.
    Seconds,
    /// Longer than any key is kept.
    Hours,
}

impl Pause {
    pub(crate) const fn seconds(self) -> u32 {
        match self {
            Self::Seconds => 11,
            Self::Hours => 5 * 3_600,
        }
    }
}

/// Reads lag for less time than the gateway waits for them to catch up.
const LAG_MAX_S: u8 = 9;

pub(crate) fn decision() -> impl Strategy<Value = Decision> {
    prop_oneof![
        4 => Just(Decision::Done),
        2 => Just(Decision::Later),
        2 => Just(Decision::AskPayer),
        1 => Just(Decision::Decline),
    ]
}

pub(crate) fn mishap() -> impl Strategy<Value = Mishap> {
    prop_oneof![
        4 => Just(Mishap::None),
        1 => Just(Mishap::FailsBefore),
        1 => Just(Mishap::FailsAfter),
    ]
}

pub(crate) fn hearing() -> impl Strategy<Value = Hearing> {
    prop_oneof![
        4 => Just(Hearing::Answer),
        2 => Just(Hearing::Nothing),
        1 => Just(Hearing::NotSent),
        1 => Just(Hearing::TurnedAway),
    ]
}

pub(crate) fn lag() -> impl Strategy<Value = u8> {
    prop_oneof![1 => Just(0), 1 => 0..=LAG_MAX_S]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => Just(Happening::Pays),
        2 => Just(Happening::Approves),
        1 => Just(Happening::ApprovesInVain),
        2 => Just(Happening::Denied),
        1 => Just(Happening::DeniedForGood),
        1 => Just(Happening::Expires),
        2 => Just(Happening::CanceledInDashboard),
        1 => (0..=100_u8).prop_map(|amount| Happening::CapturedInDashboard { amount }),
    ]
}

/// `refunds`: how likely one is about a refund, where 50 is as likely as all the rest.
pub(crate) fn step(refunds: u32) -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => Just(Step::Resume),
        1 => Just(Step::ResumeByGateway),
        2 => (0..=100_u8).prop_map(|amount| Step::Capture { amount }),
        2 => Just(Step::Cancel),
        2 => Just(Step::Repeat),
        8 => (decision(), mishap()).prop_map(|(decision, mishap)| Step::Execute(decision, mishap)),
        2 => (0..2_u8, decision()).prop_map(|(which, decision)| Step::Arrive { which, decision }),
        8 => hearing().prop_map(Step::Hear),
        1 => Just(Step::Crash),
        2 => Just(Step::Lost),
        2 => Just(Step::BeginAgain),
        1 => Just(Step::GiveUp),
        5 => happening().prop_map(Step::Happens),
        5 => lag().prop_map(|lag| Step::Read { lag }),
        1 => Just(Step::Pass(Pause::Seconds)),
        1 => Just(Step::Pass(Pause::Hours)),
        refunds => crate::refunds::step().prop_map(Step::Refund),
    ]
}
