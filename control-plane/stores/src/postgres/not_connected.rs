//! Why a server lets nobody in, with what would be right.

use sqlx::error::DatabaseError;

use super::refusal::NO_RIGHT;

/// SQLSTATE codes (PostgreSQL, Appendix A).
const CREDENTIALS: [&str; 2] = ["28000", "28P01"];
const NO_SUCH_DATABASE: &str = "3D000";
const FULL: &str = "53300";
const STARTING: &str = "57P03";

/// No connection could be made.
#[derive(Debug, thiserror::Error)]
#[error("{}", what(.0))]
pub struct NotConnected(#[source] pub sqlx::Error);

fn what(problem: &sqlx::Error) -> &'static str {
    match problem {
        sqlx::Error::Tls(_) => {
            "TLS to the database fails; `sslmode` in DB_URI says what is asked for: `verify-full` for a server elsewhere \
             unless it says otherwise, `require` without proof of who answers, `disable` for a network that you trust; \
             `sslrootcert` names the authority's file"
        }
        sqlx::Error::Database(told) => what_was_told(told.as_ref()),
        _ => "the database cannot be reached",
    }
}

fn what_was_told(told: &dyn DatabaseError) -> &'static str {
    let code = told.code().unwrap_or_default();
    match &*code {
        code if CREDENTIALS.contains(&code) => {
            "the database does not let this role in: user name or password in DB_URI are wrong, the role does not exist, \
             or pg_hba.conf does not allow it from here"
        }
        NO_SUCH_DATABASE => {
            "the server has no database of this name: create it, or correct the name in DB_URI"
        }
        NO_RIGHT => "the role may not connect to this database (GRANT CONNECT)",
        FULL => "the server has no connection free (max_connections)",
        STARTING => "the server is starting or stopping",
        _ => "the database refuses the connection",
    }
}
