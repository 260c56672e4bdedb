//! `sqlite://` addresses.

use std::str::FromStr as _;

use sqlx::sqlite::SqliteConnectOptions;

/// Why an address cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUri {
    #[error("must name a file: sqlite://PATH")]
    NoFile,
    #[error(
        "names a database in memory, which would lose every payment with the process; must be sqlite://PATH"
    )]
    InMemory,
    #[error("has a `#` in it: a comment goes on its own line; in the name of a file, write `%23`")]
    Comment,
    #[error("has a parameter; only `mode=rwc` is accepted; in the name of a file, write `%3F` for `?`")]
    Parameter,
    #[error("is not UTF-8 text; write `%25` for `%`")]
    Encoding,
}

/// Checks an address. The driver takes more: a comment as a part of the name, and ways to open the file with which this
/// program could not work.
///
/// # Errors
/// Names what is wrong with it.
pub fn check(uri: &str) -> Result<(), InvalidUri> {
    let rest = uri.strip_prefix("sqlite:").unwrap_or(uri);
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, parameters) = rest.split_once('?').map_or((rest, None), |(path, more)| (path, Some(more)));
    if path == ":memory:" || parameters.is_some_and(|list| list.split('&').any(|one| one == "mode=memory")) {
        return Err(InvalidUri::InMemory);
    }
    if rest.contains('#') {
        return Err(InvalidUri::Comment);
    }
    if parameters.is_some_and(|list| list != "mode=rwc") {
        return Err(InvalidUri::Parameter);
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(InvalidUri::NoFile);
    }
    SqliteConnectOptions::from_str(uri).map(drop).map_err(|_| InvalidUri::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_all_that_is_taken() {
        for right in [
            "sqlite://gateway.db",
            "sqlite:///var/lib/a b/x.db",
            "sqlite://x.db?mode=rwc",
            "sqlite://a%23b%3Fc",
        ] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
        for (wrong, why) in [
            ("sqlite://", InvalidUri::NoFile),
            ("sqlite://?mode=rwc", InvalidUri::NoFile),
            ("sqlite:///var/lib/", InvalidUri::NoFile),
            ("sqlite://:memory:", InvalidUri::InMemory),
            ("sqlite://x.db?mode=memory", InvalidUri::InMemory),
            ("sqlite://x.db # the database", InvalidUri::Comment),
            ("sqlite://x.db?mode=ro", InvalidUri::Parameter),
            ("sqlite://x.db?immutable=1", InvalidUri::Parameter),
            ("sqlite://x.db?journal=off", InvalidUri::Parameter),
            ("sqlite://x%ff.db", InvalidUri::Encoding),
        ] {
            assert_eq!(check(wrong), Err(why), "{wrong}");
        }
    }
}
