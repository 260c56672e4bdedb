//! Certificates that were fetched, so that a webhook costs one RSA check and PayPal one request a day.
//!
//! Senders choose the name of the certificate, so they can make us ask PayPal for ones that are not there.
//! Those are few at a time and are remembered apart: they never push out a good one.

use super::CertificateUrl;
use crate::webhook::x509::TrustedKey;
use crate::webhook::{CannotVerify, FetchFailure};

/// PayPal uses one certificate, and two around a change.
const KEYS_MAX: usize = 16;
/// Failures are remembered to spare PayPal the next question; those of made-up names need not be many.
const ATTEMPTS_MAX: usize = 16;
/// So many certificates are awaited at once; what senders make up takes no more connections to PayPal than that.
pub(super) const FETCHES_MAX: usize = 4;
/// PayPal's own `cache-control`.
const KEPT_FOR_S: u64 = 24 * 3600;
const FAILED_FOR_S: u64 = 30;
/// Longer than a host waits for an answer: after this it is not going to tell any more.
const FETCH_S: u64 = 15;

/// The keys of certificates by their URL, for one environment and one trust bundle.
#[derive(Debug, Default)]
pub struct CertificateCache {
    keys: Vec<Key>,
    attempts: Vec<Attempt>,
}

#[derive(Debug)]
struct Key {
    url: CertificateUrl,
    key: TrustedKey,
    fetched_at_s: u64,
    used_at_s: u64,
}

/// A certificate that is not there.
#[derive(Debug)]
struct Attempt {
    url: CertificateUrl,
    since_s: u64,
    /// `None`: the answer is awaited.
    failed: Option<CannotVerify>,
}

/// What there is of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    Ready(&'a TrustedKey),
    /// Nobody has asked for it: fetch it and tell [`CertificateCache::fetched`].
    Fetch,
    /// Another webhook has had it fetched; look again when the answer is there.
    Waiting,
    /// It was not to be had a short time ago.
    Failed(CannotVerify),
}

/// Whether less than `for_s` have gone by. A clock that was set back leaves nothing behind that lasts for ever.
const fn lasts(since_s: u64, for_s: u64, now_s: u64) -> bool {
    match now_s.checked_sub(since_s) {
        Some(age_s) => age_s < for_s,
        None => false,
    }
}

impl CertificateCache {
    /// Whoever gets [`Lookup::Fetch`] has to fetch; nobody else gets it for this URL until that has an end.
    pub fn lookup(&mut self, url: &CertificateUrl, now_s: u64) -> Lookup<'_> {
        self.clear_up(now_s);
        if let Some(known) = self.keys.iter().position(|known| known.url == *url) {
            // Found by its place, as a reference that is returned early would bind `self` to the end.
            return match self.keys.get_mut(known) {
                Some(known) => {
                    known.used_at_s = now_s;
                    Lookup::Ready(&known.key)
                }
                None => Lookup::Fetch,
            };
        }
        match self.attempts.iter().find(|attempt| attempt.url == *url) {
            Some(Attempt { failed: Some(reason), .. }) => Lookup::Failed(*reason),
            Some(Attempt { failed: None, .. }) => Lookup::Waiting,
            None if self.attempts.iter().filter(|attempt| attempt.failed.is_none()).count()
                >= FETCHES_MAX =>
            {
                Lookup::Failed(FetchFailure::TooMany.into())
            }
            None => {
                self.attempt(Attempt { url: url.clone(), since_s: now_s, failed: None });
                Lookup::Fetch
            }
        }
    }

    /// The end of a fetch, whichever it was.
    pub fn fetched(&mut self, url: &CertificateUrl, result: Result<TrustedKey, CannotVerify>, now_s: u64) {
        self.clear_up(now_s);
        self.attempts.retain(|attempt| attempt.url != *url);
        match result {
            Ok(key) => {
                self.keys.retain(|known| known.url != *url);
                if self.keys.len() >= KEYS_MAX {
                    drop_least(&mut self.keys, |known| Some(known.used_at_s));
                }
                self.keys.push(Key { url: url.clone(), key, fetched_at_s: now_s, used_at_s: now_s });
            }
            // A key that is good until tomorrow is not lost because a second fetch failed.
            Err(reason) if !self.keys.iter().any(|known| known.url == *url) => {
                self.attempt(Attempt { url: url.clone(), since_s: now_s, failed: Some(reason) });
            }
            Err(_) => {}
        }
    }

    fn attempt(&mut self, attempt: Attempt) {
        if self.attempts.len() >= ATTEMPTS_MAX {
            // Those that are awaited are fewer than fit.
            drop_least(&mut self.attempts, |attempt| attempt.failed.map(|_| attempt.since_s));
        }
        self.attempts.push(attempt);
    }

    fn clear_up(&mut self, now_s: u64) {
        self.keys
            .retain(|known| lasts(known.fetched_at_s, KEPT_FOR_S, now_s) && now_s <= known.key.not_after_s());
        for attempt in &mut self.attempts {
            if attempt.failed.is_none() && !lasts(attempt.since_s, FETCH_S, now_s) {
                attempt.failed = Some(FetchFailure::TimedOut.into());
                attempt.since_s = attempt.since_s.saturating_add(FETCH_S).min(now_s);
            }
        }
        self.attempts
            .retain(|attempt| attempt.failed.is_none() || lasts(attempt.since_s, FAILED_FOR_S, now_s));
    }
}

