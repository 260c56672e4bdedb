//! How long each kind of data is kept.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Whole days that each kind is kept; `None`: for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Schedule {
    /// What payments hold of payers, from the payment on.
    pub payments_days: Option<u32>,
    /// Providers' events, from their receipt on.
    pub webhooks_days: Option<u32>,
    /// Idempotency keys with their answers, from their first use on.
    pub idempotency_days: Option<u32>,
    /// What the event log serves, from the event on.
    pub events_days: Option<u32>,
}

/// The days that may be asked for.
#[derive(Debug)]
pub struct Limits;

/// A hundred years.
const DAYS_MAX: u32 = 36_500;

impl Limits {
    /// Payers dispute charges for up to 180 days at PayPal, and merchants refund for as long.
    pub const PAYMENTS: RangeInclusive<u32> = 180..=DAYS_MAX;
    /// Providers send an event again for 30 days at most, when asked to; its row is what keeps it from acting twice.
    pub const WEBHOOKS: RangeInclusive<u32> = 35..=DAYS_MAX;
    /// PayPal keeps its own idempotency keys for 45 days, longer than any other horizon of a repeat.
    pub const IDEMPOTENCY: RangeInclusive<u32> = 46..=DAYS_MAX;
    /// A reader that was away for a week still misses nothing.
    pub const EVENTS: RangeInclusive<u32> = 7..=DAYS_MAX;
}

impl Schedule {
    /// What no operator has changed.
    pub const DEFAULT: Self = Self {
        payments_days: Some(730),
        webhooks_days: Some(90),
        idempotency_days: Some(90),
        events_days: Some(90),
    };
}

/// The time before which data kept for this many days has ended.
pub(super) fn cutoff(days: Option<u32>, now: Timestamp) -> Option<Timestamp> {
    now.checked_sub(SignedDuration::from_hours(24 * i64::from(days?))).ok()
}
