//! The documents that an operator has registered. If there are any, no others are executed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use edge_core::error::ErrorCode;
use edge_core::request::GraphqlDocument;
use sha2::{Digest, Sha256};

use super::document;
use crate::http::error::ApiError;

/// More files than any product has queries are a wrong folder.
const FILES_MAX: usize = 10_000;
/// A request's body has no more.
const BYTES_MAX: u64 = 64 * 1024;
const EXTENSION: &str = "graphql";

/// Registered documents by their SHA-256 in lower-case hex; `None` if all documents are executed.
#[derive(Clone, Debug, Default)]
pub struct Documents(Option<HashMap<String, String>>);

/// Why the folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    #[error("{}: {problem}", .path.display())]
    Unreadable { path: PathBuf, problem: std::io::Error },
    #[error("{}: {problem}", .path.display())]
    Invalid { path: PathBuf, problem: String },
    #[error("{} has no file that ends with .{EXTENSION}", .0.display())]
    Empty(PathBuf),
    #[error("{} has more than {FILES_MAX} documents", .0.display())]
    TooMany(PathBuf),
}

impl Documents {
    /// Reads the files of a folder that end with `.graphql`, each a document.
    ///
    /// # Errors
    /// Names the file that cannot be read, or is not a document.
    pub fn load(folder: &Path) -> Result<Self, DocumentsError> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |problem| DocumentsError::Unreadable { path, problem }
        };
        let mut documents = HashMap::new();
        for entry in std::fs::read_dir(folder).map_err(unreadable(folder))? {
            let path = entry.map_err(unreadable(folder))?.path();
            if path.extension().is_none_or(|extension| extension != EXTENSION) {
                continue;
            }
            if documents.len() >= FILES_MAX {
                return Err(DocumentsError::TooMany(folder.to_owned()));
            }
            let invalid = |problem: String| DocumentsError::Invalid { path: path.clone(), problem };
            if std::fs::metadata(&path).map_err(unreadable(&path))?.len() > BYTES_MAX {
                return Err(invalid(format!("has more than {BYTES_MAX} bytes")));
            }
            let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
            document::read(&text).map_err(|error| invalid(error.0.error.message))?;
            documents.insert(hex::encode(Sha256::digest(&text)), text);
        }
        if documents.is_empty() {
            return Err(DocumentsError::Empty(folder.to_owned()));
        }
        Ok(Self(Some(documents)))
    }

    /// The text to execute.
    pub(super) fn find(&self, asked: GraphqlDocument) -> Result<String, ApiError> {
        let refused = |param, message| ApiError::new(ErrorCode::InvalidRequest, message).about(param);
        match (&self.0, asked) {
            (None, GraphqlDocument::Text(text)) => Ok(text),
            (None, GraphqlDocument::Id(_)) => {
                Err(refused("documentId", "this gateway has no registered documents; send `query`"))
            }
            (Some(known), GraphqlDocument::Id(id)) => known
                .get(&id)
                .cloned()
                .ok_or_else(|| refused("documentId", "no document with this id is registered")),
            (Some(known), GraphqlDocument::Text(text)) => {
                let is_known = known.contains_key(&hex::encode(Sha256::digest(&text)));
                let message = "this gateway executes registered documents only; this one is not";
                if is_known { Ok(text) } else { Err(refused("query", message)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_registered_documents_are_found_by_text_or_id() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Documents::load(folder.path()), Err(DocumentsError::Empty(_))));
        let text = "query A { viewer { client } }";
        std::fs::write(folder.path().join("a.graphql"), text).unwrap();
        std::fs::write(folder.path().join("README"), "{").unwrap();
        let documents = Documents::load(folder.path()).unwrap();
        let id = hex::encode(Sha256::digest(text));
        assert_eq!(documents.find(GraphqlDocument::Id(id.clone())).unwrap(), text);
        assert_eq!(documents.find(GraphqlDocument::Text(text.to_owned())).unwrap(), text);
        assert!(documents.find(GraphqlDocument::Text(format!("{text} "))).is_err());
        assert!(documents.find(GraphqlDocument::Id("0".repeat(64))).is_err());
        let all = Documents::default();
        assert_eq!(all.find(GraphqlDocument::Text("{".to_owned())).unwrap(), "{");
        assert!(all.find(GraphqlDocument::Id(id)).is_err());
    }

    #[test]
    fn a_file_that_is_no_document_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("broken.graphql"), "{").unwrap();
        let refused = Documents::load(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("broken.graphql"), "{refused}");
    }
}
