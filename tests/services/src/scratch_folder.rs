//! Temporary folders for processes that end with the test process.

use std::path::Path;

use tempfile::TempDir;

use crate::leash::Leash;

/// A temporary folder for processes that end with this one. It is removed when it is dropped, or else when this process
/// ends, however it ends.
#[derive(Debug)]
pub struct ScratchFolder {
    folder: TempDir,
    leash: Leash,
}

impl ScratchFolder {
    /// Creates one whose name begins with `prefix`.
    ///
    /// # Panics
    /// If it cannot be created.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        let folder = tempfile::Builder::new().prefix(prefix).tempdir().unwrap();
        let leash = Leash::on_folder(folder.path());
        Self { folder, leash }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Keeps it for people to look at.
    pub fn keep(&mut self) {
        self.leash.let_go();
        self.folder.disable_cleanup(true);
    }
}

impl Drop for ScratchFolder {
    fn drop(&mut self) {
        self.leash.let_go();
    }
}
