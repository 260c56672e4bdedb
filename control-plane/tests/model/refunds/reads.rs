//! The provider's complete list of the refunds is read, and what follows from it is recorded.

use payments::model::refund::{Refund, RefundState};
use payments::model::snapshot::{Applied, OwnCall, RefundSnapshot};
use proptest::test_runner::TestCaseError;

use super::{moves, reserve};
use crate::keys::HORIZON;
use crate::transitions::By;
use crate::world::World;

pub(super) fn read(world: &mut World, lag: u8) -> Result<(), TestCaseError> {
    if world.payment.captured().is_none() {
        return Ok(());
    }
    let refunds = &world.refunds;
    let ours = |attempt| {
        let known = refunds.ours.iter().find(|ours| ours.attempt == Some(attempt));
        known.map(|ours| ours.refund.clone())
    };
    let then = world.second().saturating_sub(lag.into());
    let list = refunds.books.list(&world.payment, ours, world.provider.truth, then);
    let asked = refunds.ours.len();
    for seen in list.iter().filter(|seen| !world.payment.is_release(seen)).collect::<Vec<_>>() {
        match world.refunds.ours.iter().position(|ours| ours.refund.is(seen)) {
            Some(n) => apply(world, n, seen, lag)?,
            None => record(world, seen, &list)?,
        }
    }
    for n in 0..asked {
        let refund = &world.refunds.ours[n].refund;
        if list.iter().any(|seen| refund.is(seen)) {
            continue;
        }
        if let Some(moved) = refund.apply_absence(is_left_to_records(world, refund), world.now()) {
            moves(world, n, By::Read, Ok(moved))?;
        }
    }
    Ok(())
}

fn is_left_to_records(world: &World, refund: &Refund) -> bool {
    refund.state.call().is_some_and(|call| call.is_left_to_records(HORIZON, world.now()))
}

fn apply(world: &mut World, n: usize, seen: &RefundSnapshot, lag: u8) -> Result<(), TestCaseError> {
    let ours = &world.refunds.ours[n];
    let is_calling = matches!(ours.refund.state, RefundState::Processing { .. });
    let call = if is_calling && ours.wire.awaits(|_| true) { OwnCall::MayAnswer } else { OwnCall::IsOver };
    match ours.refund.apply(seen, call, world.now()) {
        Applied::Moved(moved) | Applied::Surprising(moved) => moves(world, n, By::Read, Ok(moved)),
        Applied::Refused(problem) if lag == 0 => Err(TestCaseError::fail(problem)),
        Applied::Known | Applied::Wait | Applied::Refused(_) => Ok(()),
    }
}

/// Not one that we know: it takes the place of one of ours that no call can make any more, may yet be one of ours that is
/// undecided, or was made at the dashboard.
fn record(world: &mut World, seen: &RefundSnapshot, list: &[RefundSnapshot]) -> Result<(), TestCaseError> {
    let now = world.now();
    let resolved = world.refunds.ours.iter().enumerate().find_map(|(n, ours)| {
        let is_left = is_left_to_records(world, &ours.refund);
        Some((n, ours.refund.resolved_by(seen, list, is_left, now)?))
    });
    if let Some((n, moved)) = resolved {
        return moves(world, n, By::Read, Ok(moved));
    }
    let may_be = |refund: &Refund| {
        let is_undecided = refund.state.call().is_some();
        is_undecided && seen.money == Some(refund.money())
    };
    if world.refunds.ours.iter().any(|ours| may_be(&ours.refund)) {
        return Ok(());
    }
    // What cannot be recorded now is read again later.
    if let Ok(Some(refund)) = Refund::external(&world.payment, seen, now) {
        reserve(world, None, refund);
    }
    Ok(())
}