fn drop_least<T>(list: &mut Vec<T>, age: impl Fn(&T) -> Option<u64>) {
    let ages = list.iter().enumerate().filter_map(|(i, entry)| Some((age(entry)?, i)));
    if let Some((_, least)) = ages.min() {
        list.swap_remove(least);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;
    use crate::webhook::paypal::Environment;
    use crate::webhook::x509::CertificateProblem;

    const NOW: u64 = 1_764_000_000;
    const FAR: u64 = NOW + 400 * 86_400;

    fn url(name: &str) -> CertificateUrl {
        let text = format!("https://api.paypal.com/v1/notifications/certs/{name}");
        CertificateUrl::parse(&text, &Environment::live()).unwrap()
    }

    fn key() -> TrustedKey {
        TrustedKey::for_test(FAR)
    }

    fn unreachable() -> CannotVerify {
        FetchFailure::Unreachable.into()
    }

    #[test]
    fn one_fetch_serves_every_webhook_that_waits_for_it_and_comes_later() {
        let mut cache = CertificateCache::default();
        assert_eq!(cache.lookup(&url("a"), NOW), Lookup::Fetch);
        assert_eq!(cache.lookup(&url("a"), NOW + 1), Lookup::Waiting);
        assert_eq!(cache.lookup(&url("b"), NOW + 1), Lookup::Fetch);
        cache.fetched(&url("a"), Ok(key()), NOW + 1);
        assert_eq!(cache.lookup(&url("a"), NOW + 2), Lookup::Ready(&key()));
        assert_eq!(cache.lookup(&url("b"), NOW + 2), Lookup::Waiting);
    }

    #[test]
    fn a_key_is_kept_for_a_day_or_as_long_as_its_certificate_is_valid() {
        let mut cache = CertificateCache::default();
        cache.fetched(&url("a"), Ok(key()), NOW);
        cache.fetched(&url("b"), Ok(TrustedKey::for_test(NOW + 60)), NOW);
        assert_eq!(cache.lookup(&url("b"), NOW + 60), Lookup::Ready(&TrustedKey::for_test(NOW + 60)));
        assert_eq!(cache.lookup(&url("b"), NOW + 61), Lookup::Fetch);
        assert_eq!(cache.lookup(&url("a"), NOW + 86_399), Lookup::Ready(&key()));
        assert_eq!(cache.lookup(&url("a"), NOW + 86_400), Lookup::Fetch);
    }

    #[test]
    fn a_failure_is_remembered_for_half_a_minute() {
        let mut cache = CertificateCache::default();
        let expired = CannotVerify::Certificate(CertificateProblem::Expired { not_after_s: NOW });
        assert_eq!(cache.lookup(&url("a"), NOW), Lookup::Fetch);
        cache.fetched(&url("a"), Err(expired), NOW);
        assert_eq!(cache.lookup(&url("a"), NOW + 29), Lookup::Failed(expired));
        assert_eq!(cache.lookup(&url("a"), NOW + 30), Lookup::Fetch);
    }

    #[test]
    fn a_fetch_that_never_ends_has_failed_and_is_tried_again() {
        let mut cache = CertificateCache::default();
        assert_eq!(cache.lookup(&url("a"), NOW), Lookup::Fetch);
        assert_eq!(cache.lookup(&url("a"), NOW + 14), Lookup::Waiting);
        assert_eq!(cache.lookup(&url("a"), NOW + 15), Lookup::Failed(FetchFailure::TimedOut.into()));
        assert_eq!(cache.lookup(&url("a"), NOW + 45), Lookup::Fetch);
        assert_eq!(cache.lookup(&url("b"), NOW), Lookup::Fetch);
        assert_eq!(cache.lookup(&url("b"), NOW + 45), Lookup::Fetch, "its failure is over, too");
        // What comes late is as good as what comes in time.
        cache.fetched(&url("a"), Ok(key()), NOW + 46);
        assert_eq!(cache.lookup(&url("a"), NOW + 47), Lookup::Ready(&key()));
    }

    #[test]
    fn names_that_are_made_up_push_nothing_out_and_flood_nobody() {
        let mut cache = CertificateCache::default();
        cache.fetched(&url("real"), Ok(key()), NOW);
        for i in 0..200 {
            let made_up = url(&format!("X{i}"));
            assert_eq!(cache.lookup(&made_up, NOW), Lookup::Fetch);
            cache.fetched(&made_up, Err(unreachable()), NOW);
        }
        assert_eq!(cache.lookup(&url("real"), NOW + 1), Lookup::Ready(&key()));
        assert_eq!((cache.keys.len(), cache.attempts.len()), (1, 16));
        for i in 0..4 {
            assert_eq!(cache.lookup(&url(&format!("Y{i}")), NOW), Lookup::Fetch);
        }
        assert_eq!(cache.lookup(&url("Y4"), NOW), Lookup::Failed(FetchFailure::TooMany.into()));
        assert_eq!(cache.lookup(&url("Y0"), NOW), Lookup::Waiting);
        assert_eq!(cache.attempts.len(), 16);
    }

    #[test]
    fn the_key_that_was_not_used_for_longest_makes_room() {
        let mut cache = CertificateCache::default();
        for i in 0..16 {
            cache.fetched(&url(&format!("C{i}")), Ok(key()), NOW + i);
        }
        assert_eq!(cache.lookup(&url("C0"), NOW + 20), Lookup::Ready(&key()));
        cache.fetched(&url("new"), Ok(key()), NOW + 21);
        assert_eq!(cache.lookup(&url("C0"), NOW + 22), Lookup::Ready(&key()));
        assert_eq!(cache.lookup(&url("C1"), NOW + 22), Lookup::Fetch);
    }

    #[test]
    fn a_clock_that_is_set_back_leaves_nothing_for_ever() {
        let mut cache = CertificateCache::default();
        cache.fetched(&url("a"), Err(unreachable()), NOW);
        cache.fetched(&url("b"), Ok(key()), NOW);
        assert_eq!(cache.lookup(&url("a"), NOW - 1000), Lookup::Fetch);
        assert_eq!(cache.lookup(&url("b"), NOW - 1000), Lookup::Fetch);
    }

    #[test]
    fn a_second_fetch_that_fails_does_not_lose_a_good_key() {
        let mut cache = CertificateCache::default();
        cache.fetched(&url("a"), Ok(key()), NOW);
        cache.fetched(&url("a"), Err(unreachable()), NOW + 1);
        assert_eq!(cache.lookup(&url("a"), NOW + 2), Lookup::Ready(&key()));
    }
}
