//! The webhooks that wait for a certificate.

use super::CertificateUrl;
use super::certificate_cache::FETCHES_MAX;
use crate::waiting::{Slots, Waiter};
use crate::webhook::FetchFailure;

/// The most webhooks of one worker that wait for one certificate. A provider sends a few dozen at a time and redelivers
/// those answered 503; an invented certificate name gets no more room than that.
const OF_ONE_MAX: usize = 128;

/// The most that wait for any certificate, or for their notification.
const WAITING_MAX: usize = FETCHES_MAX * OF_ONE_MAX;

/// The webhooks of one worker that wait for certificates, at most 128 for each and 512 in all.
#[derive(Debug)]
pub struct CertificateWaiters<T> {
    waiting: Vec<(CertificateUrl, Waiter<T>)>,
    slots: Slots,
}

impl<T> Default for CertificateWaiters<T> {
    fn default() -> Self {
        Self { waiting: Vec::new(), slots: Slots::new(WAITING_MAX) }
    }
}

impl<T> CertificateWaiters<T> {
    /// # Errors
    /// [`FetchFailure::Crowded`] if too many wait.
    pub fn join(&mut self, url: &CertificateUrl, request: T) -> Result<(), FetchFailure> {
        let of_it = self.waiting.iter().filter(|(other, _)| other == url).count();
        let slot = self.slots.take().filter(|_| of_it < OF_ONE_MAX).ok_or(FetchFailure::Crowded)?;
        self.waiting.push((url.clone(), slot.hold_for(request)));
        Ok(())
    }

    /// Takes those that waited for this certificate, in order, when its fetch ends.
    pub fn take(&mut self, url: &CertificateUrl) -> Vec<Waiter<T>> {
        self.waiting.extract_if(.., |(other, _)| other == url).map(|(_, waiter)| waiter).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;
    use crate::webhook::paypal::Environment;

    fn url(n: u32) -> CertificateUrl {
        let text = format!("https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-{n:08x}");
        CertificateUrl::parse(&text, &Environment::live()).unwrap()
    }

    fn requests<T>(waiters: Vec<Waiter<T>>) -> Vec<T> {
        waiters.into_iter().map(|waiter| waiter.request).collect()
    }

    #[test]
    fn waiters_are_taken_per_certificate_and_in_order() {
        let mut waiters = CertificateWaiters::default();
        for (n, name) in (0..).zip([1, 2, 1, 3, 1]) {
            waiters.join(&url(name), n).unwrap();
        }
        assert_eq!(requests(waiters.take(&url(1))), [0, 2, 4]);
        assert_eq!(requests(waiters.take(&url(1))), [0; 0]);
        assert_eq!(requests(waiters.take(&url(2))), [1]);
    }

    #[test]
    fn a_crowded_certificate_leaves_room_for_others() {
        let mut waiters = CertificateWaiters::default();
        for n in 0..128 {
            assert_eq!(waiters.join(&url(1), n), Ok(()));
        }
        assert_eq!(waiters.join(&url(1), 128), Err(FetchFailure::Crowded));
        assert_eq!(waiters.join(&url(2), 129), Ok(()));
        waiters.take(&url(1));
        assert_eq!(waiters.join(&url(1), 130), Ok(()));
    }

    #[test]
    fn waiters_that_await_their_notification_count_too() {
        let mut waiters = CertificateWaiters::default();
        let mut notifications = Vec::new();
        for n in 0..4 {
            (0..128).for_each(|_| waiters.join(&url(n), n).unwrap());
            notifications.push(waiters.take(&url(n)));
        }
        assert_eq!(waiters.join(&url(9), 9), Err(FetchFailure::Crowded));
        notifications.pop();
        assert_eq!(waiters.join(&url(9), 9), Ok(()));
    }
}
