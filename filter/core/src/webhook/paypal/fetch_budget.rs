//! How often a worker asks PayPal for certificates under names that it has never found good.

/// So many at once: at a start PayPal's webhooks name one certificate, and two around a change.
const BURST: u64 = 4;
/// One more after each of these. A name that senders make up costs PayPal a request, and each gateway is a mirror that
/// could be turned on it; a new name that is PayPal's own comes with every webhook of the next three days, so it gets
/// its turn between the made-up ones.
const EVERY_S: u64 = 2;

/// A token bucket (RFC 2697's meter without colours), kept as the time at which it is full again.
#[derive(Debug, Default)]
pub(super) struct FetchBudget {
    full_at_s: u64,
}

impl FetchBudget {
    /// Whether there was a token left; it is spent then.
    pub(super) fn take(&mut self, now_s: u64) -> bool {
        // A clock that was set back leaves nobody without tokens for longer than an empty bucket does.
        let full_at_s = self.full_at_s.clamp(now_s, now_s + BURST * EVERY_S);
        let has_token = full_at_s + EVERY_S <= now_s + BURST * EVERY_S;
        self.full_at_s = if has_token { full_at_s + EVERY_S } else { full_at_s };
        has_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const NOW: u64 = 1_764_000_000;

    fn taken(budget: &mut FetchBudget, now_s: u64) -> usize {
        (0..200).filter(|_| budget.take(now_s)).count()
    }

    #[test]
    fn four_at_once_and_then_one_every_two_seconds() {
        let mut budget = FetchBudget::default();
        assert_eq!(taken(&mut budget, NOW), 4);
        let later: usize = (1..=60).map(|second| taken(&mut budget, NOW + second)).sum();
        assert_eq!(later, 30);
        assert_eq!(taken(&mut budget, NOW + 100_000), 4, "what is not spent is not saved up");
    }

    #[test]
    fn a_clock_that_is_set_back_costs_no_more_than_an_empty_bucket() {
        let mut budget = FetchBudget::default();
        assert_eq!(taken(&mut budget, NOW), 4);
        assert_eq!(taken(&mut budget, NOW - 86_400), 0);
        assert_eq!(taken(&mut budget, NOW - 86_400 + 8), 4);
        assert_eq!(taken(&mut budget, 0), 0);
    }
}
