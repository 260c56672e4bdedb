//! The field `metadata` of a charge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::InvalidRequest;
use super::object::{Field, Object};

/// Your own key-value pairs on a payment: at most 40, keys of 1 to 40 of `A-Z a-z 0-9 _ . -`, values of at
/// most 500 characters. A key given twice is refused, not overwritten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for Metadata {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::AdditionalProperties;
        use utoipa::openapi::{Object, Type};
        let text = || Object::builder().schema_type(Type::String);
        let key = text().pattern(Some(format!("^[A-Za-z0-9_.-]{{1,{}}}$", Self::KEY_MAX)));
        let value = text().max_length(Some(Self::VALUE_CHARS_MAX));
        let pairs = Object::builder()
            .description(Some("Your own pairs of key and value"))
            .property_names(Some(key))
            .additional_properties(Some(AdditionalProperties::RefOr(utoipa::openapi::RefOr::T(value.into()))))
            .max_properties(Some(Self::PAIRS_MAX));
        utoipa::openapi::RefOr::T(pairs.into())
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for Metadata {}

impl Metadata {
    pub const PAIRS_MAX: usize = 40;
    pub const KEY_MAX: usize = 40;
    pub const VALUE_CHARS_MAX: usize = 500;

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn parse(json: &RawValue) -> Result<Self, InvalidRequest> {
        let object = Object::read(json.get()).map_err(|error| match error.param {
            Some(key) => {
                InvalidRequest::named(&format!("metadata.{key}"), "is given twice; give each key once")
            }
            None => METADATA.refused(),
        })?;
        if object.fields.len() > Self::PAIRS_MAX {
            return Err(METADATA.refused());
        }
        let pairs = object.fields.into_iter().map(|(key, value)| {
            if !is_key(&key) {
                return Err(METADATA.refused());
            }
            let value = serde_json::from_str::<String>(value.get()).ok();
            match value.filter(|value| value.chars().count() <= Self::VALUE_CHARS_MAX) {
                Some(value) => Ok((key, value)),
                None => Err(InvalidRequest::named(&format!("metadata.{key}"), VALUE_RULE)),
            }
        });
        pairs.collect::<Result<_, _>>().map(Self)
    }
}

pub(super) const METADATA: Field = Field {
    name: "metadata",
    rule: "must be an object of at most 40 strings, with keys of 1 to 40 of A-Z a-z 0-9 _ . -",
};
const VALUE_RULE: &str = "must be a string of at most 500 characters";

fn is_key(key: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    (1..=Metadata::KEY_MAX).contains(&key.len()) && key.bytes().all(allowed)
}
