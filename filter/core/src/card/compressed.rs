//! What is compressed: deflate (RFC 1951), with a header of zlib or gzip, or with none.

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::text_head::{HEAD, PROBE, begins_text};

/// How many members of a gzip file are read: each takes time, however little is in it.
const MEMBERS_MAX: usize = 16;

/// What is compressed after a header of gzip (RFC 1952) or zlib (RFC 1950); none after a header that is cut off.
pub(super) fn headed(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        [0x1f, 0x8b, 8, rest @ ..] => Some(behind_gzip(rest).unwrap_or_default()),
        [method, flags, rest @ ..] => {
            let is_zlib = method & 0x8f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31);
            is_zlib.then_some(rest)
        }
        _ => None,
    }
}

/// `header`: from the flags on.
fn behind_gzip(header: &[u8]) -> Option<&[u8]> {
    const CHECKSUM: u8 = 2;
    const EXTRA: u8 = 4;
    const NAME: u8 = 8;
    const COMMENT: u8 = 16;
    let (flags, rest) = header.split_first()?;
    let mut rest = rest.get(6..)?;
    if flags & EXTRA != 0 {
        let (len, behind) = rest.split_first_chunk::<2>()?;
        rest = behind.get(usize::from(u16::from_le_bytes(*len))..)?;
    }
    for part in [NAME, COMMENT] {
        if flags & part != 0 {
            let end = rest.iter().position(|byte| *byte == 0)?;
            rest = rest.get(end + 1..)?;
        }
    }
    if flags & CHECKSUM != 0 { rest.get(2..) } else { Some(rest) }
}

/// Whether bytes that begin so, without a header, are a compressed text.
pub(super) fn begins_compressed(bytes: &[u8]) -> bool {
    let mut begin = [0; 4 * HEAD];
    let mut inflating = Inflating::new(bytes.get(..PROBE).unwrap_or(bytes));
    inflating.fill(&mut begin);
    inflating.len >= HEAD && begin.get(..HEAD).is_some_and(begins_text)
}

/// What the bytes, without a header, were before they were compressed: as far as they are whole, up to a limit.
pub(super) fn inflated(bytes: &[u8], limit: usize) -> Vec<u8> {
    let mut output = vec![0; bytes.len().saturating_mul(2).min(limit)];
    let mut inflating = Inflating::new(bytes);
    while inflating.fill(&mut output) && output.len() < limit {
        output.resize(output.len().saturating_mul(2).min(limit), 0);
    }
    output.truncate(inflating.len);
    output
}

/// Inflates one member of a gzip file after the other; anything else is like a file of one.
struct Inflating<'a> {
    rest: &'a [u8],
    decompressor: DecompressorOxide,
    /// How much of the output is written.
    len: usize,
    members_left: usize,
}

impl<'a> Inflating<'a> {
    fn new(rest: &'a [u8]) -> Self {
        Self { rest, decompressor: DecompressorOxide::default(), len: 0, members_left: MEMBERS_MAX - 1 }
    }

    /// Goes on to the end of the output, which begins with what was written before; whether there is more.
    fn fill(&mut self, output: &mut [u8]) -> bool {
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        loop {
            let (status, read, written) =
                decompress(&mut self.decompressor, self.rest, output, self.len, flags);
            self.len += written;
            self.rest = self.rest.get(read..).unwrap_or_default();
            if status != TINFLStatus::Done || !self.begin_member() {
                return status == TINFLStatus::HasMoreOutput;
            }
        }
    }

    /// Behind a checksum and a length, the next member may begin.
    fn begin_member(&mut self) -> bool {
        let next = match self.rest.get(8..) {
            Some([0x1f, 0x8b, 8, header @ ..]) if self.members_left > 0 => behind_gzip(header),
            _ => None,
        };
        let Some(next) = next else { return false };
        self.rest = next;
        self.members_left -= 1;
        self.decompressor.init();
        true
    }
}

#[cfg(test)]
mod tests {
    use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};

    use super::super::budget::Budget;
    use super::super::plain::{is_promising, text_of};
    use super::*;
    use crate::test;

    const TEXT: &str = r#"{"signedMessage":"x","note":"behind it, much that is much the same as it was"}"#;

    fn read(bytes: &[u8]) -> Option<String> {
        text_of(bytes, &mut Budget::default())
    }

    fn gzip(flags: u8, header: &[u8], text: &str) -> Vec<u8> {
        let begin = [[0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3].as_slice(), header].concat();
        [begin, compress_to_vec(text.as_bytes(), 6), vec![0; 8]].concat()
    }

    #[test]
    fn what_is_compressed_is_read_with_any_header_or_none() {
        let compressed = compress_to_vec_zlib(TEXT.as_bytes(), 6);
        for bytes in [
            compressed[..compressed.len() - 5].to_vec(),
            compressed,
            gzip(0, b"", TEXT),
            gzip(8, b"token.json\0", TEXT),
            gzip(4 + 8 + 16 + 2, b"\x03\0abcname\0comment\0\x01\x02", TEXT),
        ] {
            assert!((3..HEAD).all(|len| is_promising(&bytes[..len])), "{bytes:?}");
            assert!(read(&bytes).is_some_and(|read| read.starts_with(&TEXT[..40])), "{bytes:?}");
        }
        assert_eq!(read(&compress_to_vec(TEXT.as_bytes(), 6)).as_deref(), Some(TEXT));
    }

    #[test]
    fn the_members_of_a_gzip_file_are_one_text() {
        let (begin, end) = TEXT.split_at(20);
        for members in [
            [gzip(0, b"", begin), gzip(8, b"token.json\0", end)].concat(),
            [gzip(0, b"", ""), gzip(0, b"", "{"), gzip(0, b"", &TEXT[1..])].concat(),
        ] {
            assert_eq!(read(&members).as_deref(), Some(TEXT), "{members:?}");
        }
    }

    #[test]
    fn what_follows_the_last_member_that_is_read_is_left_out() {
        let members = [gzip(0, b"", TEXT), gzip(0, b"", "x").repeat(MEMBERS_MAX)].concat();
        let wanted = format!("{TEXT}{}", "x".repeat(MEMBERS_MAX - 1));
        assert_eq!(read(&members), Some(wanted));
    }
}
