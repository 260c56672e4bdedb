//! Where Envoy finds the filter's configuration: in the bootstrap, or in a file of its own.
//!
//! Named in the bootstrap itself, the filter is loaded when Envoy starts. In a file of Envoy's extension configuration
//! discovery service (ECDS), it is loaded again whenever a file with another configuration is moved to its place.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::config::{ConfigError, Source};

const KEY: &str = "EDGE_FILTER_CONFIG";
/// The value in the template that [`apart`] gives.
pub(super) const DISCOVERY: &str = "FILTER_DISCOVERY";

/// How the filter begins in the list of filters, and how the next one does.
const ITEM: &str = "                  - name: gateway.edge\n";
const NEXT: &str = "\n                  - ";
/// How much less the filter is indented in a file of its own.
const OUTDENT: &str = "                ";

/// What the file begins with. Its name is the filter's in the bootstrap.
const HEAD: &str = "\
# The filter as Envoy loads it. Envoy ignores what it does not know here, so let `control-plane envoy-bootstrap` write it.
resources:
  - \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig
    name: gateway.edge
";

/// The filter's own file, if there is one.
pub(super) fn file(source: &Source) -> Result<Option<PathBuf>, ConfigError> {
    source.read_with(KEY, |path| {
        // Envoy reads anything else as JSON.
        if Path::new(path).extension().is_none_or(|extension| extension != "yaml") {
            return Err("must be the path of a file whose name ends in .yaml".to_owned());
        }
        // Envoy may run in another folder.
        std::path::absolute(path).map_err(|error| error.to_string())
    })
}

/// How Envoy follows the file: there is no default configuration, without one it refuses every request.
pub(super) fn discovery(file: Option<&Path>) -> Value {
    let Some(file) = file else { return Value::Null };
    let folder = file.parent().unwrap_or(file);
    json!({
        "config_source": {
            "resource_api_version": "V3",
            "path_config_source": {
                "path": file.display().to_string(),
                "watched_directory": { "path": folder.display().to_string() },
            },
        },
        "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
    })
}

/// The bootstrap's template without the filter's configuration, and the template of the filter's own file.
pub(super) fn apart(template: &str) -> Option<(String, String)> {
    let (before, rest) = template.split_once(ITEM)?;
    let (filter, after) = rest.split_once(NEXT)?;
    let bootstrap =
        format!("{before}{ITEM}                    config_discovery: ${{{DISCOVERY}}}{NEXT}{after}");
    let lines = filter.lines().map(|line| line.strip_prefix(OUTDENT).unwrap_or(line));
    let filter = lines.fold(HEAD.to_owned(), |text, line| text + line + "\n");
    Some((bootstrap, filter))
}
