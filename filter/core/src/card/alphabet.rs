//! The alphabets of encoded texts (RFC 4648): base64 in either of its alphabets, base32 and hexadecimal.

use super::plain::{HEAD, HIDDEN_MIN, PROBE, hides_text, is_promising};

/// How characters encode bits.
pub(super) struct Alphabet {
    value: fn(u8) -> Option<u8>,
    pub(super) bits: usize,
    /// After this many characters, one begins a byte again.
    pub(super) period: usize,
    /// What may stand between the characters.
    is_blank: fn(u8) -> bool,
}

pub(super) const BASE64: Alphabet = Alphabet { value: sextet, bits: 6, period: 4, is_blank };
/// Base64 in lines or pieces with marks between them, or each with its padding.
pub(super) const IN_PIECES: Alphabet = Alphabet { is_blank: is_blank_or_break, ..BASE64 };
/// In capitals alone, as programs write it: in small letters, each sentence would be in this alphabet.
pub(super) const BASE32: Alphabet = Alphabet { value: quintet, bits: 5, period: PERIOD_MAX, is_blank };
pub(super) const HEX: Alphabet = Alphabet { value: hex_digit, bits: 4, period: 2, is_blank };
pub(super) const PERIOD_MAX: usize = 8;

/// A part of a text that is in an alphabet, and how many of its characters it has.
pub(super) struct Run<'a> {
    pub(super) text: &'a [u8],
    pub(super) units: usize,
}

impl Run<'_> {
    pub(super) fn has_breaks(&self) -> bool {
        self.text.iter().any(is_break)
    }
}

impl Alphabet {
    pub(super) const fn least(&self) -> usize {
        HEAD * 8 / self.bits
    }

    pub(super) fn is_unit(&self, byte: u8) -> bool {
        (self.value)(byte).is_some()
    }

    /// The parts of a text in this alphabet that are long enough.
    pub(super) fn runs<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = Run<'a>> {
        text.split(move |byte| !(self.is_unit(*byte) || (self.is_blank)(*byte))).filter_map(move |text| {
            let units = text.iter().filter(|byte| self.is_unit(**byte)).count();
            (units >= self.least()).then_some(Run { text, units })
        })
    }

    /// The bytes that a run encodes, without left-over bits.
    pub(super) fn bytes<'a>(&'a self, run: &'a [u8]) -> impl Iterator<Item = u8> {
        let mut rest = run.iter();
        let (mut held, mut len) = (0_u32, 0);
        std::iter::from_fn(move || {
            while len < 8 {
                let byte = rest.next()?;
                if let Some(value) = (self.value)(*byte) {
                    held = (held << self.bits) | u32::from(value);
                    len += self.bits;
                } else if *byte == PADDING {
                    (held, len) = (0, 0);
                }
            }
            len -= 8;
            let byte = held >> len;
            held &= (1_u32 << len) - 1;
            u8::try_from(byte).ok()
        })
    }

    /// The first of these bytes, as many as the buffer takes.
    fn begin<'b>(&self, run: &[u8], buffer: &'b mut [u8]) -> &'b [u8] {
        let mut len = 0;
        for (slot, byte) in buffer.iter_mut().zip(self.bytes(run)) {
            *slot = byte;
            len += 1;
        }
        buffer.get(..len).unwrap_or_default()
    }

    /// Decided by the first bytes alone for nearly all words of a sentence, without a copy of anything.
    pub(super) fn is_promising(&self, run: &[u8]) -> bool {
        let mut head = [0; HEAD];
        [3, HEAD]
            .into_iter()
            .all(|len| head.get_mut(..len).is_some_and(|head| is_promising(self.begin(run, head))))
    }

    /// Whether the run is, as a whole, a text that its first bytes do not show.
    pub(super) fn hides_text(&self, run: &Run<'_>) -> bool {
        let mut probe = [0; PROBE];
        run.units * self.bits / 8 >= HIDDEN_MIN && hides_text(self.begin(run.text, &mut probe))
    }
}

/// What may stand between the characters of an encoded text: blanks and ends of lines, and whatever is not ASCII, such as
/// a space of no width.
const fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || !byte.is_ascii()
}

/// Behind it, a byte begins.
pub(super) const PADDING: u8 = b'=';

const fn is_break(byte: &u8) -> bool {
    matches!(*byte, b',' | b'.' | b'>' | PADDING)
}

const fn is_blank_or_break(byte: u8) -> bool {
    is_blank(byte) || is_break(&byte)
}

fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

fn quintet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'2'..=b'7' => Some(byte - b'2' + 26),
        _ => None,
    }
}

pub(super) fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
