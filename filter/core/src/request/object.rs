//! A JSON object read strictly: each field known, given once, and of the right form.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::InvalidRequest;
use crate::money::Amount;

/// A JSON object whose values are not looked at yet.
#[derive(Default)]
pub(super) struct Object<'a> {
    pub(super) fields: BTreeMap<String, &'a RawValue>,
    repeated: Option<String>,
}

impl<'a> Object<'a> {
    /// Reads `json` up to its last byte; a field given twice, also under another spelling, is refused.
    pub(super) fn read(json: &'a str) -> Result<Self, InvalidRequest> {
        let object: Self = serde_json::from_str(json).map_err(|error| not_an_object(&error))?;
        match &object.repeated {
            Some(name) => Err(InvalidRequest::named(name, "is given twice; give each field once")),
            None => Ok(object),
        }
    }
}

fn not_an_object(error: &serde_json::Error) -> InvalidRequest {
    match error.classify() {
        serde_json::error::Category::Data => InvalidRequest::new("the body must be one JSON object"),
        // serde_json's syntax messages are fixed texts with a position: nothing of the body is in them.
        _ => InvalidRequest::new(format!("the body is not valid JSON: {error}")),
    }
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> de::Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
                let mut object = Object::default();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    match object.fields.entry(name) {
                        Entry::Vacant(free) => drop(free.insert(value)),
                        Entry::Occupied(taken) => drop(object.repeated.get_or_insert(taken.key().clone())),
                    }
                }
                Ok(object)
            }
        }
        input.deserialize_map(Fields)
    }
}

/// A field of a request and its rule, which callers get when they send something else.
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) rule: &'static str,
}

impl Field {
    pub(super) fn required<T>(&self, value: Option<T>) -> Result<T, InvalidRequest> {
        value.ok_or_else(|| InvalidRequest::named(self.name, &format!("is missing; it {}", self.rule)))
    }

    pub(super) fn refused(&self) -> InvalidRequest {
        InvalidRequest::named(self.name, self.rule)
    }
}

/// The body of a request, its fields taken one by one. `null` is a wrong value like any other: a caller whose
/// amount went missing on the way must not get the default, which is "all of it".
pub(super) struct Body<'a>(Object<'a>);

impl<'a> Body<'a> {
    /// Reads a body that may hold only these fields.
    pub(super) fn read(body: &'a [u8], fields: &[&Field]) -> Result<Self, InvalidRequest> {
        let json = std::str::from_utf8(body).map_err(|_| InvalidRequest::new("the body must be UTF-8"))?;
        let object = Object::read(json)?;
        let known = |name: &str| fields.iter().any(|field| field.name == name);
        match object.fields.keys().find(|name| !known(name)) {
            Some(unknown) => Err(InvalidRequest::named(unknown, &unknown_field(fields))),
            None => Ok(Self(object)),
        }
    }

    /// Takes a string and makes of it what `read` finds in it.
    pub(super) fn text<T>(
        &mut self,
        field: &Field,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, InvalidRequest> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        let text = serde_json::from_str::<String>(raw.get()).ok();
        text.and_then(|text| read(&text)).map(Some).ok_or_else(|| field.refused())
    }

    pub(super) fn amount(&mut self) -> Result<Option<Amount>, InvalidRequest> {
        self.json(&AMOUNT)
    }

    pub(super) fn json<T: de::DeserializeOwned>(
        &mut self,
        field: &Field,
    ) -> Result<Option<T>, InvalidRequest> {
        let Some(raw) = self.raw(field) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| field.refused())
    }

    pub(super) fn raw(&mut self, field: &Field) -> Option<&'a RawValue> {
        self.0.fields.remove(field.name)
    }
}

pub(super) const AMOUNT: Field =
    Field { name: "amount", rule: "must be an integer from 1 to 999999999999, in the currency's minor unit" };

fn unknown_field(fields: &[&Field]) -> String {
    if fields.is_empty() {
        return "is not a field of this request, which takes none".to_owned();
    }
    let names: Vec<_> = fields.iter().map(|field| field.name).collect();
    format!("is not a field of this request; its fields are {}", names.join(", "))
}
