use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Your own key-value pairs on a payment: at most 40, keys of 1 to 40 of `A-Z a-z 0-9 _ . -`, values of at
/// most 500 characters. A key given twice is refused, not overwritten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = std::collections::HashMap<String, String>))]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

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
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> de::Visitor<'de> for Pairs {
            type Value = Metadata;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Metadata, A::Error> {
                let mut pairs = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    let value = map.next_value::<String>()?;
                    check(&key, &value).map_err(de::Error::custom)?;
                    if pairs.insert(key, value).is_some() {
                        return Err(de::Error::custom("has a key twice"));
                    }
                    if pairs.len() > Metadata::PAIRS_MAX {
                        return Err(de::Error::custom("has more than 40 pairs"));
                    }
                }
                Ok(Metadata(pairs))
            }
        }
        input.deserialize_map(Pairs)
    }
}

fn check(key: &str, value: &str) -> Result<(), &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    if !(1..=Metadata::KEY_MAX).contains(&key.len()) || !key.bytes().all(allowed) {
        return Err("has a key that is not 1 to 40 of A-Z a-z 0-9 _ . -");
    }
    if value.chars().count() > Metadata::VALUE_CHARS_MAX {
        return Err("has a value of more than 500 characters");
    }
    Ok(())
}
