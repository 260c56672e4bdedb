//! `LOG_LEVEL`: the level to log at.

use std::fmt;
use std::str::FromStr;

use tracing_subscriber::filter::{LevelFilter, Targets};

/// Noisy libraries whose problems the program logs itself; one of them also traces a password.
const SILENT: &str = "lapin=off,amq_protocol_tcp=off";

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

/// Why a text is not a valid level.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongLevel {
    #[error(
        "`{0}` is no level; must be off, error, warn, info, debug or trace, or a list as in `info,payments_stores=debug`"
    )]
    Unknown(String),
    #[error("`{0}` is not `PART=LEVEL`, as in `payments_stores=debug`")]
    Directive(String),
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
        let directives: Vec<_> = directives.map(directive).collect::<Result<_, _>>()?;
        if directives.is_empty() {
            return Err(WrongLevel::Unknown(text.trim().to_owned()));
        }
        Ok(Self(directives.join(",")))
    }
}

fn directive(text: &str) -> Result<&str, WrongLevel> {
    let Some((part, level)) = text.rsplit_once('=') else {
        return if is_level(text) { Ok(text) } else { Err(WrongLevel::Unknown(text.to_owned())) };
    };
    if !is_level(level) {
        return Err(WrongLevel::Unknown(level.to_owned()));
    }
    if part.trim().is_empty() || part.contains(char::is_whitespace) || text.parse::<Targets>().is_err() {
        return Err(WrongLevel::Directive(text.to_owned()));
    }
    Ok(text)
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
        assert_eq!(error, WrongLevel::Unknown("loud".to_owned()));
        assert!(matches!("info,=debug".parse::<Level>(), Err(WrongLevel::Directive(_))));
    }
}
