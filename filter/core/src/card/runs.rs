//! Rows of digits with only short separators between them, and the layouts that make them a card number.
//!
//! Any long enough row of digits contains one that passes the Luhn check, if every part of it is tried. So instead of
//! parts, layouts are tried:
//!
//! 1. **Bare**: digits without anything between them, of a length that the issuer uses ([`ranges`]), or such a number
//!    with the expiry and the check value glued to it.
//! 2. **Printed**: the groups in which cards are printed, with any separators, where they begin or end a list of
//!    groups: `2026 4242 4242 4242 4242` and `4242.4242.4242.4242 12/28`.
//! 3. **Free**: any grouping at all, of at least three groups, where the whole list of groups is one number: either all
//!    separators are the same, or no group is longer than four digits.
//!
//! And the published test numbers, in any layout.

use super::fold::Unit;
use super::honest;
use super::published;
use super::ranges::{self, LONGEST, Length, SHORTEST};

/// How many characters may be between two groups of one number. Enough for `" - "` among more spaces; with more between
/// them, readers see two numbers.
const MARKS_MAX: u8 = 6;
/// A letter as a separator, as in `4242x4242x4242x4242`. Two make a word.
const LETTERS_MAX: u8 = 1;

/// The separator between two groups.
#[derive(Clone, Copy, Default)]
struct Gap {
    marks: u8,
    letters: u8,
    /// Equal for equal characters, and for hardly any others.
    signature: u64,
}

impl Gap {
    fn push(&mut self, character: char, is_letter: bool) {
        if is_letter {
            self.letters = self.letters.saturating_add(1);
        } else {
            self.marks = self.marks.saturating_add(1);
        }
        self.signature = self.signature.wrapping_mul(0x0100_0000_01b3) ^ u64::from(character);
    }

    const fn is_short(self) -> bool {
        self.marks <= MARKS_MAX && self.letters <= LETTERS_MAX
    }

    const fn is_empty(self) -> bool {
        self.marks == 0 && self.letters == 0
    }

    /// Exactly this one character.
    fn is(self, character: char) -> bool {
        self.marks == 1 && self.letters == 0 && self.signature == u64::from(character)
    }
}

#[derive(Clone, Copy)]
struct Group {
    start: usize,
    len: usize,
    /// Before it.
    gap: Gap,
}

/// The state of a row while it is read.
#[derive(Default)]
pub(super) struct DigitRun {
    digits: Vec<u8>,
    groups: Vec<Group>,
    gap: Gap,
}

impl DigitRun {
    /// Reads one character; true if that ends a row that contains a card number.
    pub(super) fn push(&mut self, unit: Unit, character: char) -> bool {
        match unit {
            Unit::Digit(digit) => {
                self.push_digit(digit);
                false
            }
            Unit::Pair(tens, ones) => {
                self.push_digit(tens);
                self.push_digit(ones);
                false
            }
            Unit::Letter | Unit::Mark if self.groups.is_empty() => false,
            Unit::Letter | Unit::Mark => {
                self.gap.push(character, unit == Unit::Letter);
                !self.gap.is_short() && self.end()
            }
        }
    }

    fn push_digit(&mut self, digit: u8) {
        let gap = std::mem::take(&mut self.gap);
        match self.groups.last_mut() {
            Some(group) if gap.is_empty() => group.len += 1,
            _ => self.groups.push(Group { start: self.digits.len(), len: 1, gap }),
        }
        self.digits.push(digit);
    }

    /// Ends the row; true if it contains a card number.
    pub(super) fn end(&mut self) -> bool {
        let found = self.digits.len() >= SHORTEST && self.holds_number();
        self.digits.clear();
        self.groups.clear();
        self.gap = Gap::default();
        found
    }

    fn holds_number(&self) -> bool {
        published::within(&self.digits)
            || (0..self.groups.len()).any(|i| self.is_bare(i) || self.is_printed(i))
            || self.groups.chunk_by(|_, next| next.gap.letters == 0).any(|list| self.is_free(list))
    }

    fn digits_of(&self, groups: &[Group]) -> &[u8] {
        let (Some(first), Some(last)) = (groups.first(), groups.last()) else { return &[] };
        self.digits.get(first.start..last.start + last.len).unwrap_or_default()
    }

    fn is_bare(&self, i: usize) -> bool {
        let Some(group) = self.groups.get(i..=i) else { return false };
        !self.is_fraction(i) && is_bare_number(self.digits_of(group))
    }

    /// The decimals of a number like `0.4242424242424242`, which a program writes with up to 16.
    fn is_fraction(&self, i: usize) -> bool {
        let (Some(whole), Some(group)) =
            (i.checked_sub(1).and_then(|i| self.groups.get(i)), self.groups.get(i))
        else {
            return false;
        };
        whole.len <= 3 && (group.gap.is('.') || group.gap.is(','))
    }

    fn is_printed(&self, i: usize) -> bool {
        let fits = |layout: &[usize]| {
            let groups = self.groups.get(i..i + layout.len())?;
            let fits = groups.iter().map(|group| group.len).eq(layout.iter().copied());
            let length = fits.then(|| ranges::number(self.digits_of(groups)))??;
            Some((length, self.stands_apart(i, groups)))
        };
        let on_a_card = |layout: &[usize]| fits(layout).filter(|(_, (before, behind))| *before || *behind);
        let by_hand = |layout: &[usize]| fits(layout).is_some_and(|(_, (before, behind))| before && behind);
        let is_found = ON_CARDS.iter().any(|layout| on_a_card(layout).is_some())
            || on_a_card(OF_19).is_some_and(|(length, _)| length == Length::Common)
            || BY_HAND.iter().any(|layout| by_hand(layout));
        is_found && !self.is_polish_account()
    }

