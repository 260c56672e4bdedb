//! The documented transitions, and nothing else.

use std::collections::BTreeSet;

use payments::model::payment::{Operation, State};
use payments::model::refund::RefundState;

/// What sets a transition off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    /// We ourselves: a client's wish, a worker's try. Never evidence of what the provider did.
    Us,
    /// The provider's answer to a call.
    Answer,
    /// A read of the provider's object.
    Read,
}

pub(crate) type Move = (&'static str, By, &'static str);

/// A payment's state, with what is in flight.
pub(crate) fn name(state: &State) -> &'static str {
    let named = |charge, resume, capture, cancel| match &state.in_flight().expect("a call").operation {
        Operation::Charge => charge,
        Operation::Resume(_) => resume,
        Operation::Capture { .. } => capture,
        Operation::Cancel(_) => cancel,
    };
    match state {
        State::Processing { accepted: false, .. } => named("charging", "resuming", "capturing", "canceling"),
        State::Processing { accepted: true, .. } => {
            named("charge accepted", "resume accepted", "capture accepted", "cancel accepted")
        }
        State::Queued { .. } => named("charge queued", "resume queued", "capture queued", "cancel queued"),
        State::Unknown { .. } => {
            named("charge unknown", "resume unknown", "capture unknown", "cancel unknown")
        }
        other => other.name(),
    }
}

pub(crate) fn refund_name(state: &RefundState) -> &'static str {
    match state {
        RefundState::Processing { .. } => "refunding",
        RefundState::Queued { .. } => "refund queued",
        RefundState::Unknown { .. } => "refund unknown",
        RefundState::Pending { .. } => "refund pending",
        RefundState::Processed { .. } => "refunded",
        RefundState::Failed { .. } => "refund failed",
    }
}

