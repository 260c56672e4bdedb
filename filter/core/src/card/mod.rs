//! Detects card data in requests. The gateway accepts tokens only, so that no card number can reach a log, a queue or a
//! database behind the edge.
//!
//! A card number is recognized by its issuer, its length and its check digit (`ranges`), by the layout of its digits
//! (`runs`), in digits of any script (`fold`) and in any encoding that a program may have applied (`spelling`).
//! Similar values are let through by rules with a stated cost (`honest`, `identifiers`). Fields are rejected by their names, too
//! (`names`), also in JSON that was made a string (`nested`) and in a document of GraphQL and its variables (`graphql`). Both error rates are measured on a corpus (`tests/card_corpus`).
//!
//! A wallet's payload is card data as well: decrypted, or encrypted for the holder of the key. It is recognized by the
//! names of its fields, wherever and in whatever encoding they stand (`payload`, `encoded`, `alphabet`, `plain`,
//! `compressed`), up to a bound for each request (`budget`).

mod alphabet;
mod budget;
mod compressed;
mod encoded;
mod fold;
mod graphql;
mod honest;
mod identifiers;
mod json;
mod letters;
mod list;
mod names;
mod nested;
mod payload;
mod plain;
mod published;
mod ranges;
mod redaction;
mod runs;
mod spelling;
mod text_head;

use std::ops::Range;

use budget::Budget;
use encoded::Inside;
use graphql::Graphql;
use json::{Part, Parts};
use list::{Joined, List};
use names::Name;
use percent_encoding::percent_decode_str;

use crate::error::ErrorCode;
use crate::id::{UUID_LEN, uuid_shaped};
pub use redaction::{holds_client_secret, redacted};

/// Card data that was found. Never contains any of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardData {
    kind: Kind,
    /// The field it is in, e.g. `metadata.note`, or the query parameter, if it can be named.
    pub param: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Named,
    /// A wallet's encrypted payload.
    WalletPayload,
    /// What is compressed or encoded to such an extent that it is not read to its end.
    Unread,
}

impl Kind {
    /// Card data itself outranks what is encrypted.
    const fn is_card(self) -> bool {
        !matches!(self, Self::WalletPayload | Self::Unread)
    }
}

impl CardData {
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        if self.kind.is_card() { ErrorCode::CardDataNotAccepted } else { ErrorCode::WalletPayloadNotAccepted }
    }

    /// For the caller; states what is valid instead.
    #[must_use]
    pub const fn message(&self) -> &'static str {
        match self.kind {
            Kind::Number => "a card number was found; send a payment method id from the provider instead",
            Kind::Named => {
                "a field for a card's number, check value, PIN or track was found; send a payment method id from the \
                 provider instead"
            }
            Kind::WalletPayload => {
                "a wallet's encrypted payload was found; send the provider's token instead: for Stripe a confirmation \
                 token `ctoken_…` or a token `tok_…` in `paymentMethodId`, for PayPal `wallet`, and then the id of the \
                 order that the payer's browser confirmed"
            }
            Kind::Unread => {
                "a text is compressed or encoded to such an extent that it cannot be searched for a wallet's payload; send \
                 it as it is, or leave it out"
            }
        }
    }
}

/// The position of card data in a JSON text.
struct CardDataFinding {
    kind: Kind,
    /// The name that contains the number, or that marks its field as card data.
    name: Option<Range<usize>>,
    /// The name says what the field is for, and contains none of it.
    is_telling: bool,
    /// The string or number that is card data, without quotes.
    value: Option<Range<usize>>,
}

/// The first card data in a JSON text: a number in any name, string or number, or a field by its name; if there is none,
/// the first part of a wallet's encrypted payload. Allocates nothing unless something looks like a number, an encoded
/// payload or a document of GraphQL, or a name has characters beyond ASCII or is spelled letter by letter.
#[must_use]
pub fn find_in_json(text: &[u8]) -> Option<CardData> {
    let first = findings(text).next()?;
    let of_a_card =
        if first.kind.is_card() { None } else { findings(text).find(|found| found.kind.is_card()) };
    let CardDataFinding { kind, name, is_telling, value } = of_a_card.unwrap_or(first);
    let start = name.or(value)?.start;
    Some(CardData { kind, param: json::place(text, start, is_telling) })
}

