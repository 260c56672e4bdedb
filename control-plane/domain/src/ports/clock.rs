//! Time and randomness are injected so that tests control both.

use std::time::SystemTime;

use jiff::Timestamp;

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        // Out of range only if the clock is thousands of years off. Databases keep microseconds.
        let now = Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH);
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

/// The random part of a UUIDv7.
pub trait Entropy: Send + Sync {
    fn bytes(&self) -> [u8; 10];
}

/// The operating system's generator, seeded per thread.
#[derive(Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn bytes(&self) -> [u8; 10] {
        rand::random()
    }
}
