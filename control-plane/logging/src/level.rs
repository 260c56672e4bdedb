//! `LOG_LEVEL`: the level to log at.

use std::fmt;
use std::str::FromStr;

use tracing_subscriber::filter::{LevelFilter, Targets};

/// Noisy libraries whose problems the program logs itself; one of them also traces a password.
const SILENT: &str = "lapin=off,amq_protocol_tcp=off";

/// The crates of ours that log.
const PARTS: [&str; 7] = [
    "control_plane",
    "crash_points",
    "logging",
    "payments",
    "payments_providers",
    "payments_stores",
    "provider_sandbox",
];

/// The libraries that log, by how their names begin.
const LIBRARIES: [&str; 13] = [
    "amq_protocol",
    "aws_",
    "h2",
    "hickory_",
    "hyper_util",
    "jiff",
    "lapin",
    "reqwest",
    "rustls_",
    "sqlx",
    "tokio_tungstenite",
    "tower_http",
    "tungstenite",
];

/// Renamed parts of the program: the old prefix of a directive and the new one. The old names work for one more
/// release.
const MOVED: [(&str, &str); 8] = [
    // `payments` is also a prefix of the stores' and the providers' names.
    ("control_plane=", "payments="),
    ("control_plane=", "crash_points="),
    ("control_plane::domain", "payments::"),
    ("control_plane::store", "payments_stores"),
    ("control_plane::providers", "payments_providers"),
    ("control_plane::crash_point", "crash_points"),
    ("control_plane::worker", "control_plane::jobs"),
    ("control_plane::queue", "control_plane::jobs::rabbit"),
];

/// A level, optionally with others for parts of the program: `info,payments_stores=debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Level(String);

/// Why a text is not a valid level: all that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct WrongLevel(Vec<DirectiveError>);

/// What is wrong with one directive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum DirectiveError {
    #[error(
        "`{0}` is no level; must be off, error, warn, info, debug or trace, or a list as in `info,payments_stores=debug`"
    )]
    Unknown(String),
    #[error("`{0}` is not `PART=LEVEL`, as in `payments_stores=debug`")]
    Directive(String),
    #[error(
        "`{0}` is no part that logs; must be one of {own}, or a library, as in `info,sqlx=debug`",
        own = PARTS.join(", ")
    )]
    Part(String),
}

impl Level {
    pub(crate) fn filter(&self) -> Targets {
        let moved: String = self.0.split(',').flat_map(renamed).map(|directive| directive + ",").collect();
        // The same library parsed each directive before.
        format!("{SILENT},{moved}{}", self.0).parse().unwrap_or_default()
    }
}

impl Default for Level {
    fn default() -> Self {
        Self("info".to_owned())
    }
}

impl fmt::Debug for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Level {
    type Err = WrongLevel;

    /// Stricter than the library, which takes `warning` for the name of a part of the program and then logs nothing
    /// else.
    fn from_str(text: &str) -> Result<Self, WrongLevel> {
        let directives = text.split(',').map(str::trim).filter(|one| !one.is_empty());
        let directives: Vec<_> = directives.collect();
        if directives.is_empty() {
            return Err(WrongLevel(vec![DirectiveError::Unknown(text.trim().to_owned())]));
        }
        let wrong: Vec<_> = directives.iter().filter_map(|one| check(one).err()).collect();
        if wrong.is_empty() { Ok(Self(directives.join(","))) } else { Err(WrongLevel(wrong)) }
    }
}

fn check(directive: &str) -> Result<(), DirectiveError> {
    let Some((part, level)) = directive.split_once('=') else {
        return if is_level(directive) { Ok(()) } else { Err(DirectiveError::Unknown(directive.to_owned())) };
    };
    if part.is_empty() || level.contains('=') || part.contains(char::is_whitespace) {
        return Err(DirectiveError::Directive(directive.to_owned()));
    }
    if !is_level(level) {
        return Err(DirectiveError::Unknown(level.to_owned()));
    }
    if !is_part(part) {
        return Err(DirectiveError::Part(part.to_owned()));
    }
    directive.parse::<Targets>().map(drop).map_err(|_| DirectiveError::Directive(directive.to_owned()))
}

