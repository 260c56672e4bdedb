//! What `/graphql` executes.

use std::path::Path;

use super::{ConfigError, Source};
use crate::http::{Documents, Graphql};

pub(super) fn graphql(source: &Source) -> Result<Graphql, ConfigError> {
    let introspects = source.read_with("GRAPHQL_INTROSPECTION", |value| match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("must be `on` or `off`".to_owned()),
    })?;
    let load = |folder: &str| Documents::load(Path::new(folder)).map_err(|error| error.to_string());
    let documents = source.read_with("GRAPHQL_DOCUMENTS", load)?;
    Ok(Graphql::new(introspects.unwrap_or(false), documents.unwrap_or_default()))
}
