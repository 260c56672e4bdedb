//! A file outside the database to which checkpoints and restore notes are appended.

use std::io::SeekFrom;
use std::path::{Path, PathBuf};

use audit_proof::{Checkpoint, VerifyingKey};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _};

use super::anchors::Anchors;

/// How much of the end of the file is read at the start: more than a hundred checkpoints.
const TAIL_MAX: u64 = 64 * 1024;

/// Each checkpoint opens the file again, so that it can be moved away.
#[derive(Debug)]
pub struct AnchorFile(PathBuf);

impl AnchorFile {
    #[must_use]
    pub const fn new(path: PathBuf) -> Self {
        Self(path)
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The last checkpoint in the file that `key` signed. `None` if there is no file, or none in its end.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn last(&self, key: &VerifyingKey) -> std::io::Result<Option<Checkpoint>> {
        let mut file = match File::open(&self.0).await {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = file.metadata().await?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL_MAX))).await?;
        let mut tail = Vec::new();
        file.take(TAIL_MAX).read_to_end(&mut tail).await?;
        let mut anchors = Anchors::read(&String::from_utf8_lossy(&tail), std::slice::from_ref(key));
        Ok(anchors.signed.pop().map(|(_, checkpoint)| checkpoint))
    }

    /// Appends a signed note, and returns once it is on disk.
    ///
    /// # Errors
    /// The file cannot be written.
    pub async fn append(&self, note: &str) -> std::io::Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0).await?;
        // Two line ends in front: the last one may have been written in part.
        file.write_all(format!("\n\n{note}").as_bytes()).await?;
        file.flush().await?;
        file.sync_all().await
    }
}

#[cfg(test)]
mod tests {
    use audit_proof::{Hash, SigningKey};

    use super::*;

    fn checkpoint(size: u64) -> Checkpoint {
        Checkpoint { origin: "a.example".to_owned(), size, root: Hash::of_nothing() }
    }

    #[tokio::test]
    async fn the_last_checkpoint_is_read_back_however_long_the_file_and_torn_its_end() {
        let key: SigningKey = format!("a.example:{}", "01".repeat(32)).parse().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("anchors");
        let file = AnchorFile::new(path.clone());
        assert_eq!(file.last(key.public()).await.unwrap(), None);
        for size in 1..=600 {
            file.append(&checkpoint(size).signed(&key).to_string()).await.unwrap();
        }
        assert_eq!(file.last(key.public()).await.unwrap(), Some(checkpoint(600)));
        let whole = std::fs::read_to_string(&path).unwrap();
        assert!(whole.len() as u64 > TAIL_MAX);
        std::fs::write(&path, &whole[..whole.len() - 30]).unwrap();
        assert_eq!(file.last(key.public()).await.unwrap(), Some(checkpoint(599)));
        file.append(&checkpoint(601).signed(&key).to_string()).await.unwrap();
        assert_eq!(file.last(key.public()).await.unwrap(), Some(checkpoint(601)));
    }
}
