//! `postgres://` addresses. No error repeats a value: one of them is the password.

use std::str::FromStr;

use reqwest::Url;
use sqlx::postgres::PgConnectOptions;

const NAME: &str = "gateway-control-plane";

/// The driver would log what it does not know, value and all.
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
    #[error("the parameter `{0}` is not known")]
    UnknownParameter(String),
}

/// What libpq's addresses say too: `sslmode`, `sslrootcert`, … as parameters. Nothing is connected yet.
pub fn options(uri: &str) -> Result<PgConnectOptions, InvalidUri> {
    let url = Url::parse(uri).map_err(|_| InvalidUri::Malformed)?;
    if !matches!(url.scheme(), "postgres" | "postgresql") {
        return Err(InvalidUri::Malformed);
    }
    for (name, _) in url.query_pairs() {
        if !PARAMETERS.contains(&&*name) {
            return Err(InvalidUri::UnknownParameter(name.into_owned()));
        }
    }
    let options = PgConnectOptions::from_str(uri).map_err(|_| InvalidUri::Malformed)?;
    Ok(if options.get_application_name().is_none() { options.application_name(NAME) } else { options })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_not_known_is_named_without_its_value() {
        let refused = options("postgres://u:secret@localhost/db?passwort=hidden").unwrap_err();
        assert_eq!(refused, InvalidUri::UnknownParameter("passwort".to_owned()));
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
    fn both_names_of_the_scheme_are_taken() {
        for uri in ["postgres://localhost/db", "postgresql://u@[::1]:5433/db?sslmode=verify-full"] {
            assert_eq!(options(uri).unwrap().get_application_name(), Some(NAME));
        }
        assert_eq!(options("mysql://localhost/db").unwrap_err(), InvalidUri::Malformed);
    }
}
