//! Fetched certificates, so that a webhook costs one RSA check, and PayPal gets two requests a day.
//!
//! A key is used until its certificate expires, whether or not PayPal can be reached meanwhile. Senders choose the
//! certificate's name, so they can make the gateway request nonexistent ones. Such fetches are limited in number and
//! rate, and tracked separately: they never evict a trusted key or prevent its refresh.

use super::shared_certificates::SharedCertificates;
use super::{CertificateUrl, Environment};
use crate::token_bucket::TokenBucket;
use crate::webhook::rsa::VerifyRsa;
use crate::webhook::x509::{Trust, TrustedKey};
use crate::webhook::{CannotVerify, FetchFailure};

/// PayPal uses one certificate, and two around a change.
const KEYS_MAX: usize = 16;
/// Failures are remembered to spare PayPal repeated requests; few of invented names are needed.
const ATTEMPTS_MAX: usize = 16;
/// Concurrent fetches: senders' invented names take no more connections to PayPal than this.
pub(super) const FETCHES_MAX: usize = 4;
/// Concurrent fetches for names that were never trusted. The rest is reserved for trusted ones.
const UNKNOWN_FETCHES_MAX: usize = FETCHES_MAX - 1;
/// The burst of fetches for unknown names: at a start PayPal's webhooks name one certificate, and two around a change.
const UNKNOWN_BURST: u64 = 4;
/// The interval of further fetches for unknown names. An invented name costs PayPal a request, and every gateway could
/// be abused as a reflector. A new name of PayPal's own comes with every webhook of the next three days, so it gets its
/// turn among invented ones.
const UNKNOWN_EVERY_S: u64 = 2;
const FAILED_FOR_S: u64 = 30;
/// Longer than a host waits for a response: after this, no result will come.
const FETCH_S: u64 = 15;
/// The delay after a failed refresh; it doubles with each further failure.
const REFRESH_AGAIN_S: u64 = 300;
const REFRESH_AGAIN_MAX_S: u64 = 2 * 3600;

/// Keys by certificate URL, for one environment and one trust bundle.
#[derive(Debug)]
pub struct CertificateCache {
    keys: Vec<KnownCertificate>,
    attempts: Vec<Attempt>,
    /// For names that were never trusted.
    unknown: TokenBucket,
    refresh_after_s: u64,
}

/// A URL that has led to a trusted certificate. Its key may have expired since.
#[derive(Debug)]
struct KnownCertificate {
    url: CertificateUrl,
    key: TrustedKey,
    fetched_at_s: u64,
    /// `None`: never by this worker.
    used_at_s: Option<u64>,
    refresh_at_s: u64,
    /// Refreshes started since the last successful one.
    refreshes: u32,
}

/// A certificate that is being fetched, or whose fetch failed.
#[derive(Debug)]
struct Attempt {
    url: CertificateUrl,
    since_s: u64,
    /// `None`: in flight.
    failed: Option<CannotVerify>,
}

/// The state of a certificate.
#[derive(Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    Ready(&'a TrustedKey),
    /// Not requested yet: fetch it and report to [`CertificateCache::fetched`].
    Fetch,
    /// Being fetched for another webhook; look it up again afterwards.
    Waiting,
    /// Its fetch failed a short time ago.
    Failed(CannotVerify),
}

/// Whether less than `for_s` have passed. False for a time in the future, so a clock that was set back causes no
/// endless state.
const fn is_within(since_s: u64, for_s: u64, now_s: u64) -> bool {
    match now_s.checked_sub(since_s) {
        Some(age_s) => age_s < for_s,
        None => false,
    }
}

impl KnownCertificate {
    const fn is_valid(&self, now_s: u64) -> bool {
        now_s <= self.key.not_after_s()
    }

    /// An unused key is not refreshed. Nor is one whose refresh time came before the clock was set back: it will come
    /// again.
    fn is_to_be_refreshed(&self, now_s: u64) -> bool {
        self.is_valid(now_s)
            && self.refresh_at_s <= now_s
            && self.used_at_s.is_some_and(|used_at_s| used_at_s >= self.fetched_at_s)
    }

