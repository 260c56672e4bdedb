//! Signed notes (<https://c2sp.org/signed-note>).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::key::{SIGNATURE, SigningKey, VerifyingKey};

/// What a signature line begins with: an em dash and a space.
const MARK: &str = "\u{2014} ";
/// In bytes. A checkpoint with the signatures of 16 witnesses is smaller, post-quantum ones of 5 kB included.
const LENGTH_MAX: usize = 128 * 1024;
/// The specification wants 16 to be accepted at least.
const SIGNATURES_MAX: usize = 32;

/// A text with its signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Ends with a newline.
    text: String,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    name: String,
    key_id: [u8; 4],
    bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not a signed note: a text, an empty line, and a line `\u{2014} NAME SIGNATURE` for each signature"
)]
pub struct InvalidNote;

/// What is known about a note's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// A given key signed it.
    Signed,
    /// None of the given keys is named.
    Unknown,
    /// It names a given key, which did not sign this text.
    Forged,
}

impl Note {
    /// Signs a text, which has to end with a newline and to contain no other control characters.
    #[must_use]
    pub fn sign(text: String, key: &SigningKey) -> Self {
        let (name, key_id) = (key.name().to_owned(), key.public().id());
        let bytes = key.sign(&text);
        Self { text, signatures: vec![Signature { name, key_id, bytes }] }
    }

    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The same note with more signatures, as lines. `None` if they are none.
    #[must_use]
    pub fn with_signatures(&self, lines: &str) -> Option<Self> {
        format!("{self}{lines}").parse().ok()
    }

    #[must_use]
    pub fn trust(&self, keys: &[VerifyingKey]) -> Trust {
        let mut trust = Trust::Unknown;
        for signature in &self.signatures {
            // Another length is not a signature of such a key: the note was written in part.
            let is_named = |key: &&VerifyingKey| {
                key.name() == signature.name
                    && key.id() == signature.key_id
                    && signature.bytes.len() == SIGNATURE
            };
            match keys.iter().find(is_named) {
                Some(key) if key.verifies(&self.text, &signature.bytes) => trust = Trust::Signed,
                Some(_) => return Trust::Forged,
                None => {}
            }
        }
        trust
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for Signature { name, key_id, bytes } in &self.signatures {
            writeln!(f, "{MARK}{name} {}", STANDARD.encode([key_id.as_slice(), bytes].concat()))?;
        }
        Ok(())
    }
}

impl FromStr for Note {
    type Err = InvalidNote;

    fn from_str(note: &str) -> Result<Self, InvalidNote> {
        let is_control = |c: char| c < ' ' && c != '\n';
        if note.len() > LENGTH_MAX || note.contains(is_control) {
            return Err(InvalidNote);
        }
        // The last empty line separates them.
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(InvalidNote)?;
        let signatures = signatures.strip_suffix('\n').ok_or(InvalidNote)?;
        let signatures: Vec<_> =
            signatures.split('\n').map(signature).collect::<Option<_>>().ok_or(InvalidNote)?;
        if text.is_empty() || signatures.len() > SIGNATURES_MAX {
            return Err(InvalidNote);
        }
        Ok(Self { text: format!("{text}\n"), signatures })
    }
}

fn signature(line: &str) -> Option<Signature> {
    let (name, signature) = line.strip_prefix(MARK)?.split_once(' ')?;
    let decoded = STANDARD.decode(signature).ok()?;
    let (key_id, bytes) = decoded.split_first_chunk()?;
    let is_name = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+');
    is_name.then(|| Signature { name: name.to_owned(), key_id: *key_id, bytes: bytes.to_vec() })
}
