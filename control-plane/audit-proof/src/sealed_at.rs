//! When a checkpoint was signed: an extension line of its text. It is no part of a [`Checkpoint`], so that heads of one
//! tree are equal whenever they were signed.

use crate::checkpoint::Checkpoint;
use crate::key::SigningKey;
use crate::note::Note;

/// What the line begins with; a space and the time follow.
const NAME: &str = "sealed-at";
/// The lines before the extension lines: origin, size and root hash.
const OWN_LINES: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a checkpoint says once when it was signed: `sealed-at` and microseconds since 1970")]
pub struct InvalidSealedAt;

impl Checkpoint {
    /// Signs it together with the time, in microseconds since 1970.
    #[must_use]
    pub fn signed_at(&self, at: i64, key: &SigningKey) -> Note {
        Note::sign(format!("{self}{NAME} {at}\n"), key)
    }
}

/// When a checkpoint with this text was signed, in microseconds since 1970. `None` if it does not say so.
///
/// # Errors
/// It says so twice, or not in the one form of a number.
pub fn sealed_at(text: &str) -> Result<Option<i64>, InvalidSealedAt> {
    let extensions = text.split('\n').skip(OWN_LINES);
    let mut values = extensions
        .map(|line| line.split_once(' ').unwrap_or((line, "")))
        .filter_map(|(name, value)| (name == NAME).then_some(value));
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => number(value).map(Some),
        (Some(_), Some(_)) => Err(InvalidSealedAt),
    }
}

/// Neither a needless sign nor leading zeros.
fn number(value: &str) -> Result<i64, InvalidSealedAt> {
    let number: i64 = value.parse().map_err(|_| InvalidSealedAt)?;
    if number.to_string() == value { Ok(number) } else { Err(InvalidSealedAt) }
}
