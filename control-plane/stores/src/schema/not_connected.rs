//! Why a connection to the server fails, and how to fix it.

use sqlx::error::DatabaseError;

/// SQLSTATE codes (PostgreSQL, Appendix A).
const CREDENTIALS: [&str; 2] = ["28000", "28P01"];
pub(crate) const NO_RIGHT: &str = "42501";
const NO_SUCH_DATABASE: &str = "3D000";
const FULL: &str = "53300";
const STARTING: &str = "57P03";

/// The connection failed.
#[derive(Debug, thiserror::Error)]
#[error("{}", what(.0))]
pub struct NotConnected(#[source] pub sqlx::Error);

fn what(problem: &sqlx::Error) -> &'static str {
    match problem {
        problem if is_tls(problem) => {
            "TLS to the database fails; set `sslmode` in DB_URI to `verify-full` (the default for a remote server), \
             `require` to skip the check of the server's identity, or `disable` on a trusted network; `sslrootcert` \
             names the CA file"
        }
        sqlx::Error::Database(told) => what_was_told(told.as_ref()),
        _ => "the database cannot be reached",
    }
}

/// Whether the encryption failed: rustls reports a certificate that it refuses as invalid data.
pub(crate) fn is_tls(problem: &sqlx::Error) -> bool {
    match problem {
        sqlx::Error::Tls(_) => true,
        sqlx::Error::Io(problem) => problem.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    }
}

fn what_was_told(told: &dyn DatabaseError) -> &'static str {
    let code = told.code().unwrap_or_default();
    match &*code {
        code if CREDENTIALS.contains(&code) => {
            "the database does not let this role in: the user name or password in DB_URI is wrong, the role does not \
             exist, or pg_hba.conf does not allow it from this host"
        }
        NO_SUCH_DATABASE => {
            "the server has no database of this name; create it or correct the name in DB_URI"
        }
        NO_RIGHT => "the role may not connect to this database (GRANT CONNECT)",
        FULL => "the server has no connection free (max_connections)",
        STARTING => "the server is starting or stopping",
        _ => "the database refuses the connection",
    }
}