    /// The result of the refresh is unknown yet: it may fail, or never end.
    fn refresh_begins(&mut self, refresh_after_s: u64, now_s: u64) {
        let first_s = REFRESH_AGAIN_S.min(refresh_after_s);
        let pause_s = first_s.saturating_mul(1 << self.refreshes.min(16)).min(REFRESH_AGAIN_MAX_S);
        self.refreshes = self.refreshes.saturating_add(1);
        self.refresh_at_s = now_s.saturating_add(pause_s);
    }
}

impl CertificateCache {
    /// A key in use is refreshed `refresh_after_s` seconds after it was fetched.
    #[must_use]
    pub fn new(refresh_after_s: u64) -> Self {
        Self { keys: Vec::new(), attempts: Vec::new(), unknown: TokenBucket::default(), refresh_after_s }
    }

    /// Whether there is a valid key, so that no fetch is needed.
    #[must_use]
    pub fn has(&self, url: &CertificateUrl, now_s: u64) -> bool {
        self.keys.iter().any(|known| known.url == *url && known.is_valid(now_s))
    }

    /// A caller that gets [`Lookup::Fetch`] must fetch; no other caller gets it for this URL until the fetch ends.
    pub fn lookup(&mut self, url: &CertificateUrl, now_s: u64) -> Lookup<'_> {
        self.expire(now_s);
        let known = self.keys.iter().position(|known| known.url == *url);
        let is_known = known.is_some();
        // Looked up by index, because an early return of a reference would borrow `self` for the whole function.
        if let Some(place) = known.filter(|place| self.keys.get(*place).is_some_and(|it| it.is_valid(now_s)))
        {
            return match self.keys.get_mut(place) {
                Some(known) => {
                    known.used_at_s = Some(now_s);
                    Lookup::Ready(&known.key)
                }
                None => Lookup::Fetch,
            };
        }
        match self.attempts.iter().find(|attempt| attempt.url == *url) {
            Some(Attempt { failed: Some(reason), .. }) => Lookup::Failed(*reason),
            Some(Attempt { failed: None, .. }) => Lookup::Waiting,
            None if !self.has_slot(is_known) => Lookup::Failed(FetchFailure::TooMany.into()),
            None if !is_known && !self.unknown.take(now_s, UNKNOWN_BURST, UNKNOWN_EVERY_S) => {
                Lookup::Failed(FetchFailure::UnknownNames.into())
            }
            None => {
                self.attempt(Attempt { url: url.clone(), since_s: now_s, failed: None });
                Lookup::Fetch
            }
        }
    }

    /// The certificates to fetch now although their keys are valid; each as after [`Lookup::Fetch`].
    pub fn refresh(&mut self, now_s: u64) -> Vec<CertificateUrl> {
        self.expire(now_s);
        let due = self.keys.iter().filter(|known| known.is_to_be_refreshed(now_s));
        let due: Vec<_> = due.map(|known| known.url.clone()).collect();
        let mut begun = Vec::new();
        for url in due {
            if !self.has_slot(true) || self.attempts.iter().any(|attempt| attempt.url == url) {
                continue;
            }
            if let Some(known) = self.keys.iter_mut().find(|known| known.url == url) {
                known.refresh_begins(self.refresh_after_s, now_s);
            }
            self.attempt(Attempt { url: url.clone(), since_s: now_s, failed: None });
            begun.push(url);
        }
        begun
    }

    /// The result of a fetch.
    pub fn fetched(&mut self, url: &CertificateUrl, result: Result<TrustedKey, CannotVerify>, now_s: u64) {
        self.expire(now_s);
        self.attempts.retain(|attempt| attempt.url != *url);
        match result {
            Ok(key) => {
                let used_at_s = match self.keys.iter().find(|known| known.url == *url) {
                    Some(known) => known.used_at_s,
                    // A webhook waits for it.
                    None => Some(now_s),
                };
                self.insert(url, key, now_s, used_at_s);
            }
            // A good key is not lost because a second fetch failed.
            Err(reason) if !self.has(url, now_s) => {
                self.attempt(Attempt { url: url.clone(), since_s: now_s, failed: Some(reason) });
            }
            Err(_) => {}
        }
    }

    /// Loads certificates that other workers, or a dead one, have fetched since. They are verified again, because their
    /// writer is not trusted.
    pub fn load_shared(
        &mut self,
        shared: &SharedCertificates,
        environment: &Environment,
        trust: &Trust,
        rsa: &impl VerifyRsa,
        now_s: u64,
    ) {
        for (url, pem, fetched_at_s) in shared.certificates(environment) {
            let known = self.keys.iter().find(|known| known.url == url);
            if known.is_some_and(|known| known.fetched_at_s >= fetched_at_s) {
                continue;
            }
            let used_at_s = known.and_then(|known| known.used_at_s);
            if let Ok(key) = trust.key_of(pem, environment.certificate_name(), now_s, rsa) {
                self.attempts.retain(|attempt| attempt.url != url || attempt.failed.is_none());
                self.insert(&url, key, fetched_at_s.min(now_s), used_at_s);
            }
        }
    }

    /// The most recently used key.
    #[must_use]
    pub fn in_use(&self) -> Option<&TrustedKey> {
        let used = self.keys.iter().filter(|known| known.used_at_s.is_some());
        used.max_by_key(|known| known.used_at_s).map(|known| &known.key)
    }

    fn insert(&mut self, url: &CertificateUrl, key: TrustedKey, fetched_at_s: u64, used_at_s: Option<u64>) {
        self.keys.retain(|known| known.url != *url);
        if self.keys.len() >= KEYS_MAX {
            drop_least(&mut self.keys, |known| Some(known.used_at_s));
        }
        let refresh_at_s = fetched_at_s.saturating_add(self.refresh_after_s);
        let url = url.clone();
        self.keys.push(KnownCertificate { url, key, fetched_at_s, used_at_s, refresh_at_s, refreshes: 0 });
    }

    /// Whether another fetch may start. `is_known`: for a name that was trusted before.
    fn has_slot(&self, is_known: bool) -> bool {
        let awaited = |attempt: &&Attempt| attempt.failed.is_none();
        let unknown = |attempt: &&Attempt| !self.keys.iter().any(|known| known.url == attempt.url);
        let all = self.attempts.iter().filter(awaited);
        let unknowns = self.attempts.iter().filter(awaited).filter(unknown).count();
        all.count() < FETCHES_MAX && (is_known || unknowns < UNKNOWN_FETCHES_MAX)
    }

    fn attempt(&mut self, attempt: Attempt) {
        if self.attempts.len() >= ATTEMPTS_MAX {
            // Fetches in flight are fewer than the maximum.
            drop_least(&mut self.attempts, |attempt| attempt.failed.map(|_| attempt.since_s));
        }
        self.attempts.push(attempt);
    }

    fn expire(&mut self, now_s: u64) {
        for attempt in &mut self.attempts {
            if attempt.failed.is_none() && !is_within(attempt.since_s, FETCH_S, now_s) {
                attempt.failed = Some(FetchFailure::TimedOut.into());
                attempt.since_s = attempt.since_s.saturating_add(FETCH_S).min(now_s);
            }
        }
        self.attempts
            .retain(|attempt| attempt.failed.is_none() || is_within(attempt.since_s, FAILED_FOR_S, now_s));
        for known in &mut self.keys {
            // After a clock was set back.
            known.refresh_at_s = known.refresh_at_s.min(now_s.saturating_add(self.refresh_after_s));
        }
    }
}

fn drop_least<T, A: Ord>(list: &mut Vec<T>, age: impl Fn(&T) -> Option<A>) {
    let ages = list.iter().enumerate().filter_map(|(i, entry)| Some((age(entry)?, i)));
    if let Some((_, least)) = ages.min() {
        list.swap_remove(least);
    }
}

#[cfg(test)]
mod tests;
