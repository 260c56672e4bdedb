//! Names of fields with data that merchants must not store (PCI DSS 4.0, requirement 3.3: check values, PINs, tracks)
//! or that the gateway does not accept (card numbers). Such a field is rejected whatever its value.
//!
//! A name is split into words, so case, `_`, `-`, `.` and spaces make no difference: `cardNumber`, `card_number` and
//! `CARD-NUMBER` are the same name. Nor do invisible characters and other forms of letters, such as mathematical ones.
//! Letters that stand one by one are a word: `c_v_v` is `cvv`.
//!
//! Legitimate words, and the decisions about them:
//!
//! - `pin_code`, `pincode`: India Post calls its postal codes so. Taken with six digits that do not begin with 0, which
//!   no card's PIN of four digits is; refused with anything else. `pin` alone is refused.
//! - `pan_number`, `pan_card`, `pan_no`: India's tax number is a PAN too. Taken in its form, five letters, four digits
//!   and a letter; refused otherwise. `pan` alone is refused.
//! - `cvc_check`, `cvv_result`: what a provider said of a check value is none.
//! - `card_number_last4`, `masked_pan`, `pan_token`: parts and stand-ins of a number are allowed; a whole number in them
//!   is found by its digits.
//! - `gift_card_number`, `loyalty_card_no`: cards of other kinds.
//! - `card_pin`, `user_pin`, `pin_number`, `pin_block`: refused; `pin_count`, `pickup_pin`, `pinboard` and other names with
//!   `pin` are none of a card.
//! - `track`: the magnetic stripe's, when it stands alone or with a number. `tracking_number`, `track_id` and
//!   `soundtrack` are other words.
//! - `cryptogram`: what a decrypted wallet payload proves its card with; `publicKeyHash` and the like: of an encrypted one.
//! - `cid`: American Express's word for its check value, and everybody's for a customer's id. Taken.

mod tables;

use std::borrow::Cow;

use super::fold::in_plain_letters;
use tables::{
    ABOUT, CHECK_VALUES, DECRYPTED, ENCRYPTED, INDIAN_PAN, LAST_SEGMENTS, OTHER_CARDS, PAYLOAD_MIN, REFUSED,
    UNMISTAKABLE,
};

/// What a field's name implies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Fine,
    /// Rejected, whatever the value.
    Card,
    /// An Indian postal code, or a PIN.
    PinCode,
    /// An Indian tax number, or a card number.
    Pan,
    /// Part of a wallet's encrypted payload, whatever the value.
    WalletPayload,
}

impl Name {
    /// Whether a field with this name and value is rejected. `value`: a scalar's text without quotes; `None` for
    /// others.
    pub(super) fn refuses(self, value: Option<&[u8]>) -> bool {
        match self {
            Self::Fine => false,
            Self::Card | Self::WalletPayload => true,
            Self::PinCode => !value.is_some_and(is_indian_postal_code),
            Self::Pan => !value.is_some_and(is_indian_tax_number),
        }
    }
}

fn is_indian_postal_code(value: &[u8]) -> bool {
    let mut digits = value.iter().filter(|byte| **byte != b' ');
    digits.clone().count() == 6
        && digits.clone().all(u8::is_ascii_digit)
        && digits.next().is_some_and(|first| *first != b'0')
}

fn is_indian_tax_number(value: &[u8]) -> bool {
    let form = |(i, byte): (usize, &u8)| {
        if (5..9).contains(&i) { byte.is_ascii_digit() } else { byte.is_ascii_alphabetic() }
    };
    value.len() == 10 && value.iter().enumerate().all(form)
}

/// The longest name that is checked; those of metadata have at most 40 characters.
const NAME_MAX: usize = 64;
/// How many words of a name are checked.
const WORDS_MAX: usize = 8;

/// What a word of a free text, in plain letters, implies: only names so particular to wallets that nobody writes them otherwise.
pub(super) fn judge_word(word: &str) -> Name {
    if !(PAYLOAD_MIN..=NAME_MAX).contains(&word.len()) {
        return Name::Fine;
    }
    let (mut letters, mut ends) = ([0; NAME_MAX], [0; WORDS_MAX]);
    let (len, _) = split(word.as_bytes(), &mut letters, &mut ends);
    let whole = letters.get(..len).unwrap_or_default();
    let is = |list: &[&str]| list.iter().any(|one| one.as_bytes() == whole);
    match () {
        () if is(DECRYPTED) => Name::Card,
        () if is(ENCRYPTED) => Name::WalletPayload,
        () => judge_flattened(word, whole),
    }
}

/// What a name implies that was joined from those of a payload's objects: `header.ephemeralPublicKey`,
/// `token_signedMessage`, `token[signedMessage]`. `whole`: its letters and digits in lower case.
fn judge_flattened(name: &str, whole: &[u8]) -> Name {
    let ends = |list: &[&str]| list.iter().any(|one| whole.ends_with(one.as_bytes()));
    if ends(DECRYPTED) {
        return Name::Card;
    }
    let last = last_segment(name);
    let is_last = LAST_SEGMENTS.iter().any(|one| last.eq_ignore_ascii_case(one));
    if ends(UNMISTAKABLE) || is_last { Name::WalletPayload } else { Name::Fine }
}

fn last_segment(name: &str) -> &str {
    let is_separator = |character: char| matches!(character, '.' | '_' | '-' | '[' | ']');
    name.trim_end_matches(is_separator).rsplit(is_separator).next().unwrap_or_default()
}

