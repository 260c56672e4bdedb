//! Published signatures, from the folder `GATEWAY_SHARED` (default: `../shared` beside the repository).

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// The file `name` of the vectors, or `None`, which is said past the test harness.
pub(crate) fn vectors(name: &str) -> Option<Value> {
    let shared = std::env::var_os("GATEWAY_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let Ok(text) = fs::read(shared.join("vectors").join(name)) else {
        let why = format!("SKIPPED: {name}: GATEWAY_SHARED does not lead to it\n");
        io::stderr().write_all(why.as_bytes()).unwrap();
        return None;
    };
    Some(serde_json::from_slice(&text).unwrap())
}

pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap()
}

pub(crate) fn unix(time: &str) -> u64 {
    time.parse::<jiff::Timestamp>().unwrap().as_second().try_into().unwrap()
}
