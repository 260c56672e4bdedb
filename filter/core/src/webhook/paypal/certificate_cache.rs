//! Certificates that were fetched, so that a webhook costs one RSA check and PayPal one request a day.
//!
//! Senders choose the name of the certificate, so they can make us ask PayPal for ones that are not there.
//! Those are few at a time and are remembered apart: they never push out a good one.

use super::CertificateUrl;
use crate::webhook::x509::TrustedKey;
use crate::webhook::{CannotVerify, FetchFailure};

/// PayPal uses one certificate, and two around a change.
const KEYS_MAX: usize = 16;
const ATTEMPTS_MAX: usize = 16;
const FETCHES_MAX: usize = 4;
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
                attempt.since_s = now_s;
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
