//! How stored values are protected.

use std::sync::Arc;

use sealing::{PlainValues, Wrapping};

/// The keys of a database's values.
#[derive(Clone, Debug, Default)]
pub struct Encryption {
    /// What wraps the data keys. `None`: values are stored as they are.
    pub wrapping: Option<Arc<dyn Wrapping>>,
    /// Whether a value that is not sealed counts as unreadable.
    pub rejects_plain: bool,
}

impl Encryption {
    /// Seals with these keys, and reads plain values of before.
    #[must_use]
    pub fn with(wrapping: Arc<dyn Wrapping>) -> Self {
        Self { wrapping: Some(wrapping), rejects_plain: false }
    }

    pub(crate) const fn plain_values(&self) -> PlainValues {
        match (&self.wrapping, self.rejects_plain) {
            (None, _) => PlainValues::Written,
            (Some(_), false) => PlainValues::Read,
            (Some(_), true) => PlainValues::Rejected,
        }
    }
}