/// The first card number, or part of a wallet's payload, in the path or the query of a URL; in a query, the parameter is
/// named.
#[must_use]
pub fn find_in_target(target: &str) -> Option<CardData> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let data = |kind, param| Some(CardData { kind, param });
    let mut budget = Budget::default();
    if let Some(kind) = kind_in(path, &mut budget) {
        return data(kind, None);
    }
    query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let Some(kind) = kind_in(name, &mut budget) {
            return data(kind, None);
        }
        let shown = percent_decode_str(name).decode_utf8_lossy();
        data(kind_in(value, &mut budget)?, Some(shown.into_owned()).filter(|name| is_plain(name)))
    })
}

fn kind_in(text: &str, budget: &mut Budget) -> Option<Kind> {
    if spelling::holds_number(text) { Some(Kind::Number) } else { payload::find(text, budget) }
}

/// The first card number, or part of a wallet's payload, in a text that is no body: a header's value, or an operator's
/// words. A UUID is too short for either.
#[must_use]
pub fn find_in_text(value: &[u8]) -> Option<CardData> {
    if value.len() == UUID_LEN && uuid_shaped(value) {
        return None;
    }
    let is_searched = spelling::may_hold_number(value) || payload::may_hold_one(value);
    let kind =
        is_searched.then(|| kind_in(&String::from_utf8_lossy(value), &mut Budget::default())).flatten();
    kind.map(|kind| CardData { kind, param: None })
}

/// The first part of a wallet's payload in headers: one that is named like it, or a value, which are decoded within one
/// budget. Card numbers count in JSON alone: proxies and browsers have long numbers in headers of their own.
#[must_use]
pub fn payload_in_headers<'a>(headers: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Option<CardData> {
    let mut budget = Budget::default();
    headers.into_iter().find_map(|(name, value)| {
        let kind = payload::in_word(name).or_else(|| in_header(value, &mut budget))?;
        let shown = find_in_text(name.as_bytes()).is_none().then(|| name.to_owned());
        Some(CardData { kind, param: shown })
    })
}

fn in_header(value: &[u8], budget: &mut Budget) -> Option<Kind> {
    let is_id = value.len() == UUID_LEN && uuid_shaped(value);
    if is_id || !payload::may_hold_one(value) {
        return None;
    }
    let text = String::from_utf8_lossy(value);
    if text.trim_start().starts_with('{') && spelling::holds_number(&text) {
        return Some(Kind::Number);
    }
    payload::find_by_name(&text, budget)
}

/// A card number in the name or the value of a header.
#[must_use]
pub fn number_in_header(name: &str, value: &[u8]) -> Option<CardData> {
    let holds_one = |text: &[u8]| {
        spelling::may_hold_number(text) && spelling::holds_number(&String::from_utf8_lossy(text))
    };
    let param = if holds_one(name.as_bytes()) {
        None
    } else if holds_one(value) {
        Some(name.to_owned())
    } else {
        return None;
    };
    Some(CardData { kind: Kind::Number, param })
}

/// A published test number in the value of a header.
#[must_use]
pub fn published_number_in_header(name: &str, value: &[u8]) -> Option<CardData> {
    let is_found = spelling::holds_published(&String::from_utf8_lossy(value));
    is_found.then(|| CardData { kind: Kind::Number, param: Some(name.to_owned()) })
}

/// A header for a card's number, check value, PIN or track, by its name.
#[must_use]
pub fn field_in_header(name: &str) -> Option<CardData> {
    let is_found = names::judge(name) == Name::Card;
    is_found.then(|| CardData { kind: Kind::Named, param: Some(name.to_owned()) })
}

