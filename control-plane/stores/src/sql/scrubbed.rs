//! What is left of overwritten values.

/// What became of overwritten values in the database's own files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scrubbed {
    Done,
    /// Writers would wait for too long; it has to be asked for.
    TooLarge {
        bytes: u64,
    },
    /// Others read the files all the time.
    Busy,
    /// The server keeps overwritten rows until it vacuums.
    LeftToServer,
}
