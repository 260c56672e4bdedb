//! How often, how soon and for how long undecided operations are retried.

use std::sync::Arc;

use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use crate::model::follow_up::FollowUp;
use crate::model::work::WorkKind;
use crate::usecases::budget::Budget;

/// The retry settings that an operator configures.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// The first pause lies between zero and this; the bound doubles with each try.
    pub base: SignedDuration,
    /// Where the bound stops doubling. Operations that are undecided after 30 tries are retried less often, down to
    /// once in five minutes.
    pub cap: SignedDuration,
    /// How long after the request a certainly unexecuted operation is retried.
    pub keep_trying: SignedDuration,
    /// Retries per second to one provider, which has to bear them on top of new calls while it is in trouble. With 0,
    /// only clients' repeated requests and webhooks decide undecided operations.
    pub per_second: u32,
    /// Reads per second from one provider's records, for payments that wait for their payer or their capture.
    pub looks_per_second: u32,
    /// A request whose call ends without an answer within this time waits for one retry. `None`: requests wait for no
    /// retry.
    pub inline_within: Option<SignedDuration>,
    /// Longer than one of our calls and its commits take: by then, the process that began the call is gone.
    pub call_lease: SignedDuration,
    /// Operations undecided for longer need an operator's review.
    pub review_after: SignedDuration,
    /// Events that could not be processed for longer are parked for an operator.
    pub park_after: SignedDuration,
    /// The default expiry of a charge: after this time it is not sent any more if it was certainly not executed.
    pub charge_expires: SignedDuration,
    /// A payment that waits for its payer or its capture is first polled after this; the pauses double up to six hours.
    pub watch_first: SignedDuration,
}

/// Orders expire at the provider within hours or days, authorizations within a month.
const WATCH_MOST: SignedDuration = SignedDuration::from_hours(6);
/// Longer than any provider holds an amount or keeps an order open (Stripe: 30 days, PayPal: 29).
pub const WATCH_FOR: SignedDuration = SignedDuration::from_hours(40 * 24);

/// The number of tries after which pauses grow beyond the cap.
const STEADY: u32 = 30;
/// However long an outage lasts, everything is due again at most this long after the provider recovers.
const RARE: SignedDuration = SignedDuration::from_mins(5);
/// The longest additional wait that a provider may request.
pub const ASKED_MOST: SignedDuration = SignedDuration::from_mins(5);
const INLINE_PAUSE: SignedDuration = SignedDuration::from_millis(400);

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            base: SignedDuration::from_secs(1),
            cap: SignedDuration::from_secs(30),
            keep_trying: SignedDuration::from_hours(24),
            per_second: 50,
            looks_per_second: 20,
            inline_within: Some(SignedDuration::from_secs(5)),
            call_lease: FollowUp::CALL_LEASE,
            review_after: SignedDuration::from_mins(15),
            park_after: SignedDuration::from_hours(24),
            charge_expires: SignedDuration::from_mins(15),
            watch_first: SignedDuration::from_mins(1),
        }
    }
}

impl RetryPolicy {
    /// The pause before the next poll of a waiting payment, after `looks` polls.
    #[must_use]
    pub fn watch_pause(&self, looks: u32) -> SignedDuration {
        let factor = 1_i32.checked_shl(looks).filter(|factor| *factor > 0).unwrap_or(i32::MAX);
        self.watch_first.saturating_mul(factor).min(WATCH_MOST.max(self.watch_first))
    }

    /// The furthest that work of one kind is ever scheduled ahead. Work due later was scheduled by a clock that has
    /// since been set back.
    #[must_use]
    pub fn furthest(&self, work: WorkKind) -> SignedDuration {
        match work {
            WorkKind::Watch => WATCH_MOST.max(self.watch_first),
            WorkKind::Payment | WorkKind::Refund | WorkKind::Event => {
                RARE.max(self.cap).saturating_add(ASKED_MOST).saturating_add(self.call_lease)
            }
        }
    }

    /// Full jitter, from zero to the bound, so that operations that failed together are not retried together. `random`
    /// determines the value.
    #[must_use]
    pub fn pause(&self, tries: u32, random: u32) -> SignedDuration {
        let doubled = |from: SignedDuration, times: u32, most: SignedDuration| {
            let factor = 1_i32.checked_shl(times).filter(|factor| *factor > 0).unwrap_or(i32::MAX);
            from.saturating_mul(factor).min(most)
        };
        let bound = if tries <= STEADY {
            doubled(self.base, tries.saturating_sub(1), self.cap)
        } else {
            doubled(self.cap, tries - STEADY, RARE.max(self.cap))
        };
        part(bound, random)
    }
}

/// `random` / 2³² of `whole`.
fn part(whole: SignedDuration, random: u32) -> SignedDuration {
    let micros = u128::try_from(whole.as_micros()).unwrap_or(0);
    let part = (micros * u128::from(random)) >> u32::BITS;
    SignedDuration::from_micros(i64::try_from(part).unwrap_or(i64::MAX))
}

