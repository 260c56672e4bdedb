//! A token bucket (RFC 2697's meter without colours), stored as the time at which it is full again.

/// Full at first. The caller chooses the unit of time.
#[derive(Debug, Default)]
pub(crate) struct TokenBucket {
    full_at: u64,
}

impl TokenBucket {
    /// Takes a token if there is one. The bucket holds `burst` of them and gains one each `every`.
    pub(crate) fn take(&mut self, now: u64, burst: u64, every: u64) -> bool {
        let latest = now.saturating_add(burst.saturating_mul(every));
        // After a clock was set back, tokens are missing for no longer than after an empty bucket.
        let full_at = self.full_at.clamp(now, latest);
        let spent = full_at.saturating_add(every);
        let has_token = spent <= latest;
        self.full_at = if has_token { spent } else { full_at };
        has_token
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    const NOW: u64 = 1_764_000_000;

    fn taken(bucket: &mut TokenBucket, now: u64) -> usize {
        (0..200).filter(|_| bucket.take(now, 4, 2)).count()
    }

    #[test]
    fn four_at_once_and_then_one_every_two_seconds() {
        let mut bucket = TokenBucket::default();
        assert_eq!(taken(&mut bucket, NOW), 4);
        let later: usize = (1..=60).map(|second| taken(&mut bucket, NOW + second)).sum();
        assert_eq!(later, 30);
        assert_eq!(taken(&mut bucket, NOW + 100_000), 4, "what is not spent is not saved up");
    }

    #[test]
    fn a_clock_that_is_set_back_costs_no_more_than_an_empty_bucket() {
        let mut bucket = TokenBucket::default();
        assert_eq!(taken(&mut bucket, NOW), 4);
        assert_eq!(taken(&mut bucket, NOW - 86_400), 0);
        assert_eq!(taken(&mut bucket, NOW - 86_400 + 8), 4);
        assert_eq!(taken(&mut bucket, 0), 0);
    }
}
