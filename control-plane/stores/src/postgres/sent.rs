//! What became of a statement, and what is told of the changes in it.

use payments::ports::store::StoreError;

use super::refusal::{is_of_all_changes, is_read_only, undone};
use super::{not_written, unavailable};

/// What became of one statement.
pub(super) enum Sent {
    /// On disk, but for these members, whose key could not be changed.
    Written { without_key: Vec<usize> },
    /// Nothing was written, because these do not apply.
    Conflict { members: Vec<usize> },
    /// Nothing was written.
    Refused { problem: sqlx::Error, cause: Cause },
    /// The server was not reached; nothing was sent.
    Unreached(sqlx::Error),
    /// The statement was sent and the answer is lost: it may be on disk, or be on its way there.
    Unknown(sqlx::Error),
}

/// What a statement was refused for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Something in it.
    Change,
    /// What others were doing at the time.
    Others,
    /// The server: it is read-only. Another connection may lead to another server.
    ReadOnly,
    /// The server: it takes no other change either.
    Server,
}

/// A payment moves to a name at the provider that another one has.
pub(super) fn is_reference_taken(problem: &sqlx::Error) -> bool {
    let told = problem.as_database_error();
    told.is_some_and(|told| told.constraint() == Some("payments_one_per_reference"))
}

/// What an error says about the statement, and whether the connection can be used further.
pub(super) fn refusal(problem: sqlx::Error) -> (Sent, bool) {
    let Some(told) = undone(&problem) else { return (Sent::Unknown(problem), false) };
    if told.code() == "GW001" {
        let members: Vec<_> =
            told.detail().unwrap_or_default().split(',').filter_map(|n| n.parse().ok()).collect();
        if !members.is_empty() {
            return (Sent::Conflict { members }, true);
        }
    }
    let cause = match told.code() {
        // Serialization failure and deadlock.
        "40001" | "40P01" => Cause::Others,
        _ if is_read_only(&problem) => Cause::ReadOnly,
        _ if is_of_all_changes(&problem) => Cause::Server,
        _ => Cause::Change,
    };
    (Sent::Refused { problem, cause }, cause != Cause::ReadOnly)
}

/// What is told of a change that this statement did not write. An earlier one may have, if its answer was lost.
pub(super) fn unwritten(problem: impl std::error::Error + Send + Sync + 'static, noting: bool) -> StoreError {
    if noting { unavailable(problem) } else { not_written(problem) }
}
