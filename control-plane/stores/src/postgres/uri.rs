//! `postgres://` addresses. Errors never repeat a value, because one of them is the password.

use std::net::IpAddr;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

const NAME: &str = "gateway-control-plane";

/// The known parameters. The driver would log an unknown one with its value.
const PARAMETERS: [&str; 13] = [
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "statement-cache-capacity",
    "user",
];

/// Why an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    #[error("must be postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Malformed,
    #[error("unknown parameter `{0}`")]
    UnknownParameter(String),
    #[error("the parameter `{0}` must be {1}")]
    WrongParameter(&'static str, &'static str),
    #[error("the parameter `{parameter}` names the file {file}, which cannot be read: {problem}")]
    UnreadableFile { parameter: &'static str, file: String, problem: String },
}

/// The parameters that name files. The driver reads them with each connection, and its errors do not name them.
const FILES: [&str; 3] = ["sslcert", "sslkey", "sslrootcert"];

/// The environment variable from which libpq takes `sslmode` if the address has none.
const SSL_MODE_VARIABLE: &str = "PGSSLMODE";

/// Parses an address with libpq's parameters (`sslmode`, `sslrootcert`, …). Does not connect yet.
///
/// Unlike libpq, a remote server must use TLS and prove its identity (`verify-full`), unless the address or the
/// environment says otherwise: libpq's `prefer` falls back to plain text when a machine in between claims that there is
/// no TLS.
///
/// # Errors
/// Returns an error if the address is invalid.
pub fn options(uri: &str) -> Result<PgConnectOptions, InvalidUri> {
    let url = Url::parse(uri).map_err(|_| InvalidUri::Malformed)?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(InvalidUri::Malformed);
    }
    for (name, value) in url.query_pairs() {
        if !PARAMETERS.contains(&&*name) {
            return Err(InvalidUri::UnknownParameter(name.into_owned()));
        }
        check_value(&name, &value)?;
    }
    let options = PgConnectOptions::from_str(uri).map_err(|_| InvalidUri::Malformed)?;
    // Nothing here is a floating-point number, and PgBouncer refuses connections with this parameter.
    let options = options.extra_float_digits(None);
    let is_told = url.query_pairs().any(|(name, _)| name == "sslmode")
        || std::env::var_os(SSL_MODE_VARIABLE).is_some_and(|mode| !mode.is_empty());
    let options =
        if is_told || is_here(&options) { options } else { options.ssl_mode(PgSslMode::VerifyFull) };
    Ok(if options.get_application_name().is_none() { options.application_name(NAME) } else { options })
}

