//! The gateway's clock in tests.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use payments::ports::clock::Clock;

/// Stands still until it is moved. In microseconds since 1970.
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Where it stands at first, in seconds since 1970.
    pub const START_S: i64 = 1_767_225_600;

    #[must_use]
    pub fn start() -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(Self::START_S * 1_000_000)))
    }

    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    pub fn advance_by(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).expect("a test takes no ages"), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).expect("a test goes to no other age")
    }
}
