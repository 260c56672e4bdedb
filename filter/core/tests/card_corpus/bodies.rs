//! Requests with a value somewhere in them, as clients place it.

use edge_core::card;
use serde_json::{Value, json};

use crate::random::Random;

/// The inputs of the search.
#[derive(Debug)]
pub(crate) enum SearchInput {
    Json(String),
    Target(String),
    Header(String),
}

impl SearchInput {
    pub(crate) fn is_refused(&self) -> bool {
        match self {
            Self::Json(text) => card::find_in_json(text.as_bytes()).is_some(),
            Self::Target(target) => card::find_in_target(target).is_some(),
            Self::Header(value) => card::find_in_text(value.as_bytes()).is_some(),
        }
    }
}

fn charge() -> Value {
    json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_1MtwBwLkdIwHu7ix28a3tqPa" })
}

/// A legitimate value: as a string or, if it is digits only, as a number.
pub(crate) fn with_value(random: &mut Random, value: &str) -> SearchInput {
    let mut body = charge();
    let sentence =
        random.pick(&["Order {}", "{}", "Invoice {} of today", "ref. {}, thank you", "#{}", "no. {}"]);
    let key = random.pick(&[
        "order_id",
        "orderId",
        "id",
        "reference",
        "timestamp",
        "sku",
        "note",
        "customer",
        "tracking_number",
        "phone",
        "a",
    ]);
    match random.within(0, 9) {
        0 | 1 => body["description"] = json!(sentence.replace("{}", value)),
        2..=4 => body["metadata"] = json!({ key: value, "shop": "berlin-3" }),
        5 => {
            body["metadata"] =
                json!({ "shop": 7, key: number_or_text(value), "items": [number_or_text(value), 1] });
        }
        6 => body["customerReference"] = json!(value),
        7 => body["returnUrl"] = json!(format!("https://shop.example/return?ref={}&lang=de", encoded(value))),
        8 => return SearchInput::Target(format!("/payments?limit=20&startingAfter={}", encoded(value))),
        _ => {
            return SearchInput::Header(format!("{}{value}", random.pick(&["", "charge-", "order:", "v1_"])));
        }
    }
    SearchInput::Json(body.to_string())
}

fn number_or_text(value: &str) -> Value {
    serde_json::from_str(value).ok().filter(Value::is_number).unwrap_or_else(|| json!(value))
}

fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// A spelling of a card number, at any position.
pub(crate) fn with_spelling(random: &mut Random, spelling: &str) -> SearchInput {
    let mut body = charge();
    match random.within(0, 9) {
        0 | 1 => body["description"] = json!(spelling),
        2 | 3 => body["metadata"] = json!({ "shop": "berlin-3", "note": spelling }),
        4 => body["metadata"] = json!({ spelling: "x" }),
        5 => body["customerReference"] = json!(spelling),
        6 => body["returnUrl"] = json!(format!("https://shop.example/?c={}", encoded(spelling))),
        7 => body["a"] = json!([{ "b": [spelling, number_or_text(spelling)] }]),
        8 => return SearchInput::Target(format!("/payments?limit={}", encoded(spelling))),
        _ => return SearchInput::Header(spelling.to_owned()),
    }
    let text = body.to_string();
    // Some JSON writers escape everything beyond ASCII, and some everything.
    SearchInput::Json(match random.within(0, 3) {
        0 => text.chars().map(escaped).collect(),
        _ => text,
    })
}

fn escaped(character: char) -> String {
    if character.is_ascii() && !character.is_ascii_digit() {
        return character.to_string();
    }
    if character.is_ascii() {
        // Digits outside of strings may be invalid JSON: they are found as they are.
        return character.to_string();
    }
    character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}
