//! How the gateway retries undecided work.

use std::time::Duration;

use jiff::SignedDuration;
use payments::usecases::retries::RetryPolicy;
use payments_providers::Timeouts;

use super::{ConfigError, Source};

/// The time a lease needs beyond the call itself: the commit of the call's answer, with retries.
const AROUND_A_CALL: Duration = Duration::from_secs(15);

/// Reads the retry policy. The lease of a call in flight follows from the providers' timeouts.
pub(super) fn retries(source: &Source, timeouts: &Timeouts) -> Result<RetryPolicy, ConfigError> {
    let default = RetryPolicy::default();
    let base = number(source, "RETRY_BASE_MS", 1..=60_000)?.map(SignedDuration::from_millis);
    let cap = number(source, "RETRY_CAP_SECONDS", 1..=3_600)?.map(SignedDuration::from_secs);
    let keep_trying = number(source, "RETRY_FOR_SECONDS", 0..=604_800)?.map(SignedDuration::from_secs);
    let per_second = number(source, "RETRY_BUDGET_PER_SECOND", 0..=10_000)?;
    let looks = number(source, "LOOK_BUDGET_PER_SECOND", 1..=10_000)?;
    let inline = number(source, "INLINE_REPEAT_WITHIN_MS", 0..=60_000)?;
    let review = number(source, "REVIEW_AFTER_SECONDS", 1..=604_800)?.map(SignedDuration::from_secs);
    let park = number(source, "WEBHOOK_PARK_AFTER_SECONDS", 1..=2_592_000)?.map(SignedDuration::from_secs);
    let expires = number(source, "CHARGE_EXPIRES_SECONDS", 1..=86_400)?.map(SignedDuration::from_secs);
    let watch = number(source, "WATCH_AFTER_SECONDS", 1..=86_400)?.map(SignedDuration::from_secs);
    let call_lease = timeouts.operation + AROUND_A_CALL;
    Ok(RetryPolicy {
        base: base.unwrap_or(default.base),
        cap: cap.unwrap_or(default.cap),
        keep_trying: keep_trying.unwrap_or(default.keep_trying),
        per_second: per_second.and_then(|n| u32::try_from(n).ok()).unwrap_or(default.per_second),
        looks_per_second: looks.and_then(|n| u32::try_from(n).ok()).unwrap_or(default.looks_per_second),
        inline_within: inline.map_or(default.inline_within, |ms| {
            Some(SignedDuration::from_millis(ms)).filter(|within| !within.is_zero())
        }),
        call_lease: SignedDuration::try_from(call_lease).unwrap_or(default.call_lease),
        review_after: review.unwrap_or(default.review_after),
        park_after: park.unwrap_or(default.park_after),
        charge_expires: expires.unwrap_or(default.charge_expires),
        watch_first: watch.unwrap_or(default.watch_first),
    })
}

fn number(
    source: &Source,
    key: &'static str,
    allowed: std::ops::RangeInclusive<i64>,
) -> Result<Option<i64>, ConfigError> {
    source.read_with(key, |text| {
        let number = text.parse().ok().filter(|number| allowed.contains(number));
        number.ok_or_else(|| format!("must be a whole number from {} to {}", allowed.start(), allowed.end()))
    })
}
