//! A PostgreSQL whose primary is gone, with or without a word to its clients, and whose standby takes over at the same
//! address.

use std::time::Duration;

use test_services::proxy::Mode;
use tokio::time::{sleep, timeout};

use super::failover::{HEALED, Pair, all_works, watched};
use crate::common::*;

/// Until the standby is there in its place.
const AWAY: Duration = Duration::from_secs(3);

/// `lost`: what happens at the address meanwhile. `back`: what happens afterwards to connections that are still open.
async fn everything_works_soon_after(lost: Mode, back: Mode) {
    let Some(pair) = Pair::start().await else { return };
    let _watched = watched(&pair.store);
    pair.way.set(lost);
    let (reading, writing) = (pair.store.clone(), pair.store.clone());
    let reading = tokio::spawn(async move {
        let (payment, _) = opening(1, "demo", 100);
        reading.payment(&payment.client, payment.id).await.map(|_| ())
    });
    let writing = tokio::spawn(async move { writing.commit(opening(7, "demo", 100).1).await });
    pair.new.promote().await;
    sleep(AWAY).await;
    pair.way.lead_to_port(pair.new.port());
    pair.way.set(back);
    all_works(&*pair.store).await;
    // What was under way has ended, one way or the other.
    let _ = timeout(HEALED, reading).await.unwrap().unwrap();
    let _ = timeout(HEALED, writing).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_primary_that_vanished_without_a_word_is_left_for_the_new_one() {
    everything_works_soon_after(Mode::BlackHole, Mode::Silence).await;
}

#[tokio::test]
async fn a_primary_that_resets_every_connection_is_left_for_the_new_one() {
    everything_works_soon_after(Mode::Refuse, Mode::Pass).await;
}
