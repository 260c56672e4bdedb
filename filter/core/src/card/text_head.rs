//! How a text begins.

/// How many bytes decide whether the rest is read: no payload is shorter, and of random bytes so many are text less
/// than once in a million times.
pub(super) const HEAD: usize = 15;
/// How many bytes are searched for a text that the first ones do not show: because it is compressed without a header
/// (the tables of its codes take about 100 bytes), or because other bytes precede it, such as a version and a length.
pub(super) const PROBE: usize = 256;

/// Of UTF-16, every other byte is zero in names and JSON, whichever half comes first.
pub(super) fn begins_text(head: &[u8]) -> bool {
    // The mark that programs write in front of UTF-16; that of UTF-8 is a character.
    let head = match head {
        [0xff, 0xfe, rest @ ..] | [0xfe, 0xff, rest @ ..] => rest,
        _ => head,
    };
    let is_control = |byte: &u8| byte.is_ascii_control() && !matches!(byte, 0 | b'\t' | b'\n' | b'\r');
    let is_unicode = match std::str::from_utf8(head) {
        Ok(_) => true,
        // The head ends within a character.
        Err(error) => error.error_len().is_none(),
    };
    begins_json(head) || (is_unicode && !head.iter().any(is_control))
}

/// Whether this is JSON, whatever the encoding of the rest.
fn begins_json(head: &[u8]) -> bool {
    let mut seen = head.iter().filter(|byte| **byte != 0 && !byte.is_ascii_whitespace());
    let begin = (seen.next(), seen.next());
    matches!(
        begin,
        (Some(b'{'), Some(b'"')) | (Some(b'['), Some(b'{' | b'"')) | (Some(b'"'), Some(b'{' | b'['))
    )
}
