//! A lease to execute a request: its length and its number.

use serde::{Deserialize, Serialize};

/// How long a claim excludes other requests, in milliseconds: 1 to 600,000 (ten minutes).
///
/// It should outlast the longest execution. A lease that expires too early executes nothing twice: the next request
/// reaches the control plane, whose durable row decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Lease(u32);

impl Lease {
    #[must_use]
    pub const fn from_ms(ms: u32) -> Option<Self> {
        if ms >= 1 && ms <= 600_000 { Some(Self(ms)) } else { None }
    }

    #[must_use]
    pub const fn as_ms(self) -> u32 {
        self.0
    }

    pub(super) const fn as_us(self) -> u64 {
        self.0 as u64 * 1_000
    }
}

/// The number of a lease. A later lease has a higher one, and an owner that presents a lower one is too late.
///
/// Microseconds since 1970 by the cache's clock, raised where that would not be higher. At most 2^53 - 1, which JSON
/// and Lua numbers represent exactly; the clock gets there in the year 2255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Fence(u64);

const FENCE_MAX: u64 = (1 << 53) - 1;

impl Fence {
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        if number >= 1 && number <= FENCE_MAX { Some(Self(number)) } else { None }
    }

    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The fence of the lease that begins at `now_us` after the lease `held`.
    pub(super) fn after(held: Option<Self>, now_us: u64) -> Self {
        let least = held.map_or(1, |fence| fence.0.saturating_add(1));
        Self(now_us.max(least).min(FENCE_MAX))
    }
}

impl TryFrom<u32> for Lease {
    type Error = &'static str;

    fn try_from(ms: u32) -> Result<Self, Self::Error> {
        Self::from_ms(ms).ok_or("a lease must be from 1 to 600000 milliseconds")
    }
}

impl From<Lease> for u32 {
    fn from(lease: Lease) -> Self {
        lease.0
    }
}

impl TryFrom<u64> for Fence {
    type Error = &'static str;

    fn try_from(number: u64) -> Result<Self, Self::Error> {
        Self::new(number).ok_or("a fence must be from 1 to 9007199254740991")
    }
}

impl From<Fence> for u64 {
    fn from(fence: Fence) -> Self {
        fence.0
    }
}