/// What a field's name implies, with its JSON escapes resolved.
pub(super) fn judge(name: &str) -> Name {
    let plain = in_plain_letters(name);
    let name = joined(&plain);
    let name = name.as_ref();
    if !may_mean_card(name.as_bytes()) {
        return Name::Fine;
    }
    let mut letters = [0; NAME_MAX];
    let mut ends = [0; WORDS_MAX];
    let (len, count) = split(name.as_bytes(), &mut letters, &mut ends);
    let whole = letters.get(..len).unwrap_or_default();
    let starts = [0].into_iter().chain(ends);
    let words = starts.zip(ends).take(count).map(|(start, end)| letters.get(start..end).unwrap_or_default());
    match judge_flattened(name, whole) {
        Name::Fine => judge_words(whole, &words),
        found => found,
    }
}

/// The name with letters joined that stand one by one: `c_v_v2` is `cvv2`. Other names are not copied.
fn joined(name: &str) -> Cow<'_, str> {
    let parts = || name.split(|one: char| !one.is_ascii_alphanumeric()).filter(|part| !part.is_empty());
    if !parts().zip(parts().skip(1)).any(|(before, part)| is_single(before) && is_single(part)) {
        return Cow::Borrowed(name);
    }
    let (mut whole, mut before) = (String::with_capacity(name.len()), "");
    for part in parts() {
        if !(whole.is_empty() || (is_single(before) && is_single(part))) {
            whole.push('_');
        }
        whole.push_str(part);
        before = part;
    }
    Cow::Owned(whole)
}

/// One letter or digit, perhaps with a digit behind it.
fn is_single(part: &str) -> bool {
    matches!(part.as_bytes(), [_] | [_, b'0'..=b'9'])
}

/// A quick check that decides nearly all names: every name of the tables contains one of these.
fn may_mean_card(name: &[u8]) -> bool {
    let holds_one = |part: &[u8]| match *part {
        [a, b, c] => matches!(
            &[a | 0x20, b | 0x20, c | 0x20], // `_` becomes 0x7f
            b"cvv"
                | b"cvc"
                | b"csc"
                | b"cvn"
                | b"cav"
                | b"cvd"
                | b"cvp"
                | b"pin"
                | b"pan"
                | b"tra"
                | b"car"
                | b"mag"
                | b"sec"
                | b"ver"
                | b"pri"
                | b"ccn"
                | b"ccp"
                | b"cc-"
                | b"cc."
                | b"cc "
                | b"cc\x7f"
                | b"cry"
                | b"emv"
                | b"eph"
                | b"wra"
                | b"pub"
                | b"sig"
                | b"enc"
        ),
        _ => false,
    };
    (3..=NAME_MAX).contains(&name.len()) && name.windows(3).any(holds_one)
}

/// Writes the letters and digits of a name in lower case, and where each word ends; returns the numbers of both. A word
/// ends before a capital and at any other character.
fn split(name: &[u8], letters: &mut [u8; NAME_MAX], ends: &mut [usize; WORDS_MAX]) -> (usize, usize) {
    let (mut len, mut count, mut word) = (0, 0, 0);
    for (i, byte) in name.iter().enumerate() {
        let after = |at: usize| name.get(at).copied().unwrap_or_default();
        let is_capital = byte.is_ascii_uppercase();
        let before = i.checked_sub(1).map_or(0, after);
        let begins_word = is_capital && (!before.is_ascii_uppercase() || after(i + 1).is_ascii_lowercase());
        if word < len && (begins_word || !byte.is_ascii_alphanumeric()) {
            if let Some(end) = ends.get_mut(count) {
                (*end, count) = (len, count + 1);
            }
            word = len;
        }
        if let Some(letter) = letters.get_mut(len).filter(|_| byte.is_ascii_alphanumeric()) {
            *letter = byte.to_ascii_lowercase();
            len += 1;
        }
    }
    if let Some(end) = ends.get_mut(count).filter(|_| word < len) {
        (*end, count) = (len, count + 1);
    }
    (len, count)
}

fn judge_words<'a>(whole: &[u8], words: &(impl Iterator<Item = &'a [u8]> + Clone)) -> Name {
    let has = |list: &[&str]| words.clone().any(|word| list.iter().any(|one| one.as_bytes() == word));
    let is = |list: &[&str]| list.iter().any(|one| one.as_bytes() == whole);
    if is(REFUSED) || is(DECRYPTED) {
        return Name::Card;
    }
    if is(ENCRYPTED) {
        return Name::WalletPayload;
    }
    if has(ABOUT) {
        return Name::Fine;
    }
    if whole.ends_with(b"pincode") {
        return Name::PinCode;
    }
    if is(INDIAN_PAN) {
        return Name::Pan;
    }
    let is_number = words.clone().zip(words.clone().skip(1)).any(|(word, next)| {
        matches!(word, b"card" | b"cc") && matches!(next, b"number" | b"no" | b"num" | b"nr" | b"pan")
    });
    let is_suffixed = words.clone().any(|word| word.ends_with(b"cvv") || word.ends_with(b"cvc"));
    if is_suffixed || has(CHECK_VALUES) || (is_number && !has(OTHER_CARDS)) { Name::Card } else { Name::Fine }
}

#[cfg(test)]
mod tests;
