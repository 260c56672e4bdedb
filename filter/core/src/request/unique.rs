//! Names that a JSON text gives twice. Readers differ in which of the values they take, so such a text is refused.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The first name that one object of the JSON text, at any depth, gives twice, also under another spelling.
///
/// # Errors
/// The text is not one JSON value, or is nested deeper than `serde_json` reads. The error has nothing of the text in
/// it.
pub fn repeated_name(json: &str) -> serde_json::Result<Option<String>> {
    let mut found = None;
    let mut input = serde_json::Deserializer::from_str(json);
    NameReader(&mut found).deserialize(&mut input)?;
    input.end()?;
    Ok(found)
}

/// Reads a value and keeps nothing but the name.
struct NameReader<'f>(&'f mut Option<String>);

impl<'de> DeserializeSeed<'de> for NameReader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NameReader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(NameReader(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if let Some(repeated) = names.replace(name) {
                self.0.get_or_insert(repeated);
            }
            map.next_value_seed(NameReader(&mut *self.0))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn a_name_given_twice_is_found_at_any_depth_and_in_any_spelling() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"i":{"a":1,"b":2,"a":3}}"#,
            r#"[[{"i":[null,{"a":"x","\u0061":true}]}]]"#,
            r#"{"a":{"b":1},"b":1.5,"a":{"b":1}}"#,
        ] {
            assert_eq!(repeated_name(json).unwrap().as_deref(), Some("a"), "{json}");
        }
    }

    #[test]
    fn a_name_in_several_objects_is_given_once_in_each() {
        for json in [r#"{"a":{"a":{"a":[{"a":1},{"a":-1}]}}}"#, "[]", "1.5", "null", r#""a""#] {
            assert_eq!(repeated_name(json).unwrap(), None, "{json}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error_that_says_why() {
        let fault = |json: &str| repeated_name(json).unwrap_err().to_string();
        assert!(fault(&format!("{}{}", "[".repeat(200), "]".repeat(200))).contains("recursion limit"));
        assert!(fault(r#"{"a":"\ud800"}"#).contains("hex escape"));
        assert!(fault("1 1").contains("trailing"));
    }
}
