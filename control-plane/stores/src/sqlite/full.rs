//! Whether the database's files can grow, and what is certain if they cannot.

use std::error::Error;

use sqlx::error::DatabaseError;

/// `SQLITE_FULL` (<https://www.sqlite.org/rescode.html>).
const FULL: u32 = 13;

/// `SQLITE_IOERR_WRITE`, an extended code: the write-ahead log takes no more, e.g. because it has reached the process's
/// limit of file sizes.
const WRITE_FAILED: u32 = 778;

/// SQLite's own words name neither the limit nor the disk.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database's files cannot grow: the disk is full or fails, or the limit of file sizes (`ulimit -f`) is reached"
)]
struct CannotGrow(#[source] sqlx::Error);

/// The extended code with which SQLite failed.
pub(super) fn code(problem: &sqlx::Error) -> Option<u32> {
    problem.as_database_error().and_then(DatabaseError::code)?.parse().ok()
}

/// Whether a commit that failed with this code is certainly not on the disk. The last part that a commit writes is the
/// one that makes it valid. Other I/O errors may come after it.
pub(super) const fn is_write_failed(code: u32) -> bool {
    code == WRITE_FAILED
}

/// The problem, with its likely cause.
pub(super) fn explained(problem: sqlx::Error) -> Box<dyn Error + Send + Sync> {
    match code(&problem) {
        Some(code) if code & 0xff == FULL || code == WRITE_FAILED => Box::new(CannotGrow(problem)),
        _ => Box::new(problem),
    }
}
