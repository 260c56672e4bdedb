//! Parses PayPal's JSON bodies strictly: types, names and lengths as documented, nothing else.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::errors::{PaypalError, Result};
use crate::redact::shown;

/// Parses a body. Errors name the violation by its JSON pointer, as PayPal does, and never echo values: a card number
/// in the wrong field must not come back in an error.
pub(crate) fn read<T: de::DeserializeOwned>(body: &[u8]) -> Result<T> {
    let mut json = serde_json::Deserializer::from_slice(body);
    match serde_path_to_error::deserialize(&mut json) {
        Err(error) => explain("", &error).refuse(),
        Ok(value) => match json.end() {
            Ok(()) => Ok(value),
            Err(_) => malformed().refuse(),
        },
    }
}

/// As [`read`], for an optional body.
pub(crate) fn read_or_default<T: de::DeserializeOwned + Default>(body: &[u8]) -> Result<T> {
    if body.is_empty() { Ok(T::default()) } else { read(body) }
}

/// As [`read`], for a part of a document; `field` is its position there.
pub(crate) fn read_value<T: de::DeserializeOwned>(value: Value, field: &str) -> Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| Box::new(explain(field, &error)))
}

pub(crate) fn malformed() -> PaypalError {
    PaypalError::invalid("MALFORMED_REQUEST_JSON", "/", "The request JSON is not well formed.")
}

fn explain(field: &str, error: &serde_path_to_error::Error<serde_json::Error>) -> PaypalError {
    if !error.inner().is_data() {
        return malformed();
    }
    let at = format!("{field}{}", pointer(error.path()));
    let message = error.inner().to_string();
    let quoted = message.split('`').nth(1).unwrap_or_default();
    if message.starts_with("missing field") {
        let field = format!("{at}/{quoted}");
        return PaypalError::invalid("MISSING_REQUIRED_PARAMETER", field, "A required parameter is missing.");
    }
    if message.starts_with("duplicate field") {
        let description = "The field is given more than once.";
        return PaypalError::invalid("INVALID_PARAMETER_SYNTAX", format!("{at}/{quoted}"), description);
    }
    if message.starts_with("unknown field") {
        return PaypalError::invalid("INVALID_PARAMETER_SYNTAX", at, "The field is not known.");
    }
    if message.starts_with("unknown variant") {
        return PaypalError::invalid("INVALID_PARAMETER_VALUE", at, "A parameter value is not valid.");
    }
    if message.starts_with(WRONG_LENGTH) {
        let description = "The value of a field is either too short or too long";
        return PaypalError::invalid("INVALID_STRING_LENGTH", at, description);
    }
    let description = "The value of a field does not conform to the expected format.";
    PaypalError::invalid("INVALID_PARAMETER_SYNTAX", at, description)
}

/// `purchase_units[0].amount` becomes `/purchase_units/0/amount`.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push_str(&format!("/{}", shown(key)));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

const WRONG_LENGTH: &str = "length must be";

/// A string of 1 to `MAX` characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Text<const MAX: usize>(String);

impl<const MAX: usize> Text<MAX> {
    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize> fmt::Display for Text<MAX> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let length = text.chars().count();
        if (1..=MAX).contains(&length) {
            Ok(Self(text))
        } else {
            Err(de::Error::custom(format!("{WRONG_LENGTH} 1 to {MAX}, is {length}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its parsing is tested")]
    struct Body {
        name: Text<3>,
        inner: Option<Vec<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its parsing is tested")]
    struct Inner {
        count: u8,
    }

    fn refusal(body: &str) -> (Value, Value) {
        let error = json!(*read::<Body>(body.as_bytes()).unwrap_err());
        (error["details"][0]["issue"].clone(), error["details"][0]["field"].clone())
    }

    #[test]
    fn errors_name_the_field_by_its_json_pointer() {
        for (body, issue, field) in [
            (r#"{"inner":[]}"#, "MISSING_REQUIRED_PARAMETER", "/name"),
            (r#"{"name":"x","inner":[{}]}"#, "MISSING_REQUIRED_PARAMETER", "/inner/0/count"),
            (r#"{"name":"x","inner":[{"count":"1"}]}"#, "INVALID_PARAMETER_SYNTAX", "/inner/0/count"),
            (r#"{"name":"x","nmae":1}"#, "INVALID_PARAMETER_SYNTAX", "/nmae"),
            (r#"{"name":"x","name":"y"}"#, "INVALID_PARAMETER_SYNTAX", "/name"),
            (r#"{"name":"four"}"#, "INVALID_STRING_LENGTH", "/name"),
            (r#"{"name":""}"#, "INVALID_STRING_LENGTH", "/name"),
            (r#"{"name":"x"} {}"#, "MALFORMED_REQUEST_JSON", "/"),
            (r#"{"name""#, "MALFORMED_REQUEST_JSON", "/"),
            ("", "MALFORMED_REQUEST_JSON", "/"),
        ] {
            assert_eq!(refusal(body), (json!(issue), json!(field)), "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_rejected_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read::<Body>(&bytes);
        }
    }
}