/// The database that an address names. `None` if it names none, or is no address of PostgreSQL.
#[must_use]
pub fn database_name(uri: &str) -> Option<String> {
    options(uri).ok()?.get_database().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Checks that the files which an address names can be read, if its connections may be encrypted.
///
/// # Errors
/// Names the first file that cannot be read, and its parameter.
pub fn check_files(uri: &str) -> Result<(), InvalidUri> {
    if matches!(options(uri)?.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Allow) {
        return Ok(());
    }
    let url = Url::parse(uri).map_err(|_| InvalidUri::Malformed)?;
    for (name, file) in url.query_pairs() {
        let Some(parameter) = FILES.into_iter().find(|parameter| *parameter == name) else { continue };
        if let Err(problem) = std::fs::read(&*file) {
            let (file, problem) = (file.into_owned(), problem.to_string());
            return Err(InvalidUri::UnreadableFile { parameter, file, problem });
        }
    }
    Ok(())
}

/// Whether nobody on the way can read or change the traffic: it stays on this machine, or the server must prove itself.
#[must_use]
pub fn is_protected(uri: &str) -> bool {
    options(uri)
        .is_ok_and(|options| is_here(&options) || matches!(options.get_ssl_mode(), PgSslMode::VerifyFull))
}

/// Rejects values that the driver would refuse without naming the parameter.
fn check_value(name: &str, value: &str) -> Result<(), InvalidUri> {
    let wrong = |name, right| Err(InvalidUri::WrongParameter(name, right));
    match name {
        "sslmode" if value.parse::<PgSslMode>().is_err() => {
            wrong("sslmode", "disable, allow, prefer, require, verify-ca or verify-full")
        }
        "port" if value.parse::<u16>().is_err() => wrong("port", "a port number up to 65535"),
        "hostaddr" if value.parse::<IpAddr>().is_err() => wrong("hostaddr", "an IP address"),
        "statement-cache-capacity" if value.parse::<usize>().is_err() => {
            wrong("statement-cache-capacity", "a whole number")
        }
        _ => Ok(()),
    }
}

/// Whether the traffic stays on this machine.
fn is_here(options: &PgConnectOptions) -> bool {
    let host = options.get_host().trim_matches(['[', ']']);
    let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    options.get_socket().is_some() || host.starts_with('/') || host == "localhost" || is_loopback
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_must_prove_itself_unless_the_address_says_otherwise() {
        let mode = |uri: &str| options(uri).unwrap().get_ssl_mode();
        for elsewhere in [
            "postgres://u:p@db/gateway",
            "postgres://10.0.0.1/x",
            "postgres://localhost.example/x",
            "postgres:///x?host=db",
        ] {
            assert!(matches!(mode(elsewhere), PgSslMode::VerifyFull), "{elsewhere}");
        }
        for here in [
            "postgres://localhost/x",
            "postgres://127.0.0.2/x",
            "postgres://[::1]/x",
            "postgres:///x?host=/run/pg",
        ] {
            assert!(matches!(mode(here), PgSslMode::Prefer), "{here}");
        }
        assert!(matches!(mode("postgres://db/x?sslmode=disable"), PgSslMode::Disable));
        assert!(matches!(mode("postgres://db/x?sslmode=require"), PgSslMode::Require));
    }

    #[test]
    fn a_parameter_that_is_not_known_is_named_without_its_value() {
        let refused = options("postgres://u:secret@localhost/db?passwort=hidden").unwrap_err();
        assert_eq!(refused, InvalidUri::UnknownParameter("passwort".to_owned()));
    }

    #[test]
    fn a_parameter_with_a_wrong_value_is_named_with_what_would_be_right() {
        for (parameter, right) in [
            (
                "sslmode=required",
                "`sslmode` must be disable, allow, prefer, require, verify-ca or verify-full",
            ),
            ("port=5432x", "`port` must be"),
            ("hostaddr=db", "`hostaddr` must be"),
            ("statement-cache-capacity=many", "`statement-cache-capacity` must be"),
        ] {
            let error =
                options(&format!("postgres://u:secret@db/gateway?{parameter}")).unwrap_err().to_string();
            assert!(error.contains(right) && !error.contains("%40"), "{error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_with_its_parameter() {
        let folder = tempfile::tempdir().unwrap();
        let (there, gone) = (folder.path().join("ca.pem"), folder.path().join("gone.pem"));
        std::fs::write(&there, "").unwrap();
        let uri = |parameter: &str, file: &std::path::Path, more: &str| {
            format!("postgres://u:secret@db/gateway?{parameter}={}{more}", file.display())
        };
        for parameter in FILES {
            assert_eq!(check_files(&uri(parameter, &there, "")), Ok(()));
            let error = check_files(&uri(parameter, &gone, "")).unwrap_err().to_string();
            let named = format!("`{parameter}` names the file {}", gone.display());
            assert!(error.contains(&named) && !error.contains("secret"), "{error}");
            assert_eq!(check_files(&uri(parameter, &gone, "&sslmode=disable")), Ok(()), "nothing reads it");
        }
    }

    #[test]
    fn an_error_says_nothing_of_the_password() {
        for uri in
            ["postgres://u:secret@localhost:99999/db", "postgres://u:secret@localhost/db?sslmode=secret"]
        {
            let text = format!("{:?} {0}", options(uri).unwrap_err());
            assert!(!text.contains("secret"), "{text}");
        }
    }

    #[test]
    fn a_password_that_must_be_escaped_makes_no_address() {
        for uri in [
            "postgres://u:pa/ss@db/gateway",
            "postgres://u:pa#ss@db/gateway",
            "postgres://u:pa?ss@db/gateway",
        ] {
            assert_eq!(options(uri).unwrap_err(), InvalidUri::Malformed, "{uri}");
        }
        let escaped = options("postgres://u:pa%2Fss@db/gateway").unwrap();
        assert_eq!((escaped.get_host(), escaped.get_username()), ("db", "u"));
    }

    #[test]
    fn both_names_of_the_scheme_are_taken() {
        for uri in ["postgres://localhost/db", "postgresql://u@[::1]:5433/db?sslmode=verify-full"] {
            assert_eq!(options(uri).unwrap().get_application_name(), Some(NAME));
        }
        assert_eq!(options("mysql://localhost/db").unwrap_err(), InvalidUri::Malformed);
    }
}
