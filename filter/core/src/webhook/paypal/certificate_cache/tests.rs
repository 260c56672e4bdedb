//! The cache of PayPal's certificates: what is kept, fetched and forgotten.

use super::*;
use crate::test;
use crate::webhook::x509::CertificateProblem;

const NOW: u64 = 1_764_000_000;
const FAR: u64 = NOW + 400 * 86_400;
const HALF_A_DAY: u64 = 43_200;

fn url(n: u32) -> CertificateUrl {
    let text = format!("https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-{n:08x}");
    CertificateUrl::parse(&text, &Environment::live()).unwrap()
}

fn key() -> TrustedKey {
    TrustedKey::for_test(FAR)
}

fn cache() -> CertificateCache {
    CertificateCache::new(HALF_A_DAY)
}

/// A cache with a valid key that a webhook has used.
fn with_key(n: u32) -> CertificateCache {
    let mut cache = cache();
    assert_eq!(cache.lookup(&url(n), NOW), Lookup::Fetch);
    cache.fetched(&url(n), Ok(key()), NOW);
    cache
}

fn unreachable() -> CannotVerify {
    FetchFailure::Unreachable.into()
}

#[test]
fn one_fetch_serves_every_webhook_that_waits_for_it_and_comes_later() {
    let mut cache = cache();
    assert_eq!(cache.lookup(&url(1), NOW), Lookup::Fetch);
    assert_eq!(cache.lookup(&url(1), NOW + 1), Lookup::Waiting);
    assert_eq!(cache.lookup(&url(2), NOW + 1), Lookup::Fetch);
    cache.fetched(&url(1), Ok(key()), NOW + 1);
    assert_eq!(cache.lookup(&url(1), NOW + 2), Lookup::Ready(&key()));
    assert_eq!(cache.lookup(&url(2), NOW + 2), Lookup::Waiting);
}

#[test]
fn a_key_is_kept_until_its_certificate_expires_even_if_paypal_is_down() {
    let mut cache = with_key(1);
    let last = NOW + 30 * 86_400;
    cache.fetched(&url(1), Ok(TrustedKey::for_test(last)), NOW);
    let mut fetches = 0;
    for now_s in (NOW..=last).step_by(60) {
        assert_eq!(cache.lookup(&url(1), now_s), Lookup::Ready(&TrustedKey::for_test(last)));
        for url in cache.refresh(now_s) {
            fetches += 1;
            cache.fetched(&url, Err(unreachable()), now_s + 5);
        }
    }
    assert!((300..400).contains(&fetches), "every two hours at last: {fetches}");
    assert_eq!(cache.lookup(&url(1), last + 1), Lookup::Fetch);
}

#[test]
fn a_key_in_use_is_refreshed_before_its_day_is_over_and_nobody_waits_for_that() {
    let mut cache = with_key(1);
    assert_eq!(cache.refresh(NOW + HALF_A_DAY - 1), []);
    cache.lookup(&url(1), NOW + HALF_A_DAY - 1);
    assert_eq!(cache.refresh(NOW + HALF_A_DAY), [url(1)]);
    assert_eq!(cache.refresh(NOW + HALF_A_DAY), [], "once");
    assert_eq!(cache.lookup(&url(1), NOW + HALF_A_DAY + 1), Lookup::Ready(&key()));
    let new = TrustedKey::for_test(FAR + 1);
    cache.fetched(&url(1), Ok(new.clone()), NOW + HALF_A_DAY + 1);
    assert_eq!(cache.lookup(&url(1), NOW + HALF_A_DAY + 1), Lookup::Ready(&new));
    assert_eq!(cache.refresh(NOW + 2 * HALF_A_DAY), [], "half a day after the last");
    assert_eq!(cache.refresh(NOW + 2 * HALF_A_DAY + 1), [url(1)]);
}

#[test]
fn a_key_that_nobody_has_used_since_it_was_fetched_is_kept_and_not_asked_for() {
    let mut cache = with_key(1);
    assert_eq!(cache.refresh(NOW + HALF_A_DAY), [url(1)]);
    cache.fetched(&url(1), Ok(key()), NOW + HALF_A_DAY);
    assert_eq!(cache.refresh(NOW + 300 * 86_400), []);
    assert_eq!(cache.lookup(&url(1), NOW + 300 * 86_400), Lookup::Ready(&key()));
    assert_eq!(cache.refresh(NOW + 300 * 86_400), [url(1)]);
}

#[test]
fn a_failed_refresh_is_retried_after_growing_delays() {
    let mut cache = with_key(1);
    let mut at = NOW + HALF_A_DAY;
    for pause in [300, 600, 1_200, 2_400, 4_800, 7_200, 7_200] {
        assert_eq!(cache.refresh(at), [url(1)]);
        // Whether it fails or never ends.
        if pause != 600 {
            cache.fetched(&url(1), Err(CertificateProblem::UnknownIssuer.into()), at + 5);
        }
        assert_eq!(cache.refresh(at + pause - 1), []);
        assert_eq!(cache.lookup(&url(1), at + pause - 1), Lookup::Ready(&key()));
        at += pause;
    }
    cache.refresh(at);
    cache.fetched(&url(1), Ok(key()), at);
    cache.lookup(&url(1), at);
    assert_eq!(cache.refresh(at + HALF_A_DAY), [url(1)]);
    cache.fetched(&url(1), Err(unreachable()), at + HALF_A_DAY);
    assert_eq!(cache.refresh(at + HALF_A_DAY + 300), [url(1)], "from the first pause again");
}

