//! A model test of idempotency end to end: requests under one key pass edge, cache, control plane, durable row and
//! provider in random order, with crashes, lost and late answers, delayed commits, and a cache that loses its contents
//! or is unavailable.
//!
//! The cache runs the real rules ([`edge_core::idempotency::Record`]); everything else is a minimal model.
//! `MODEL_SEQUENCES` sets how many sequences are tried (`make model`).
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod durable;
mod request;
mod simulation;

use proptest::prelude::*;
use proptest::test_runner::Config;

use request::Fate;
use simulation::Simulation;

const SEQUENCES: u32 = 3_000;
/// Requests under the one key; the last of them is a different request.
const REQUESTS: usize = 4;
const ACTIONS_MAX: usize = 60;

#[derive(Clone, Copy, Debug)]
enum Action {
    /// A request advances by one stage. `fate` decides what the provider does, if it is called.
    Advance {
        which: usize,
        fate: Fate,
    },
    /// The process that works on a request dies. Its client retries.
    Crash {
        which: usize,
    },
    /// A client times out and retries while its first request is still in progress.
    Repeat {
        which: usize,
    },
    /// A worker takes a queued payment.
    Work,
    /// A worker gives up a queued payment.
    GiveUp,
    /// The database applies a commit whose process has died.
    ApplyCommit {
        which: usize,
    },
    Pass {
        us: u64,
    },
    /// The cache's clock is set back.
    SetBack {
        ticks: u64,
    },
    /// The cache is flushed or restarted.
    Forget,
    /// A replica with older contents takes over.
    FailOver {
        copy: usize,
    },
    /// The cache becomes unavailable, or available again.
    Away {
        is_away: bool,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let fate = prop_oneof![
        6 => Just(Fate::Good),
        1 => Just(Fate::AnswerLost),
        1 => Just(Fate::Lost),
        1 => Just(Fate::NotSent),
        1 => Just(Fate::TurnedAway),
        1 => Just(Fate::Declined),
    ];
    // Around the lease of the cache (15 s), the one of a call (40 s), and the cache's memory (24 h).
    let passing = prop_oneof![Just(1), Just(15_000_000), Just(41_000_000), Just(86_400_000_000)];
    prop_oneof![
        20 => (0..8_usize, fate).prop_map(|(which, fate)| Action::Advance { which, fate }),
        2 => (0..8_usize).prop_map(|which| Action::Crash { which }),
        2 => (0..8_usize).prop_map(|which| Action::Repeat { which }),
        1 => Just(Action::Work),
        1 => Just(Action::GiveUp),
        1 => (0..4_usize).prop_map(|which| Action::ApplyCommit { which }),
        3 => passing.prop_map(|us| Action::Pass { us }),
        1 => (1..300_u64).prop_map(|ticks| Action::SetBack { ticks }),
        1 => Just(Action::Forget),
        1 => any::<usize>().prop_map(|copy| Action::FailOver { copy }),
        1 => any::<bool>().prop_map(|is_away| Action::Away { is_away }),
    ]
}

fn config() -> Config {
    let wanted = std::env::var("MODEL_SEQUENCES").ok().and_then(|number| number.parse().ok());
    Config { cases: wanted.unwrap_or(SEQUENCES), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_key_has_one_effect_and_one_answer(actions in proptest::collection::vec(action(), 1..ACTIONS_MAX)) {
        let mut simulation = Simulation::new(REQUESTS);
        for action in actions {
            match action {
                Action::Advance { which, fate } => simulation.advance(which, fate)?,
                Action::Crash { which } => simulation.crash(which),
                Action::Repeat { which } => simulation.repeat(which),
                Action::Work => simulation.work(),
                Action::GiveUp => simulation.give_up(),
                Action::ApplyCommit { which } => simulation.apply_commit(which),
                Action::Pass { us } => simulation.pass(us),
                Action::SetBack { ticks } => simulation.set_back(ticks),
                Action::Forget => simulation.forget(),
                Action::FailOver { copy } => simulation.fail_over(copy),
                Action::Away { is_away } => simulation.is_away = is_away,
            }
            simulation.check()?;
        }
        simulation.recover()?;
    }
}
