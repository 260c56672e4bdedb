//! Brings forward work that was scheduled before the clock was set back. Otherwise it would be due only once the clock
//! catches up, minutes or a day later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use payments::model::work::{Lane, WorkKind};
use payments::ports::store::StoreError;
use payments::usecases::gateway::Gateway;
use tokio_util::sync::CancellationToken;

/// How often the clock is compared with one that nobody sets.
const COMPARE_EVERY: Duration = Duration::from_secs(1);

/// The least difference that counts as a jump. Time daemons that correct less do so gradually, and so does a thread
/// that gets no processor for a while between its looks at both clocks.
const JUMP_LEAST: SignedDuration = SignedDuration::from_secs(3);

/// How often work that is scheduled too far ahead is looked for although no jump was seen, first at the start: the
/// clock may have been set back while no process ran, or on another machine. Each check costs one index lookup per kind
/// and provider.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Jumps of this machine's clock, by direction.
const JUMPS: &str = "clock_jumps_total";

/// Watches the clock until `stop`. A jump back brings forward what was scheduled before it. `works`: this process does
/// due work, so it also looks for work that others scheduled too far ahead.
pub async fn run(gateway: Arc<Gateway>, works: bool, stop: CancellationToken) {
    for direction in ["back", "forward"] {
        metrics::counter!(JUMPS, "direction" => direction).increment(0);
    }
    let mut clocks = Clocks { wall: gateway.now(), steady: Instant::now() };
    let (mut looked_at, mut was_set_back) = (None::<Instant>, false);
    while stop.run_until_cancelled(tokio::time::sleep(COMPARE_EVERY)).await.is_some() {
        was_set_back |=
            clocks.jump(gateway.now(), Instant::now()).is_some_and(|jump| note(jump).is_negative());
        let outcome = if was_set_back {
            after_jump(&gateway).await.map(|()| was_set_back = false)
        } else if works && looked_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY) {
            looked_at = Some(Instant::now());
            once(&gateway).await.map(drop)
        } else {
            Ok(())
        };
        if let Err(problem) = outcome {
            tracing::warn!(error = %problem, "work scheduled too far ahead cannot be searched for now");
        }
    }
}

/// The machine's clock, which may be set, and one that only runs.
struct Clocks {
    wall: Timestamp,
    steady: Instant,
}

impl Clocks {
    /// How far the clock was set since the last call, if it was; below zero: back.
    fn jump(&mut self, wall: Timestamp, steady: Instant) -> Option<SignedDuration> {
        let passed =
            SignedDuration::try_from(steady.duration_since(self.steady)).unwrap_or(SignedDuration::MAX);
        let jump = wall.duration_since(self.wall).saturating_sub(passed);
        (self.wall, self.steady) = (wall, steady);
        (jump.abs() >= JUMP_LEAST).then_some(jump)
    }
}

fn note(jump: SignedDuration) -> SignedDuration {
    let direction = if jump.is_negative() { "back" } else { "forward" };
    metrics::counter!(JUMPS, "direction" => direction).increment(1);
    let seconds = jump.as_secs();
    tracing::warn!(
        seconds,
        direction,
        "this machine's clock was set, or the machine slept: check its time source"
    );
    jump
}

/// Makes everything due within a call's lease: what was scheduled before the clock was set back looks the same as
/// what was scheduled since, unless a call may still be in progress for it. Postponed work is tried early once, at
/// the pace that its provider and the budgets allow. Watches stay: they wait up to six hours, and a look-up of each
/// would take that long.
async fn after_jump(gateway: &Gateway) -> Result<(), StoreError> {
    let now = gateway.now();
    let soon = now.saturating_add(gateway.retries.policy().call_lease).unwrap_or(now);
    for lane in Lane::all().filter(|lane| lane.kind != WorkKind::Watch) {
        let number = gateway.store.bring_forward(lane, soon, soon).await?;
        if number > 0 {
            tracing::warn!(
                number, kind = lane.kind.name(), provider = %lane.provider,
                "the clock was set back: postponed work is due soon"
            );
        }
    }
    Ok(())
}

/// Makes work due now if it is scheduled further ahead than any backoff allows. Returns the number of pieces.
///
/// # Errors
/// The database is unavailable.
pub async fn once(gateway: &Gateway) -> Result<u64, StoreError> {
    let (now, mut all) = (gateway.now(), 0);
    for lane in Lane::all() {
        let furthest = now.saturating_add(gateway.retries.policy().furthest(lane.kind)).unwrap_or(now);
        let number = gateway.store.bring_forward(lane, furthest, now).await?;
        if number > 0 {
            tracing::warn!(
                number, kind = lane.kind.name(), provider = %lane.provider,
                "the clock was set back: work scheduled too far ahead is due now"
            );
        }
        all += number;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_told_from_one_that_runs_or_is_slewed() {
        let (wall, steady) = (Timestamp::UNIX_EPOCH, Instant::now());
        let mut clocks = Clocks { wall, steady };
        let mut after = |wall_ms, steady_ms| {
            let wall = wall + SignedDuration::from_millis(wall_ms);
            clocks.jump(wall, steady + Duration::from_millis(steady_ms)).map(|jump| jump.as_millis())
        };
        assert_eq!(after(1_000, 1_000), None);
        assert_eq!(after(61_100, 61_000), None, "time passed");
        assert_eq!(after(-538_000, 62_000), Some(-600_100), "ten minutes back");
        assert_eq!(after(-537_000, 63_000), None, "once");
        assert_eq!(after(64_000, 64_000), Some(600_000), "and forward again");
    }
}
