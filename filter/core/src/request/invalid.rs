//! Why a body or a query is refused.

use std::fmt;

/// Why a body or a query was refused. Holds names of fields, never a caller's values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRequest {
    /// The field at fault, e.g. `amount` or `metadata.order`, where there is one that can be named.
    pub param: Option<String>,
    /// Says what would be right.
    pub message: String,
}

impl InvalidRequest {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { param: None, message: message.into() }
    }

    /// `{name} {fault}`, where the name is one that can be shown: a caller may send anything as a name.
    pub(crate) fn named(name: &str, fault: &str) -> Self {
        let showable = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
        if (1..=100).contains(&name.len()) && name.bytes().all(showable) {
            Self { param: Some(name.to_owned()), message: format!("`{name}` {fault}") }
        } else {
            Self { param: None, message: format!("a field {fault}") }
        }
    }
}

impl fmt::Display for InvalidRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for InvalidRequest {}