/// Whether the part is a crate that logs, or a module of one.
fn is_part(part: &str) -> bool {
    let name = part.split([':', '[']).next().unwrap_or_default();
    PARTS.contains(&name) || LIBRARIES.iter().any(|library| name.starts_with(library))
}

/// Rewrites a directive with an old name to the current names.
fn renamed(directive: &str) -> impl Iterator<Item = String> {
    MOVED.into_iter().filter_map(move |(before, now)| {
        let rest = directive.strip_prefix(before)?;
        // `payments::` already ends with the path separator.
        Some(format!("{now}{}", if now.ends_with(':') { rest.trim_start_matches(':') } else { rest }))
    })
}

fn is_level(text: &str) -> bool {
    text.parse::<LevelFilter>().is_ok()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn levels_and_lists_of_them_are_taken() {
        for text in
            ["info", "WARN", "off", "debug,control_plane=trace", " info , payments_stores=debug\n", "info,"]
        {
            text.parse::<Level>().unwrap();
        }
    }

    #[test]
    fn parts_are_still_known_by_the_names_of_the_release_before() {
        let filter = |text: &str| text.parse::<Level>().unwrap().filter().to_string();
        for (text, now) in [
            ("info,control_plane=debug", "payments=debug"),
            ("info,control_plane::store::postgres=debug", "payments_stores::postgres=debug"),
            ("info,control_plane::domain=debug", "payments::=debug"),
            ("info,control_plane::domain::operations=debug", "payments::operations=debug"),
            ("info,control_plane::queue=debug", "control_plane::jobs::rabbit=debug"),
        ] {
            assert!(filter(text).contains(now), "{text}: {}", filter(text));
        }
        assert!(!filter("info,payments_stores=debug").contains("control_plane"));
    }

    /// The library accepts each of these and then logs nothing.
    #[test]
    fn what_the_library_would_take_for_a_part_of_the_program_is_refused() {
        for text in ["warning", "verbose", "loud", "information", "info;debug", "", " ", ","] {
            let error = text.parse::<Level>().unwrap_err();
            assert!(error.to_string().contains("error, warn, info"), "{text}: {error}");
        }
        let error = "info,control_plane=loud".parse::<Level>().unwrap_err();
        assert_eq!(error, WrongLevel(vec![DirectiveError::Unknown("loud".to_owned())]));
        let error = "info,=debug".parse::<Level>().unwrap_err();
        assert_eq!(error, WrongLevel(vec![DirectiveError::Directive("=debug".to_owned())]));
    }

    #[test]
    fn every_wrong_directive_is_named_with_what_would_be_right() {
        let error = "inof,foo=bar=baz,payment_stores=debug,sqlx=debug,payments=loud".parse::<Level>();
        let text = error.unwrap_err().to_string();
        for named in [
            "`inof` is no level; must be off, error, warn",
            "`foo=bar=baz` is not `PART=LEVEL`",
            "`payment_stores` is no part that logs; must be one of control_plane,",
            "`loud` is no level",
        ] {
            assert!(text.contains(named), "{named}: {text}");
        }
        assert!(!text.contains("`sqlx`"), "{text}");
    }

    #[test]
    fn every_crate_of_ours_that_logs_is_a_part() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let beside = std::fs::read_dir(here.join("..")).unwrap().map(|entry| entry.unwrap().path());
        let folders = beside.chain([here.join(".."), here.join("../../sandbox")]);
        let mut found = 0;
        for manifest in folders.filter_map(|folder| std::fs::read_to_string(folder.join("Cargo.toml")).ok()) {
            if manifest.contains("\ntracing.workspace") {
                let name = manifest.lines().find_map(|line| line.strip_prefix("name = ")).unwrap();
                let name = name.trim_matches('"').replace('-', "_");
                assert!(PARTS.contains(&name.as_str()), "{name}");
                found += 1;
            }
        }
        assert_eq!(found, PARTS.len());
    }
}
