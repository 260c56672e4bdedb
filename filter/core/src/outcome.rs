//! How requests end at the edge, for the metrics and the log.

use crate::error::ErrorCode;

/// How a request ended at the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was forwarded to the control plane.
    Forwarded,
    /// It was answered with an earlier final answer.
    Replayed,
    Rejected(ErrorCode),
}

impl Outcome {
    /// The name in metrics and the access log: `forwarded`, `replayed`, or the rejection's code in lower case.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Forwarded => "forwarded".to_owned(),
            Self::Replayed => "replayed".to_owned(),
            Self::Rejected(code) => code.name().to_ascii_lowercase(),
        }
    }
}
