//! What a sink has cost.

use std::fmt;

/// Lines that were never written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub lines: u64,
    /// In words, e.g. the system's own: `Broken pipe (os error 32)`.
    pub reason: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} log lines were lost: {}", self.lines, self.reason)
    }
}