/// The policy and the budgets. Clones share the budgets.
#[derive(Clone)]
pub struct Retries {
    policy: RetryPolicy,
    retries: Arc<Budget>,
    looks: Arc<Budget>,
}

impl Retries {
    #[must_use]
    pub fn new(policy: RetryPolicy) -> Self {
        let budget = |per_second| Arc::new(Budget::new(per_second));
        let (retries, looks) = (budget(policy.per_second), budget(policy.looks_per_second));
        Self { policy, retries, looks }
    }

    #[must_use]
    pub const fn policy(&self) -> &RetryPolicy {
        &self.policy
    }

    /// Takes one retry from the provider's budget; `false`: the budget is exhausted for now.
    pub fn take(&self, provider: Provider, now: Timestamp) -> bool {
        let enough = self.retries.take(provider, now);
        metrics::counter!(
            "provider_repeats_total", "provider" => provider.name(),
            "outcome" => if enough { "made" } else { "over_budget" }
        )
        .increment(1);
        enough
    }

    /// Takes the budget for one piece of due work before it is claimed. Events are new work, like clients' requests,
    /// and need none; polls can wait.
    pub fn take_for(&self, work: WorkKind, provider: Provider, now: Timestamp) -> bool {
        match work {
            WorkKind::Event => true,
            WorkKind::Payment | WorkKind::Refund => self.take(provider, now),
            WorkKind::Watch => self.looks.take(provider, now),
        }
    }

    /// Returns the budget taken for work that another process has done.
    pub fn give_back(&self, work: WorkKind, provider: Provider) {
        match work {
            WorkKind::Event => {}
            WorkKind::Payment | WorkKind::Refund => self.retries.give_back(provider),
            WorkKind::Watch => self.looks.give_back(provider),
        }
    }

    /// How many pieces of due work the budget allows now.
    #[must_use]
    pub fn left_for(&self, work: WorkKind, provider: Provider, now: Timestamp) -> u32 {
        match work {
            WorkKind::Event => u32::MAX,
            WorkKind::Payment | WorkKind::Refund => self.retries.left(provider, now),
            WorkKind::Watch => self.looks.left(provider, now),
        }
    }

    /// How long a request waits before it retries its own call; `None` for no retry: the call took too long, or the
    /// budget is exhausted.
    pub fn inline(
        &self,
        provider: Provider,
        began: Timestamp,
        now: Timestamp,
        random: u32,
    ) -> Option<SignedDuration> {
        let within = self.policy.inline_within?;
        let worth_it = now.duration_since(began) < within && self.take(provider, now);
        worth_it.then(|| part(INLINE_PAUSE, random))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: fn() -> RetryPolicy = RetryPolicy::default;

    #[test]
    fn pauses_spread_over_all_that_lies_below_a_bound_that_doubles() {
        let longest = |tries| POLICY().pause(tries, u32::MAX).as_millis();
        assert_eq!(POLICY().pause(7, 0), SignedDuration::ZERO);
        assert_eq!([longest(1), longest(2), longest(3), longest(4)], [999, 1_999, 3_999, 7_999]);
        assert_eq!([longest(6), longest(30)], [29_999, 29_999]);
        let half = POLICY().pause(3, u32::MAX / 2 + 1);
        assert_eq!(half, SignedDuration::from_secs(2));
    }

    #[test]
    fn what_does_not_come_to_an_end_is_asked_for_more_and_more_rarely() {
        let longest = |tries| POLICY().pause(tries, u32::MAX).as_secs();
        assert_eq!([longest(31), longest(32), longest(34), longest(u32::MAX)], [59, 119, 299, 299]);
    }

    #[test]
    fn retries_and_looks_are_paid_for_once_and_apart_from_each_other() {
        let retries = Retries::new(RetryPolicy { per_second: 1, looks_per_second: 1, ..POLICY() });
        let start = Timestamp::UNIX_EPOCH;
        let taken = |kind| (0..100).filter(|_| retries.take_for(kind, Provider::Stripe, start)).count();
        assert_eq!([taken(WorkKind::Payment), taken(WorkKind::Refund), taken(WorkKind::Watch)], [4, 0, 4]);
        assert_eq!(taken(WorkKind::Event), 100, "events are not retries");
        assert!(!retries.take(Provider::Stripe, start));
        retries.give_back(WorkKind::Payment, Provider::Stripe);
        assert_eq!(retries.left_for(WorkKind::Refund, Provider::Stripe, start), 1);
    }

    #[test]
    fn only_a_request_that_has_not_waited_long_waits_for_a_repeat() {
        let retries = Retries::new(POLICY());
        let (start, later) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + SignedDuration::from_secs(5));
        assert!(retries.inline(Provider::Stripe, start, start, 7).is_some());
        assert!(retries.inline(Provider::Stripe, start, later, 7).is_none());
        let off = Retries::new(RetryPolicy { inline_within: None, ..POLICY() });
        assert!(off.inline(Provider::Stripe, start, start, 7).is_none());
    }
}
