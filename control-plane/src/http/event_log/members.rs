//! The members of a client's message, each taken once by its name.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{self, DeserializeOwned, Deserializer};
use serde_json::Value;

#[derive(Debug, Default)]
pub(super) struct Members {
    all: BTreeMap<String, Value>,
    repeated: Option<String>,
}

impl Members {
    /// `None`: the text is no JSON object.
    pub(super) fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// Takes a member, null if it is left out.
    ///
    /// # Errors
    /// It is of another type.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &str) -> serde_json::Result<T> {
        serde_json::from_value(self.all.remove(name).unwrap_or_default())
    }

    /// A repeated member, named only if the protocol defines it.
    pub(super) fn repeated(&self) -> Option<&'static str> {
        self.repeated.as_deref().map(shown)
    }

    /// An unknown member, named only if the protocol defines it.
    pub(super) fn left(&self) -> Option<&'static str> {
        self.all.keys().next().map(|name| shown(name))
    }
}

/// The members that messages have.
const NAMES: [&str; 4] = ["type", "payments", "types", "after"];

/// A client may send anything as a name, so errors contain only the protocol's own names.
fn shown(name: &str) -> &'static str {
    NAMES.into_iter().find(|known| *known == name).unwrap_or("a member")
}

impl<'de> de::Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> de::Visitor<'de> for Object {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Members::default();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    match members.all.entry(name) {
                        Entry::Vacant(free) => drop(free.insert(value)),
                        Entry::Occupied(taken) => {
                            members.repeated.get_or_insert_with(|| taken.key().clone());
                        }
                    }
                }
                Ok(members)
            }
        }
        input.deserialize_map(Object)
    }
}
