//! Breaks gateways of real processes, as a seed decides, while clients charge through them. The promises must hold by
//! the providers' own ledger.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod audit;
mod canaries;
mod cluster;
mod commands;
mod graphql;
mod history;
mod hostile;
mod judge;
mod judge_can_fail;
mod model;
mod records;
mod run;
mod schedule;
mod servers;
mod soak;
mod wires;
mod workload;

use std::env;
use std::time::Duration;

use run::run;
use schedule::Shape;
use tokio::sync::Mutex;

/// The machine can run one cluster at a time.
static ONE_AT_A_TIME: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn promises_hold_while_two_gateways_their_servers_and_their_providers_break() {
    let _guard = ONE_AT_A_TIME.lock().await;
    let Some(report) = run(1, Shape::Distributed, Duration::from_secs(20), false).await else { return };
    assert!(report.broken.is_empty(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn promises_hold_while_one_gateway_on_sqlite_and_its_providers_break() {
    let _guard = ONE_AT_A_TIME.lock().await;
    let Some(report) = run(1, Shape::Embedded, Duration::from_secs(15), false).await else { return };
    assert!(report.broken.is_empty(), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn honest_charges_are_made_beside_hostile_traffic() {
    let _guard = ONE_AT_A_TIME.lock().await;
    let Some(report) = hostile::run(Duration::from_secs(12)).await else { return };
    assert!(report.broken.is_empty(), "{report}");
}

/// `CHAOS_SEED` lists the seeds, separated by commas; otherwise `CHAOS_SEEDS` is the number of random ones.
/// `CHAOS_SECONDS` is the length of each run. `CHAOS_SHAPE` is `distributed`, `embedded` (default: both in turn),
/// `hostile` or `soak`; the last two have no seed.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "as long as one likes: make chaos SEEDS=20 SECONDS=60"]
async fn promises_hold_for_as_many_seeds_as_one_likes() {
    let _guard = ONE_AT_A_TIME.lock().await;
    let length = Duration::from_secs(setting_number("CHAOS_SECONDS", 60));
    let seeds: Vec<u64> = match setting("CHAOS_SEED") {
        Some(list) => list.split(',').map(|seed| seed.trim().parse().unwrap()).collect(),
        None => (0..setting_number("CHAOS_SEEDS", 1)).map(|_| rand::random_range(0..1_000_000)).collect(),
    };
    if setting("CHAOS_SHAPE").as_deref() == Some("hostile") {
        let Some(report) = hostile::run(length).await else { return };
        eprintln!("{report}");
        assert!(report.broken.is_empty(), "{} promises are broken", report.broken.len());
        return;
    }
    if setting("CHAOS_SHAPE").as_deref() == Some("soak") {
        let Some(broken) = soak::run(length).await else { return };
        assert!(broken.is_empty(), "{} promises are broken", broken.len());
        return;
    }
    let shapes: &[Shape] = match setting("CHAOS_SHAPE").as_deref() {
        Some("distributed") => &[Shape::Distributed],
        Some("embedded") => &[Shape::Embedded],
        _ => &[Shape::Distributed, Shape::Embedded],
    };
    let mut failed = Vec::new();
    for &seed in &seeds {
        for &shape in shapes {
            let Some(report) = run(seed, shape, length, true).await else { return };
            // Reported at once: the other seeds may take an hour.
            if !report.broken.is_empty() {
                eprintln!("{report}");
                failed.push(format!("{:?} with seed {seed}", report.shape));
            }
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {} runs failed: {}",
        failed.len(),
        seeds.len() * shapes.len(),
        failed.join(", ")
    );
}

fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn setting_number(name: &str, default: u64) -> u64 {
    setting(name).map_or(default, |text| text.parse().unwrap())
}
