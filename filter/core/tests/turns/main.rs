//! Claims, leases and fences with everything around them: requests under one key on their way through edge, cache,
//! control plane, durable row and provider, in random order, with crashes, lost answers, late ones, commits that are
//! held back, and a cache that forgets or is away.
//!
//! The cache's rules are the real ones ([`edge_core::idempotency::Record`]); the rest is as small as it can be and
//! still be wrong. `MODEL_SEQUENCES` says how many sequences are tried (`make model`).
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod durable;
mod request;
mod world;

use proptest::prelude::*;
use proptest::test_runner::Config;

use request::Fate;
use world::World;

const SEQUENCES: u32 = 3_000;
/// Requests under the one key; the last of them asks for something else.
const REQUESTS: usize = 4;
const STEPS: usize = 60;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// One request takes its next step; what happens on the way is its fate.
    Go {
        who: usize,
        fate: Fate,
    },
    /// The process that works on it is gone. Its client sends the request again.
    Crash {
        who: usize,
    },
    /// Its client gives up waiting and sends it again, while the first one is still worked on.
    Repeat {
        who: usize,
    },
    /// A worker takes up what is queued.
    Work,
    /// A worker gives up what is queued.
    GiveUp,
    /// The database makes a commit whose process is gone.
    Land {
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
    /// Another cache takes over, whose contents lag.
    FailOver {
        copy: usize,
    },
    /// It is away, or back.
    Away {
        is_away: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
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
        20 => (0..8_usize, fate).prop_map(|(who, fate)| Step::Go { who, fate }),
        2 => (0..8_usize).prop_map(|who| Step::Crash { who }),
        2 => (0..8_usize).prop_map(|who| Step::Repeat { who }),
        1 => Just(Step::Work),
        1 => Just(Step::GiveUp),
        1 => (0..4_usize).prop_map(|which| Step::Land { which }),
        3 => passing.prop_map(|us| Step::Pass { us }),
        1 => (1..300_u64).prop_map(|ticks| Step::SetBack { ticks }),
        1 => Just(Step::Forget),
        1 => any::<usize>().prop_map(|copy| Step::FailOver { copy }),
        1 => any::<bool>().prop_map(|is_away| Step::Away { is_away }),
    ]
}

fn config() -> Config {
    let wanted = std::env::var("MODEL_SEQUENCES").ok().and_then(|number| number.parse().ok());
    Config { cases: wanted.unwrap_or(SEQUENCES), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn one_key_is_one_effect_and_one_answer(steps in proptest::collection::vec(step(), 1..STEPS)) {
        let mut world = World::new(REQUESTS);
        for step in steps {
            match step {
                Step::Go { who, fate } => world.go(who, fate)?,
                Step::Crash { who } => world.crash(who),
                Step::Repeat { who } => world.repeat(who),
                Step::Work => world.work(),
                Step::GiveUp => world.give_up(),
                Step::Land { which } => world.land(which),
                Step::Pass { us } => world.pass(us),
                Step::SetBack { ticks } => world.set_back(ticks),
                Step::Forget => world.forget(),
                Step::FailOver { copy } => world.fail_over(copy),
                Step::Away { is_away } => world.is_away = is_away,
            }
            world.check()?;
        }
        world.heal()?;
    }
}
