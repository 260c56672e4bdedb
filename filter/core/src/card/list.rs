//! Texts in pieces: an array, or an object with the names `0`, `1`, …, of bytes, characters, groups of digits or parts of
//! an encoded text, or of such arrays.

use std::borrow::Cow;
use std::ops::Range;

use super::json::{Part, unescaped};
use super::ranges::{LONGEST, SHORTEST};
use super::spelling;

/// Longer strings are not pieces: an encoded line has at most 76 characters (RFC 2045).
const PIECE_MAX: usize = 80;
/// What fewer characters encode is no part of a payload.
const JOINED_MIN: usize = 20;
/// A card number in single digits with commas, with its expiry and its check value.
const NUMBER_MAX: usize = 64;
/// A printed number has at most so many groups.
const GROUPS_MAX: usize = 5;

/// The pieces that were seen last, one after the other.
#[derive(Default)]
pub(super) struct List {
    pieces: Vec<Range<usize>>,
    is_open: bool,
    /// Where lists are that follow each other in an outer list, such as the rows of a table.
    rows: Vec<Range<usize>>,
    row_count: usize,
    /// The last row has ended, and neither the next one nor anything else has begun.
    is_between_rows: bool,
}

/// Pieces that may be a text.
pub(super) struct Joined {
    pub(super) text: String,
    /// From the first piece to the last.
    pub(super) range: Range<usize>,
    /// The pieces are the groups of a card number.
    pub(super) is_number: bool,
    /// It is long enough for a part of a payload.
    pub(super) may_hold_payload: bool,
}

impl List {
    /// Takes the next part of the `text`; returns the pieces that end with it. Copies nothing until they end.
    pub(super) fn push(&mut self, part: &Part, text: &[u8]) -> Option<Joined> {
        match part {
            Part::Mark(b',') => None,
            Part::Mark(mark) => self.mark(*mark, text),
            Part::Name(name) if is_index(text, name) => {
                self.is_open = true;
                None
            }
            Part::Name(_) => {
                self.is_open = false;
                self.end(text)
            }
            Part::Text(piece) | Part::Loose(piece) => {
                if self.is_between_rows {
                    self.leave_rows();
                }
                if !self.is_open {
                    return None;
                }
                if piece.len() > PIECE_MAX {
                    return self.end(text);
                }
                self.pieces.push(piece.clone());
                None
            }
        }
    }

    fn mark(&mut self, mark: u8, text: &[u8]) -> Option<Joined> {
        self.is_open |= mark == b'[';
        match mark {
            b'[' if self.is_between_rows => {
                self.is_between_rows = false;
                None
            }
            b']' | b'}' if self.is_between_rows => self.end_rows(text),
            b']' => self.end_row(text),
            _ => self.end(text),
        }
    }

    fn end(&mut self, text: &[u8]) -> Option<Joined> {
        let joined = join(&self.pieces, text);
        self.pieces.clear();
        self.leave_rows();
        joined
    }

    fn end_row(&mut self, text: &[u8]) -> Option<Joined> {
        let joined = join(&self.pieces, text);
        self.row_count += usize::from(!self.pieces.is_empty());
        self.rows.append(&mut self.pieces);
        self.is_between_rows = true;
        joined
    }

    /// A single row was joined at its own end.
    fn end_rows(&mut self, text: &[u8]) -> Option<Joined> {
        let joined = if self.row_count > 1 { join(&self.rows, text) } else { None };
        self.leave_rows();
        joined
    }

    fn leave_rows(&mut self) {
        self.rows.clear();
        self.row_count = 0;
        self.is_between_rows = false;
    }
}

fn join(pieces: &[Range<usize>], text: &[u8]) -> Option<Joined> {
    let range = match pieces {
        [first, .., last] => first.start..last.end,
        _ => return None,
    };
    let pieces = pieces.iter().map(|piece| text.get(piece.clone()).unwrap_or_default().trim_ascii());
    // Figures stay apart, characters are put together.
    let separator = if pieces.clone().all(is_figure) { "," } else { "" };
    let len: usize = pieces.clone().map(|piece| piece.len() + separator.len()).sum();
    (len >= SHORTEST).then(|| {
        let is_quoted = range.start.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'"');
        let pieces: Vec<_> = pieces.map(unescaped).collect();
        let text = pieces.join(separator);
        let is_number = pieces.iter().all(|piece| piece.len() <= LONGEST)
            && text.len() <= NUMBER_MAX
            && (spelling::holds_published(&text) || (is_quoted && is_printed(&pieces)));
        Joined { text, range, is_number, may_hold_payload: len >= JOINED_MIN }
    })
}

/// Strings that are the groups of a card number, as a form with a field for each group has them. Numbers are quantities,
/// of which only those count that make up a published test number.
fn is_printed(groups: &[Cow<'_, str>]) -> bool {
    let is_group = |group: &Cow<'_, str>| group.len() > 1 && group.bytes().all(|byte| byte.is_ascii_digit());
    (3..=GROUPS_MAX).contains(&groups.len())
        && groups.iter().all(is_group)
        && spelling::holds_number(&groups.join(" "))
}

fn is_index(text: &[u8], name: &Range<usize>) -> bool {
    text.get(name.clone()).is_some_and(|name| !name.is_empty() && name.iter().all(u8::is_ascii_digit))
}

/// A byte as programs write it: `123`, `0x7b`.
fn is_figure(piece: &[u8]) -> bool {
    matches!(piece, [b'0', b'x' | b'X', ..]) || piece.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::super::json::Parts;
    use super::*;
    use crate::test;

    fn joined(text: &str) -> Vec<String> {
        let mut list = List::default();
        let found = Parts::new(text.as_bytes()).filter_map(|part| list.push(&part, text.as_bytes()));
        found.map(|joined| joined.text).collect()
    }

    #[test]
    fn pieces_are_joined_where_their_list_ends() {
        let wanted = "100,101,102,103,104,105";
        for text in [
            r#"{"a":[100,101,102, 103 ,104,105],"b":"c"}"#,
            r#"{"a":["100","101","102","103","104","105"]}"#,
            r#"{"0":100,"1":101,"2":102,"3":103,"4":104,"5":105}"#,
            r#"[100,101,102,103,104,105,{"a":[1,2]}]"#,
            "[[],100,101,102,103,104,105]",
            "[[100,101,102,103,104,105]]",
            "[[100,101],[102,103] , [104,105]]",
            r#"{"a":[{"b":[[100,101,102],[],[103,104,105]]}]}"#,
            r#"{"0":[100,101,102],"1":[103,104,105]}"#,
        ] {
            assert_eq!(joined(text), [wanted], "{text}");
        }
        assert_eq!(joined(r#"["abcdefghijkl","mnopqrstuvwxyz\u0061"]"#), ["abcdefghijklmnopqrstuvwxyza"]);
    }

    #[test]
    fn members_with_names_and_short_lists_are_no_pieces() {
        for text in [
            r#"{"a":"abcdefghijklmnopqrst","b":"abcdefghijklmnopqrst"}"#,
            "[1,2,3]",
            r#"["abcdefghijklmnopqrstuvwxyz"]"#,
            r#"{"a":[],"b":"abcdefghijklmnopqrst","c":"abcdefghijklmnopqrst"}"#,
            "[[100,101,102],7,[103,104,105]]",
            r#"[[100,101,102],{"a":1},[103,104,105]]"#,
            "[[[100,101,102]],[[103,104,105]]]",
            r#"{"a":[100,101,102],"b":[103,104,105]}"#,
        ] {
            assert_eq!(joined(text), Vec::<String>::new(), "{text}");
        }
    }
}
