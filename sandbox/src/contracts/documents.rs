//! Reads the documents that a contract consists of.

use std::path::Path;
use std::{fs, io};

use serde_json::Value;

pub(super) fn read_json(path: &Path) -> io::Result<Value> {
    let text = fs::read(path)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    serde_json::from_slice(&text).map_err(|error| unusable(path, &error.to_string()))
}

pub(super) fn unusable(path: &Path, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {why}", path.display()))
}
