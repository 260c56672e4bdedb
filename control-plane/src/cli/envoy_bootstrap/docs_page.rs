//! The API's documentation at `/docs`: files that Envoy itself serves, so that no request without a key reaches the
//! control plane.

use std::path::Path;

use serde_json::{Value, json};

use crate::config::Source;

const FOLDER: &str = "GATEWAY_DOCS";

/// Below the folder: the page, its script, and the description that the script shows.
const FILES: [&str; 3] = ["page/index.html", "page/rapidoc-min.js.gz", "openapi.json"];

/// The template's values.
pub(super) struct DocsPage {
    /// Envoy's answers with the files, in their order. Without the page, no request gets one.
    pub(super) answers: [Value; 3],
    /// The part of the requests that gets them.
    pub(super) percent: Value,
}

impl DocsPage {
    pub(super) fn read(source: &Source) -> Self {
        match source.get(FOLDER).map(Path::new) {
            Some(folder) => {
                let file = |name| json!({ "status": 200, "body": { "filename": folder.join(name) } });
                Self { answers: FILES.map(file), percent: 100.into() }
            }
            None => Self { answers: FILES.map(|_| json!({ "status": 404 })), percent: 0.into() },
        }
    }
}

/// The files that the setting names and that are not there.
pub(super) fn missing(source: &Source) -> Option<(&'static str, String)> {
    let folder = Path::new(source.get(FOLDER)?);
    let mut files = FILES.iter().map(|name| folder.join(name));
    files.find(|file| !file.is_file()).map(|file| (FOLDER, file.display().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(folder: &str) -> Source {
        Source::new([(FOLDER.to_owned(), folder.to_owned())], None).unwrap()
    }

    #[test]
    fn the_page_is_served_where_a_folder_is_named_and_only_there() {
        let docs = DocsPage::read(&source("/docs"));
        assert_eq!(docs.percent, 100);
        assert_eq!(docs.answers[2], json!({ "status": 200, "body": { "filename": "/docs/openapi.json" } }));
        let off = DocsPage::read(&source(""));
        assert_eq!((&off.percent, &off.answers[0]), (&json!(0), &json!({ "status": 404 })));
    }

    #[test]
    fn the_folder_of_the_repository_has_what_is_served_and_another_has_not() {
        assert_eq!(missing(&source(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"))), None);
        assert_eq!(missing(&source("/none")), Some((FOLDER, "/none/page/index.html".to_owned())));
    }
}