#[test]
fn a_failure_is_remembered_for_half_a_minute() {
    let mut cache = cache();
    let expired = CannotVerify::Certificate(CertificateProblem::Expired { not_after_s: NOW });
    assert_eq!(cache.lookup(&url(1), NOW), Lookup::Fetch);
    cache.fetched(&url(1), Err(expired), NOW);
    assert_eq!(cache.lookup(&url(1), NOW + 29), Lookup::Failed(expired));
    assert_eq!(cache.lookup(&url(1), NOW + 30), Lookup::Fetch);
}

#[test]
fn a_fetch_that_never_ends_has_failed_and_is_tried_again() {
    let mut cache = cache();
    assert_eq!(cache.lookup(&url(1), NOW), Lookup::Fetch);
    assert_eq!(cache.lookup(&url(1), NOW + 14), Lookup::Waiting);
    assert_eq!(cache.lookup(&url(1), NOW + 15), Lookup::Failed(FetchFailure::TimedOut.into()));
    assert_eq!(cache.lookup(&url(1), NOW + 45), Lookup::Fetch);
    // A late result is as good as a timely one.
    cache.fetched(&url(1), Ok(key()), NOW + 46);
    assert_eq!(cache.lookup(&url(1), NOW + 47), Lookup::Ready(&key()));
}

#[test]
fn invented_names_evict_nothing_and_are_limited_in_rate() {
    let mut cache = with_key(0);
    let mut fetches = 0;
    for second in 1..=60 {
        for n in 0..200 {
            let made_up = url(1_000 * second + n);
            match cache.lookup(&made_up, NOW + u64::from(second)) {
                Lookup::Fetch => {
                    fetches += 1;
                    cache.fetched(&made_up, Err(FetchFailure::Status(404).into()), NOW + u64::from(second));
                }
                Lookup::Failed(CannotVerify::Fetch(FetchFailure::UnknownNames)) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(cache.lookup(&url(0), NOW + u64::from(second)), Lookup::Ready(&key()));
    }
    // One of the four was used for the trusted one.
    assert_eq!(fetches, 3 + 30);
    assert!(cache.keys.len() == 1 && cache.attempts.len() <= ATTEMPTS_MAX, "{}", cache.attempts.len());
}

#[test]
fn a_verified_name_is_refreshed_while_unknown_ones_take_every_slot_that_they_can() {
    let mut cache = with_key(0);
    let at = NOW + HALF_A_DAY;
    for n in 1..=3 {
        assert_eq!(cache.lookup(&url(n), at), Lookup::Fetch);
    }
    assert_eq!(cache.lookup(&url(4), at), Lookup::Failed(FetchFailure::TooMany.into()));
    assert_eq!(cache.refresh(at), [url(0)]);
    // Nor does an expired one queue behind them.
    let mut cache = with_key(0);
    cache.fetched(&url(0), Ok(TrustedKey::for_test(at)), NOW);
    for n in 1..=3 {
        assert_eq!(cache.lookup(&url(n), at + 1), Lookup::Fetch);
    }
    assert_eq!(cache.lookup(&url(0), at + 1), Lookup::Fetch);
    cache.fetched(&url(0), Err(unreachable()), at + 2);
    assert_eq!(cache.lookup(&url(0), at + 3), Lookup::Failed(unreachable()));
}

#[test]
fn the_least_recently_used_key_is_evicted() {
    let mut cache = cache();
    for n in 0..16 {
        cache.fetched(&url(n), Ok(key()), NOW + u64::from(n));
    }
    assert_eq!(cache.lookup(&url(0), NOW + 20), Lookup::Ready(&key()));
    cache.fetched(&url(16), Ok(key()), NOW + 21);
    assert!(cache.has(&url(0), NOW + 22) && !cache.has(&url(1), NOW + 22));
    assert_eq!(cache.keys.len(), KEYS_MAX);
}

#[test]
fn a_clock_that_is_set_back_causes_no_endless_state() {
    let mut cache = with_key(1);
    cache.fetched(&url(2), Err(unreachable()), NOW);
    let before = NOW - 86_400 * 100;
    assert_eq!(cache.lookup(&url(2), before), Lookup::Failed(FetchFailure::UnknownNames.into()));
    assert_eq!(cache.lookup(&url(2), before + 2), Lookup::Fetch);
    assert_eq!(cache.lookup(&url(1), before), Lookup::Ready(&key()));
    cache.fetched(&url(1), Ok(key()), before);
    cache.lookup(&url(1), before + 1);
    assert_eq!(cache.refresh(before + HALF_A_DAY), [url(1)]);
}

#[test]
fn the_key_in_use_is_the_one_that_was_used_last() {
    let mut cache = with_key(1);
    assert_eq!(cache.in_use(), Some(&key()));
    let next = TrustedKey::for_test(FAR + 5);
    cache.fetched(&url(2), Ok(next.clone()), NOW + 1);
    assert_eq!(cache.in_use(), Some(&next));
    cache.lookup(&url(1), NOW + 2);
    assert_eq!(cache.in_use(), Some(&key()));
}
