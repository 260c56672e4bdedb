//! The outcome of a statement, and the errors reported for its changes.

use payments::ports::store::StoreError;

use super::refusal::{is_of_all_changes, is_read_only, undone};
use super::{not_written, unavailable};

/// The outcome of one statement.
pub(super) enum Sent {
    /// On disk, except these members, whose key could not be changed.
    Written { without_key: Vec<usize> },
    /// Nothing was written, because these members do not apply.
    Conflict { members: Vec<usize> },
    /// Nothing was written.
    Refused { problem: sqlx::Error, cause: Cause },
    /// The server was not reached; nothing was sent.
    Unreached(sqlx::Error),
    /// The statement was sent and its answer lost: it may be on disk or still in flight.
    Unknown(sqlx::Error),
}

/// The cause of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// A change in the statement.
    Change,
    /// Concurrent transactions.
    Others,
    /// The server is read-only. Another connection may lead to another server.
    ReadOnly,
    /// The server refuses every other change too.
    Server,
}

/// Whether another payment has the provider's reference already.
pub(super) fn is_reference_taken(problem: &sqlx::Error) -> bool {
    let told = problem.as_database_error();
    told.is_some_and(|told| told.constraint() == Some("payments_one_per_reference"))
}

/// The outcome of the statement by its error, and whether the connection is still usable.
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

/// The error for a change that this statement did not write. If `noting`, an earlier statement whose answer was lost
/// may have written it.
pub(super) fn unwritten(problem: impl std::error::Error + Send + Sync + 'static, noting: bool) -> StoreError {
    if noting { unavailable(problem) } else { not_written(problem) }
}
