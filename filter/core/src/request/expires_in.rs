//! The field `expiresIn` of a charge.

use serde::{Deserialize, Serialize};

/// How long a charge may still be made, in whole seconds from its request: 1 to 86,400.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u32")]
pub struct ExpiresIn(u32);

impl ExpiresIn {
    /// A day: a client does not want a charge any more that was not made by then.
    pub const MAX: u32 = 86_400;

    #[must_use]
    pub fn new(seconds: u64) -> Option<Self> {
        let seconds = u32::try_from(seconds).ok()?;
        (1..=Self::MAX).contains(&seconds).then_some(Self(seconds))
    }

    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

impl TryFrom<u64> for ExpiresIn {
    type Error = &'static str;

    fn try_from(seconds: u64) -> Result<Self, Self::Error> {
        Self::new(seconds).ok_or("out of range")
    }
}

impl From<ExpiresIn> for u32 {
    fn from(expires: ExpiresIn) -> Self {
        expires.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn a_charge_may_wait_from_a_second_to_a_day() {
        assert_eq!(ExpiresIn::new(0), None);
        assert_eq!(ExpiresIn::new(1).map(ExpiresIn::seconds), Some(1));
        assert_eq!(ExpiresIn::new(86_400).map(ExpiresIn::seconds), Some(86_400));
        assert_eq!(ExpiresIn::new(86_401), None);
        assert_eq!(ExpiresIn::new(u64::MAX), None);
    }
}
