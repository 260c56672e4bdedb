//! The lines that a sink has lost.

use std::fmt;

/// Lines that were never written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    pub lines: u64,
    /// As text, e.g. the system's message: `Broken pipe (os error 32)`.
    pub reason: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} log lines were lost: {}", self.lines, self.reason)
    }
}