    /// Whether a list of groups begins with these, and ends with them: none is beside them, or there is another
    /// separator.
    fn stands_apart(&self, i: usize, groups: &[Group]) -> (bool, bool) {
        let differs = |gap: Gap| !groups.iter().skip(1).any(|group| group.gap.signature == gap.signature);
        let before = i == 0 || groups.first().is_none_or(|group| differs(group.gap));
        (before, self.groups.get(i + groups.len()).is_none_or(|next| differs(next.gap)))
    }

    /// A Polish account as it is printed: an IBAN without its country.
    fn is_polish_account(&self) -> bool {
        self.groups.windows(7).any(|groups| groups.iter().map(|group| group.len).eq([2, 4, 4, 4, 4, 4, 4]))
    }

    /// `list`: groups without a letter between them.
    fn is_free(&self, list: &[Group]) -> bool {
        let Some((_, rest)) = list.split_first() else { return false };
        let mut start = 0;
        let alike = rest.chunk_by(|a, b| a.gap.signature == b.gap.signature).any(|chunk| {
            let stretch = list.get(start..=start + chunk.len()).unwrap_or_default();
            start += chunk.len();
            stretch.len() >= ALIKE_MIN && self.is_card_number(stretch)
        });
        alike
            || (list.len() >= MIXED_MIN
                && is_in_small_groups(list)
                && !is_of_pairs(rest)
                && !self.is_address(list)
                && self.is_card_number(list))
    }

    /// An IPv4 address, with a port or without.
    fn is_address(&self, list: &[Group]) -> bool {
        let is_byte = |group: &[Group]| {
            self.digits_of(group).iter().fold(0, |n, digit| n * 10 + u32::from(*digit)) < 256
        };
        let (Some(bytes), Some(rest)) = (list.get(..4), list.get(1..4)) else { return false };
        rest.iter().all(|group| group.gap.is('.')) && bytes.chunks(1).all(is_byte)
    }

    fn is_card_number(&self, groups: &[Group]) -> bool {
        is_card_number(self.digits_of(groups))
    }
}

/// The groups of a number in a free layout. Two numbers side by side are common, a card number in two parts is not.
const ALIKE_MIN: usize = 3;
/// With any separators.
const MIXED_MIN: usize = 4;
/// Decimals of coordinates and order numbers are longer.
const MIXED_GROUP_MAX: usize = 4;

fn is_in_small_groups(list: &[Group]) -> bool {
    list.iter().all(|group| group.len <= MIXED_GROUP_MAX)
}

/// A list of pairs, such as decimals (`41.12, 42.13, 43.14`) or results: two alternating separators. `rest`: all groups
/// but the first.
fn is_of_pairs(rest: &[Group]) -> bool {
    let signature = |i: usize| rest.get(i).map(|group| group.gap.signature);
    let by_turns = |(i, group): (usize, &Group)| Some(group.gap.signature) == signature(i % 2);
    signature(0) != signature(1) && rest.iter().enumerate().all(by_turns)
}

/// The groups that are printed on cards: found where a list of groups begins or ends with them.
const ON_CARDS: [&[usize]; 3] = [
    &[4, 4, 4, 4],
    // American Express
    &[4, 6, 5],
    // Diners
    &[4, 6, 4],
];

/// On UnionPay's with 19 digits; on others of this length they count as grouped by hand.
const OF_19: &[usize] = &[4, 4, 4, 4, 3];

/// The groups in which people write numbers of other lengths: recognized only without other groups. Shipments and
/// accounts are printed in groups of four, too.
const BY_HAND: [&[usize]; 6] =
    [&[4, 4, 4, 3], &[4, 4, 4, 2], OF_19, &[4, 4, 4, 4, 2], &[4, 4, 4, 4, 1], &[6, 13]];

/// Whether these digits, with nothing between them, are a card number, or one with its expiry glued to it.
pub(super) fn is_bare_number(digits: &[u8]) -> bool {
    if digits.len() <= LONGEST {
        return is_card_number(digits);
    }
    // The expiry alone after 15 digits would make the 19 of a snowflake, so a longer attachment is required there: any
    // row of up to 19 digits is treated as one number.
    [15, 16, 19].into_iter().any(|len| {
        let Some((number, glued)) = digits.split_at_checked(len) else { return false };
        is_expiry(glued) && is_card_number(number)
    })
}

fn is_card_number(digits: &[u8]) -> bool {
    ranges::number(digits) == Some(Length::Common) && !honest::is_something_else(digits)
}

/// An expiry (MMYY or MMYYYY), alone or before or after a check value of three or four digits. Lets one row of four
/// random digits in 28 be one.
fn is_expiry(glued: &[u8]) -> bool {
    let pair = |at: usize| Some(glued.get(at)? * 10 + glued.get(at + 1)?);
    let is_at = |at: usize| {
        pair(at).is_some_and(|month| (1..=12).contains(&month)) && pair(at + 2).is_some_and(is_year)
    };
    let is_long_at = |at: usize| {
        pair(at).is_some_and(|month| (1..=12).contains(&month))
            && pair(at + 2) == Some(20)
            && pair(at + 4).is_some_and(is_year)
    };
    match glued.len() {
        4 => is_at(0),
        6 => is_long_at(0),
        7 => is_at(0) || is_at(3),
        8 => is_at(0) || is_at(4),
        9 => is_long_at(0) || is_long_at(3),
        10 => is_long_at(0) || is_long_at(4),
        _ => false,
    }
}

/// Cards expire within 20 years, and old ones are still pasted.
const fn is_year(year: u8) -> bool {
    20 <= year && year < 50
}
