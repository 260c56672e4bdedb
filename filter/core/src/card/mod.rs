//! Detects card data in requests. The gateway accepts tokens only, so that no card number can reach a log, a queue or a
//! database behind the edge.
//!
//! A card number is recognized by its issuer, its length and its check digit (`ranges`), by the layout of its digits
//! (`runs`), in digits of any script (`fold`) and in any encoding that a program may have applied (`spelling`).
//! Similar values are let through by rules with a stated cost (`honest`). Fields are rejected by their names, too
//! (`names`). Both error rates are measured on a corpus (`tests/card_corpus`).
//!
//! A wallet's payload is card data as well: decrypted, or encrypted for the holder of the key. It is recognized by the
//! names of its fields, wherever and in whatever encoding they stand (`payload`).

mod fold;
mod honest;
mod json;
mod names;
mod payload;
mod published;
mod ranges;
mod redaction;
mod runs;
mod spelling;

use std::ops::Range;

use json::{Part, Parts};
use names::Name;
use percent_encoding::percent_decode_str;

use crate::error::ErrorCode;
pub use redaction::redacted;

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
}

impl Kind {
    /// Card data itself outranks what is encrypted.
    const fn is_card(self) -> bool {
        !matches!(self, Self::WalletPayload)
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
        }
    }
}

/// The position of card data in a JSON text.
struct Finding {
    kind: Kind,
    /// The name that contains the number, or that marks its field as card data.
    name: Option<Range<usize>>,
    /// The string or number that is card data, without quotes.
    value: Option<Range<usize>>,
}

/// The first card data in a JSON text: a number in any name, string or number, or a field by its name; if there is none,
/// the first part of a wallet's encrypted payload. Allocates nothing unless something looks like a number or an encoded
/// payload.
#[must_use]
pub fn find_in_json(text: &[u8]) -> Option<CardData> {
    let first = findings(text).next()?;
    let of_a_card =
        if first.kind.is_card() { None } else { findings(text).find(|found| found.kind.is_card()) };
    let Finding { kind, name, value } = of_a_card.unwrap_or(first);
    let start = name.or(value)?.start;
    Some(CardData { kind, param: json::place(text, start, kind != Kind::Number) })
}

/// The first card number, or part of a wallet's payload, in the path or the query of a URL; in a query, the parameter is
/// named.
#[must_use]
pub fn find_in_target(target: &str) -> Option<CardData> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let data = |kind, param| Some(CardData { kind, param });
    if let Some(kind) = kind_in(path) {
        return data(kind, None);
    }
    query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if let Some(kind) = kind_in(name) {
            return data(kind, None);
        }
        let shown = percent_decode_str(name).decode_utf8_lossy();
        data(kind_in(value)?, Some(shown.into_owned()).filter(|name| is_plain(name)))
    })
}

fn kind_in(text: &str) -> Option<Kind> {
    if spelling::holds_number(text) { Some(Kind::Number) } else { payload::find(text) }
}

/// Whether a header's value, or any other short text, holds a card number.
#[must_use]
pub fn is_in_text(text: &[u8]) -> bool {
    spelling::may_hold_number(text) && spelling::holds_number(&String::from_utf8_lossy(text))
}

fn is_plain(name: &str) -> bool {
    (1..=100).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

fn findings(text: &[u8]) -> impl Iterator<Item = Finding> {
    let mut parts = Parts::new(text).peekable();
    std::iter::from_fn(move || {
        loop {
            let finding = match parts.next()? {
                Part::Name(name) => {
                    let value = match parts.peek() {
                        Some(Part::Text(value) | Part::Loose(value)) => Some(value.clone()),
                        _ => None,
                    };
                    in_name(text, name, value)
                }
                Part::Text(value) | Part::Loose(value) => {
                    let said = text.get(value.clone()).unwrap_or_default();
                    let kind = if holds_number(said) { Some(Kind::Number) } else { holds_payload(said) };
                    kind.map(|kind| Finding { kind, name: None, value: Some(value) })
                }
                Part::Mark(_) => None,
            };
            if finding.is_some() {
                return finding;
            }
        }
    })
}

fn in_name(text: &[u8], name: Range<usize>, value: Option<Range<usize>>) -> Option<Finding> {
    let spelled = text.get(name.clone()).unwrap_or_default();
    if holds_number(spelled) {
        return Some(Finding { kind: Kind::Number, name: Some(name), value: None });
    }
    let judged = match std::str::from_utf8(spelled) {
        Ok(plain) if !plain.contains('\\') => names::judge(plain),
        _ => names::judge(&json::unescaped(spelled)),
    };
    let said = |value: &Range<usize>| text.get(value.clone()).map(<[u8]>::trim_ascii);
    let is_refused = judged != Name::Fine && judged.refuses(value.as_ref().and_then(said));
    let kind = if judged == Name::WalletPayload { Kind::WalletPayload } else { Kind::Named };
    is_refused.then_some(Finding { kind, name: Some(name), value })
}

fn holds_number(string: &[u8]) -> bool {
    spelling::may_hold_number(string) && spelling::holds_number(&json::unescaped(string))
}

fn holds_payload(string: &[u8]) -> Option<Kind> {
    payload::may_hold_one(string).then(|| payload::find(&json::unescaped(string))).flatten()
}

#[cfg(test)]
mod tests;