fn is_plain(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn findings(text: &[u8]) -> impl Iterator<Item = CardDataFinding> {
    let mut parts = Parts::new(text).peekable();
    let mut budget = Budget::default();
    let mut list = List::default();
    let mut graphql = Graphql::default();
    // The second finding of a part that ends a list and is one itself.
    let mut next = None;
    std::iter::from_fn(move || {
        loop {
            if let Some(finding) = next.take() {
                return Some(finding);
            }
            let part = parts.next()?;
            let in_list = list.push(&part, text).and_then(|joined| in_list(joined, &mut budget));
            let named = graphql.take(&part, text, &parts);
            let finding = match part {
                Part::Name(name) => {
                    let value = match parts.peek() {
                        Some(Part::Text(value) | Part::Loose(value)) => Some(value.clone()),
                        _ => None,
                    };
                    in_name(text, name, value, &mut budget)
                }
                Part::Text(value) | Part::Loose(value) => in_value(text, value, &mut budget),
                Part::Mark(_) => None,
            };
            let is_card = finding.as_ref().is_some_and(|found| found.kind.is_card());
            next = if is_card { finding } else { named.or(finding) };
            if in_list.is_some() {
                return in_list;
            }
        }
    })
}

fn in_value(text: &[u8], value: Range<usize>, budget: &mut Budget) -> Option<CardDataFinding> {
    let said = text.get(value.clone()).unwrap_or_default();
    let kind = if holds_number(said) {
        Some(Kind::Number)
    } else if nested::names_card_data(said) {
        Some(Kind::Named)
    } else {
        holds_payload(said, budget)
    };
    kind.map(|kind| CardDataFinding { kind, name: None, is_telling: false, value: Some(value) })
}

/// Digits in a list are honest numbers, unless they are the groups of a card number, or the pieces make up JSON or a form.
fn in_list(joined: Joined, budget: &mut Budget) -> Option<CardDataFinding> {
    let Joined { text, range, is_number, may_hold_payload } = joined;
    let kind = if is_number { Some(Kind::Number) } else { in_joined(text, may_hold_payload, budget) };
    Some(CardDataFinding { kind: kind?, name: None, is_telling: false, value: Some(range) })
}

fn in_joined(text: String, may_hold_payload: bool, budget: &mut Budget) -> Option<Kind> {
    if !may_hold_payload {
        return None;
    }
    let inside = Inside::of(text);
    if inside.may_hold_number { kind_in(&inside.text, budget) } else { payload::find(&inside.text, budget) }
}

fn in_name(
    text: &[u8],
    name: Range<usize>,
    value: Option<Range<usize>>,
    budget: &mut Budget,
) -> Option<CardDataFinding> {
    let spelled = text.get(name.clone()).unwrap_or_default();
    let contained = |kind, name| CardDataFinding { kind, name: Some(name), is_telling: false, value: None };
    if holds_number(spelled) {
        return Some(contained(Kind::Number, name));
    }
    let judged = match std::str::from_utf8(spelled) {
        Ok(plain) if !plain.contains('\\') => names::judge(plain),
        _ => names::judge(&json::unescaped(spelled)),
    };
    let said = |value: &Range<usize>| text.get(value.clone()).map(<[u8]>::trim_ascii);
    if judged != Name::Fine && judged.refuses(value.as_ref().and_then(said)) {
        let kind = if judged == Name::WalletPayload { Kind::WalletPayload } else { Kind::Named };
        return Some(CardDataFinding { kind, name: Some(name), is_telling: true, value });
    }
    holds_payload(spelled, budget).map(|kind| contained(kind, name))
}

fn holds_number(string: &[u8]) -> bool {
    spelling::may_hold_number(string) && spelling::holds_number(&json::unescaped(string))
}

fn holds_payload(string: &[u8], budget: &mut Budget) -> Option<Kind> {
    payload::may_hold_one(string).then(|| payload::find(&json::unescaped(string), budget)).flatten()
}

#[cfg(test)]
mod tests;
