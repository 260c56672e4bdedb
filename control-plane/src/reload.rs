//! SIGHUP: applies the settings that can change at run time, and logs those that cannot.

use std::path::PathBuf;

use logging::Level;
use tokio::signal::unix::Signal;

use crate::config::{ConfigError, Source, log_level};

/// Checks all settings of the process's role.
pub type Check = fn(&Source) -> Result<(), Vec<ConfigError>>;

/// Rereads the settings at each SIGHUP. Only `LOG_LEVEL` takes effect; settings with which the process could not start
/// change nothing. Settings from the environment stay, since a process's environment never changes.
pub async fn reload_on(mut hang_up: Signal, file: Option<PathBuf>, mut source: Source, check: Check) {
    while hang_up.recv().await.is_some() {
        match Source::of_process(file.as_deref()).and_then(|now| check(&now).map(|()| now)) {
            Ok(now) => {
                take_over(&source, &now);
                source = now;
            }
            Err(errors) => {
                let problems = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
                tracing::error!(problems, "SIGHUP: the settings are invalid and stay as they were");
            }
        }
    }
}

fn take_over(was: &Source, is: &Source) {
    let mut changed = was.changed_keys(is);
    let count = changed.len();
    changed.retain(|key| *key != "LOG_LEVEL");
    if changed.len() < count {
        match log_level(is) {
            Ok(level) => set_level(&level),
            Err(error) => tracing::error!(%error, "SIGHUP: the level stays as it was"),
        }
    } else if changed.is_empty() {
        tracing::info!("SIGHUP: no setting has changed");
    }
    if !changed.is_empty() {
        tracing::warn!(settings = changed.join(", "), "SIGHUP: settings that take effect at the next start");
    }
}

fn set_level(level: &Level) {
    // Logged under the old level or the new one, whichever lets it through.
    let is_seen = tracing::enabled!(tracing::Level::INFO);
    let say = || tracing::info!(level = ?level, "SIGHUP: LOG_LEVEL changes");
    if is_seen {
        say();
    }
    match logging::set_level(level) {
        Ok(()) if is_seen => {}
        Ok(()) => say(),
        Err(error) => tracing::error!(%error, "SIGHUP: the level stays as it was"),
    }
}