/// From where, by what, to where. Completed, captured, canceled and refunds that failed are left by nothing here: only
/// money that moved against what the provider had said would move them. `X` to `X` by us: it is to be canceled, once
/// the outcome is known.
const DOCUMENTED: &[Row] = &[
    ("created", By::Us, &["charging"]),
    ("charging", By::Us, &["charge unknown"]),
    (
        "charging",
        By::Answer,
        &[
            "charge accepted",
            "charge queued",
            "charge unknown",
            "requires_action",
            "authorized",
            "completed",
            "failed",
        ],
    ),
    (
        "charging",
        By::Read,
        &["charge accepted", "requires_action", "authorized", "completed", "captured", "canceled", "failed"],
    ),
    ("charge queued", By::Us, &["charging", "canceled", "failed"]),
    ("charge unknown", By::Us, &["charge unknown"]),
    (
        "charge unknown",
        By::Answer,
        &[
            "charge accepted",
            "charge unknown",
            "requires_action",
            "authorized",
            "completed",
            "cancel queued",
            "failed",
        ],
    ),
    (
        "charge unknown",
        By::Read,
        &[
            "charge accepted",
            "requires_action",
            "authorized",
            "completed",
            "captured",
            "canceled",
            "cancel queued",
            "failed",
        ],
    ),
    ("charge accepted", By::Us, &["charge accepted"]),
    (
        "charge accepted",
        By::Answer,
        &["charge accepted", "requires_action", "authorized", "completed", "cancel queued", "failed"],
    ),
    (
        "charge accepted",
        By::Read,
        &["requires_action", "authorized", "completed", "captured", "canceled", "cancel queued", "failed"],
    ),
    ("requires_action", By::Us, &["resuming", "canceling", "failed"]),
    ("requires_action", By::Read, &["authorized", "completed", "captured", "canceled", "failed"]),
    ("resuming", By::Us, &["resume unknown"]),
    (
        "resuming",
        By::Answer,
        &[
            "resume accepted",
            "resume queued",
            "resume unknown",
            "requires_action",
            "authorized",
            "completed",
            "canceled",
            "failed",
        ],
    ),
    (
        "resuming",
        By::Read,
        &["resume accepted", "requires_action", "authorized", "completed", "captured", "canceled", "failed"],
    ),
    ("resume queued", By::Us, &["resuming", "canceling", "requires_action"]),
    (
        "resume queued",
        By::Read,
        &["resume accepted", "authorized", "completed", "captured", "canceled", "failed"],
    ),
    ("resume unknown", By::Us, &["resume unknown"]),
    (
        "resume unknown",
        By::Answer,
        &[
            "resume accepted",
            "resume unknown",
            "requires_action",
            "authorized",
            "completed",
            "cancel queued",
            "failed",
        ],
    ),
    (
        "resume unknown",
        By::Read,
        &[
            "resume accepted",
            "requires_action",
            "authorized",
            "completed",
            "captured",
            "canceled",
            "cancel queued",
            "failed",
        ],
    ),
    ("resume accepted", By::Us, &["resume accepted"]),
    (
        "resume accepted",
        By::Answer,
        &["resume accepted", "requires_action", "authorized", "completed", "cancel queued", "failed"],
    ),
    (
        "resume accepted",
        By::Read,
        &["requires_action", "authorized", "completed", "captured", "canceled", "cancel queued", "failed"],
    ),
    ("authorized", By::Us, &["capturing", "canceling"]),
    ("authorized", By::Read, &["captured", "canceled"]),
    ("capturing", By::Us, &["capture unknown"]),
    (
        "capturing",
        By::Answer,
        &["capture accepted", "capture queued", "capture unknown", "authorized", "captured", "canceled"],
    ),
    ("capturing", By::Read, &["authorized", "captured", "canceled"]),
    ("capture queued", By::Us, &["capturing", "canceling", "authorized"]),
    ("capture queued", By::Read, &["captured", "canceled"]),
    ("capture unknown", By::Us, &["capture unknown"]),
    (
        "capture unknown",
        By::Answer,
        &["capture accepted", "capture unknown", "authorized", "captured", "cancel queued"],
    ),
    ("capture unknown", By::Read, &["authorized", "captured", "canceled", "cancel queued"]),
    ("capture accepted", By::Us, &["capture accepted"]),
    ("capture accepted", By::Answer, &["capture accepted", "authorized", "captured", "cancel queued"]),
    ("capture accepted", By::Read, &["authorized", "captured", "canceled", "cancel queued"]),
    ("canceling", By::Us, &["cancel unknown"]),
    (
        "canceling",
        By::Answer,
        &["cancel queued", "cancel unknown", "requires_action", "authorized", "canceled"],
    ),
    ("canceling", By::Read, &["completed", "captured", "canceled", "failed"]),
    ("cancel queued", By::Us, &["canceling", "requires_action", "authorized"]),
    ("cancel queued", By::Read, &["completed", "captured", "canceled", "failed"]),
    ("cancel unknown", By::Answer, &["cancel unknown", "requires_action", "authorized", "canceled"]),
    (
        "cancel unknown",
        By::Read,
        &["requires_action", "authorized", "completed", "captured", "canceled", "failed"],
    ),
    // It was canceled meanwhile, and is read as it was before.
    ("failed", By::Read, &["authorized"]),
    ("refunding", By::Us, &["refund unknown"]),
    (
        "refunding",
        By::Answer,
        &["refund queued", "refund unknown", "refund pending", "refunded", "refund failed"],
    ),
    ("refunding", By::Read, &["refund pending", "refunded", "refund failed"]),
    ("refund queued", By::Us, &["refunding", "refund failed"]),
    ("refund unknown", By::Answer, &["refund unknown", "refund pending", "refunded", "refund failed"]),
    ("refund unknown", By::Read, &["refund pending", "refunded", "refund failed"]),
    ("refund pending", By::Read, &["refunded", "refund failed"]),
    ("refunded", By::Read, &["refund failed"]),
];

type Row = (&'static str, By, &'static [&'static str]);

pub(crate) fn is_documented((from, by, to): Move) -> bool {
    DOCUMENTED.iter().any(|row| (row.0, row.1) == (from, by) && row.2.contains(&to))
}

/// Those that were not seen.
pub(crate) fn unused(seen: &BTreeSet<Move>) -> Vec<Move> {
    let all = DOCUMENTED.iter().flat_map(|(from, by, to)| to.iter().map(|to| (*from, *by, *to)));
    all.filter(|step| !seen.contains(step)).collect()
}
