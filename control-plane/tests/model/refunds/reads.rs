//! The provider's complete list of the refunds is read, and what follows from it is recorded.

use payments::model::refund::{Refund, RefundState};
use payments::model::snapshot::{Applied, OwnCall, RefundSnapshot};
use proptest::test_runner::TestCaseError;

use super::{moves, reserve};
use crate::keys::HORIZON;
use crate::simulation::Simulation;
use crate::transitions::By;

pub(super) fn read(simulation: &mut Simulation, lag: u8) -> Result<(), TestCaseError> {
    if simulation.payment.captured().is_none() {
        return Ok(());
    }
    let refunds = &simulation.refunds;
    let ours = |attempt| {
        let known = refunds.ours.iter().find(|ours| ours.attempt == Some(attempt));
        known.map(|ours| ours.refund.clone())
    };
    let then = simulation.second().saturating_sub(lag.into());
    let list = refunds.provider_refunds.list(&simulation.payment, ours, simulation.provider.truth, then);
    let asked = refunds.ours.len();
    for seen in list.iter().filter(|seen| !simulation.payment.is_release(seen)).collect::<Vec<_>>() {
        match simulation.refunds.ours.iter().position(|ours| ours.refund.is(seen)) {
            Some(n) => apply(simulation, n, seen, lag)?,
            None => record(simulation, seen, &list)?,
        }
    }
    for n in 0..asked {
        let refund = &simulation.refunds.ours[n].refund;
        if list.iter().any(|seen| refund.is(seen)) {
            continue;
        }
        if let Some(moved) = refund.apply_absence(is_left_to_records(simulation, refund), simulation.now()) {
            moves(simulation, n, By::Read, Ok(moved))?;
        }
    }
    Ok(())
}

fn is_left_to_records(simulation: &Simulation, refund: &Refund) -> bool {
    refund.state.call().is_some_and(|call| call.is_left_to_records(HORIZON, simulation.now()))
}

fn apply(simulation: &mut Simulation, n: usize, seen: &RefundSnapshot, lag: u8) -> Result<(), TestCaseError> {
    let ours = &simulation.refunds.ours[n];
    let is_calling = matches!(ours.refund.state, RefundState::Processing { .. });
    let call = if is_calling && ours.wire.awaits(|_| true) { OwnCall::MayAnswer } else { OwnCall::IsOver };
    match ours.refund.apply(seen, call, simulation.now()) {
        Applied::Moved(moved) | Applied::Surprising(moved) => moves(simulation, n, By::Read, Ok(moved)),
        Applied::Refused(problem) if lag == 0 => Err(TestCaseError::fail(problem)),
        Applied::Known | Applied::Wait | Applied::Refused(_) => Ok(()),
    }
}

/// Not one that we know: it takes the place of one of ours that no call can make any more, may yet be one of ours that
/// is undecided, or was made at the dashboard.
fn record(
    simulation: &mut Simulation,
    seen: &RefundSnapshot,
    list: &[RefundSnapshot],
) -> Result<(), TestCaseError> {
    let now = simulation.now();
    let resolved = simulation.refunds.ours.iter().enumerate().find_map(|(n, ours)| {
        let is_left = is_left_to_records(simulation, &ours.refund);
        Some((n, ours.refund.resolved_by(seen, list, is_left, now)?))
    });
    if let Some((n, moved)) = resolved {
        return moves(simulation, n, By::Read, Ok(moved));
    }
    let may_be = |refund: &Refund| {
        let is_undecided = refund.state.call().is_some();
        is_undecided && seen.money == Some(refund.money())
    };
    if simulation.refunds.ours.iter().any(|ours| may_be(&ours.refund)) {
        return Ok(());
    }
    // What cannot be recorded now is read again later.
    if let Ok(Some(refund)) = Refund::external(&simulation.payment, seen, now) {
        reserve(simulation, None, refund);
    }
    Ok(())
}
