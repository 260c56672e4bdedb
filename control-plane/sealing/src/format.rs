//! How a sealed value is stored.
//!
//! `enc1:0123456789abcdef:` and nonce, ciphertext and tag: in base64 (RFC 4648, without padding) where the column holds
//! text, as they are where it holds bytes. The head names the format and the data key, so that SQL can count the values
//! of a key. No plain value begins like this: all of them are JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use crate::DataKeyId;

/// Begins every sealed value. The digit is the version: AES-256-GCM, bound to a [`crate::ValueAddress`].
pub const PREFIX: &str = "enc1:";

const HEAD: usize = PREFIX.len() + DataKeyId::LENGTH + 1;

/// It begins as a sealed value and is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a sealed value")]
pub struct Malformed;

/// The data key that a value is sealed with; `None` for a plain value.
///
/// # Errors
/// It begins as a sealed value and names no key.
pub fn key_of(stored: &[u8]) -> Result<Option<DataKeyId>, Malformed> {
    if !stored.starts_with(PREFIX.as_bytes()) {
        return Ok(None);
    }
    let head = stored.get(PREFIX.len()..HEAD).and_then(|head| std::str::from_utf8(head).ok());
    let id = head.and_then(|head| head.strip_suffix(':')).ok_or(Malformed)?;
    id.parse().map(Some).map_err(|_| Malformed)
}

pub(crate) fn write_text(key: DataKeyId, sealed: &[u8]) -> String {
    let mut text = String::with_capacity(HEAD + sealed.len().div_ceil(3) * 4);
    text.push_str(PREFIX);
    text.extend(key.digits().map(char::from));
    text.push(':');
    STANDARD_NO_PAD.encode_string(sealed, &mut text);
    text
}

pub(crate) fn write_bytes(key: DataKeyId, sealed: &[u8]) -> Vec<u8> {
    [PREFIX.as_bytes(), &key.digits(), b":", sealed].concat()
}

/// Nonce, ciphertext and tag of a sealed text.
pub(crate) fn read_text(stored: &str) -> Result<Vec<u8>, Malformed> {
    STANDARD_NO_PAD.decode(stored.get(HEAD..).ok_or(Malformed)?).map_err(|_| Malformed)
}

/// Nonce, ciphertext and tag of sealed bytes.
pub(crate) fn read_bytes(mut stored: Vec<u8>) -> Vec<u8> {
    stored.drain(..HEAD.min(stored.len()));
    stored
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: DataKeyId = DataKeyId::from_bytes([1, 35, 69, 103, 137, 171, 205, 239]);

    /// Other releases read it.
    #[test]
    fn a_sealed_value_looks_as_documented() {
        assert_eq!(write_text(KEY, b"\xff\xfe\xfd\x00"), "enc1:0123456789abcdef://79AA");
        assert_eq!(write_bytes(KEY, b"\xff\x00"), b"enc1:0123456789abcdef:\xff\x00");
    }

    #[test]
    fn the_key_is_read_from_the_head_and_a_plain_value_has_none() {
        assert_eq!(key_of(write_text(KEY, b"a").as_bytes()), Ok(Some(KEY)));
        assert_eq!(key_of(&write_bytes(KEY, b"")), Ok(Some(KEY)));
        for plain in [b"".as_slice(), b"{}", b"enc", b"enc2:0123456789abcdef:", b"\xff"] {
            assert_eq!(key_of(plain), Ok(None), "{plain:?}");
        }
        for wrong in ["enc1:", "enc1:0123456789abcdef", "enc1:0123456789ABCDEF:", "enc1:0123456789abcde::"] {
            assert_eq!(key_of(wrong.as_bytes()), Err(Malformed), "{wrong}");
        }
    }

    #[test]
    fn what_was_written_reads_back() {
        for length in 0..70_u8 {
            let sealed: Vec<u8> = (0..length).collect();
            assert_eq!(read_text(&write_text(KEY, &sealed)), Ok(sealed.clone()));
            assert_eq!(read_bytes(write_bytes(KEY, &sealed)), sealed);
        }
        assert_eq!(read_text("enc1:0123456789abcdef:*"), Err(Malformed));
    }
}
