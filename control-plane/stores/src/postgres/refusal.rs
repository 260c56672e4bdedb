//! The scope of PostgreSQL's errors: the statement, the server, or all connections to it.

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

pub(super) use crate::schema::not_connected::NO_RIGHT;

/// SQLSTATE classes and codes (PostgreSQL, Appendix A).
const READ_ONLY: &str = "25006";
const INSUFFICIENT_RESOURCES: &str = "53";
const SYSTEM_ERROR: &str = "58";
const CONNECTION: &str = "08";
const COMPLETION_UNKNOWN: &str = "40003";
/// `admin_shutdown`, `crash_shutdown`, `cannot_connect_now`.
const SHUTDOWNS: [&str; 3] = ["57P01", "57P02", "57P03"];

/// Whether the server returned this SQLSTATE.
pub(super) fn is_told(problem: &sqlx::Error, code: &str) -> bool {
    told(problem).is_some_and(|told| told == code)
}

fn told(problem: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    problem.as_database_error().and_then(DatabaseError::code)
}

/// Whether the server takes no writes: it is a standby, the old primary after a failover, or set to read-only.
pub(super) fn is_read_only(problem: &sqlx::Error) -> bool {
    is_told(problem, READ_ONLY)
}

/// Whether the open connections lead to the wrong server, or to one that is shutting down.
pub(super) fn is_of_all_connections(problem: &sqlx::Error) -> bool {
    told(problem).is_some_and(|code| code == READ_ONLY || SHUTDOWNS.contains(&&*code))
}

/// Whether the server would refuse every other change too: it is read-only, out of resources or disk space, or the role
/// lacks a right.
pub(super) fn is_of_all_changes(problem: &sqlx::Error) -> bool {
    let is_of_all = |code: &str| {
        code == READ_ONLY
            || code == NO_RIGHT
            || code.starts_with(INSUFFICIENT_RESOURCES)
            || code.starts_with(SYSTEM_ERROR)
    };
    told(problem).is_some_and(|code| is_of_all(&code))
}

/// The error, if it proves that the server executed nothing of the statement or rolled it back. A terminated backend
/// ([`PgSeverity::Fatal`]) may report its termination instead of a completed commit. So may a pooler that has lost its
/// server connection: it reports the connection (class 08), and knows no more about the statement than we do.
pub(super) fn undone(problem: &sqlx::Error) -> Option<&PgDatabaseError> {
    let sqlx::Error::Database(told) = problem else { return None };
    let told = told.try_downcast_ref::<PgDatabaseError>()?;
    (matches!(told.severity(), PgSeverity::Error) && says_what_became_of_it(told.code())).then_some(told)
}

fn says_what_became_of_it(code: &str) -> bool {
    !code.starts_with(CONNECTION) && code != COMPLETION_UNKNOWN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_about_the_connection_says_nothing_of_the_statement() {
        for code in ["08006", "08P01", "08000", "40003"] {
            assert!(!says_what_became_of_it(code), "{code}");
        }
        for code in ["25006", "53100", "42501", "40001", "23505", "GW001"] {
            assert!(says_what_became_of_it(code), "{code}");
        }
    }
}
