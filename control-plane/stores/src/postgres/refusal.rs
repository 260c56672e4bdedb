//! What PostgreSQL's errors say: about the statement, about the server, and about all connections to it.

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgDatabaseError, PgSeverity};

/// SQLSTATE classes and codes (PostgreSQL, Appendix A).
const READ_ONLY: &str = "25006";
pub(super) const NO_RIGHT: &str = "42501";
const INSUFFICIENT_RESOURCES: &str = "53";
const SYSTEM_ERROR: &str = "58";
const CONNECTION: &str = "08";
const COMPLETION_UNKNOWN: &str = "40003";
/// `admin_shutdown`, `crash_shutdown`, `cannot_connect_now`.
const SHUTDOWNS: [&str; 3] = ["57P01", "57P02", "57P03"];

/// Whether the server gave this SQLSTATE.
pub(super) fn is_told(problem: &sqlx::Error, code: &str) -> bool {
    told(problem).is_some_and(|told| told == code)
}

fn told(problem: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    problem.as_database_error().and_then(DatabaseError::code)
}

/// The server takes no writes: it is a standby, or was one's primary before a failover, or was set so.
pub(super) fn is_read_only(problem: &sqlx::Error) -> bool {
    is_told(problem, READ_ONLY)
}

/// Whether the connections that are open lead to the wrong server, or to one that is going.
pub(super) fn is_of_all_connections(problem: &sqlx::Error) -> bool {
    told(problem).is_some_and(|code| code == READ_ONLY || SHUTDOWNS.contains(&&*code))
}

/// Whether every other change would be refused as well: the server is full, or its disk; this role has no right.
pub(super) fn is_of_all_changes(problem: &sqlx::Error) -> bool {
    let is_of_all = |code: &str| {
        code == READ_ONLY
            || code == NO_RIGHT
            || code.starts_with(INSUFFICIENT_RESOURCES)
            || code.starts_with(SYSTEM_ERROR)
    };
    told(problem).is_some_and(|code| is_of_all(&code))
}

/// The server's word that it executed nothing of the statement, or undid it. A backend that is told to go
/// ([`PgSeverity::Fatal`]) may say so instead of that its commit is done. So may a pooler in between whose way to the server
/// has broken: it speaks of the connection (class 08), and knows no more of the statement than we do.
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
