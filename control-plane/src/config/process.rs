//! Logging and shutdown settings, common to all roles.

use std::time::Duration;

use crash_points::CrashPoints;
use logging::{Format, Level};

use super::{ConfigError, Source, keep, log_format, log_level, seconds};

#[derive(Debug)]
pub struct ProcessSettings {
    pub log_level: Level,
    pub log_format: Format,
    /// How long a shutdown waits for payments in flight.
    pub shutdown_grace: Duration,
    /// For tests.
    pub crash_points: CrashPoints,
}

impl ProcessSettings {
    pub(super) fn read(source: &Source) -> Result<Self, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let log_level = keep(&mut errors, log_level(source));
        let log_format = keep(&mut errors, log_format(source));
        let grace = keep(&mut errors, seconds(source, "SHUTDOWN_GRACE_SECONDS", Duration::from_secs(30)));
        let crash_points = keep(&mut errors, source.read_with("CRASH_POINTS", CrashPoints::parse));
        match (log_level, log_format, grace, crash_points) {
            (Some(log_level), Some(log_format), Some(shutdown_grace), Some(crash_points)) => Ok(Self {
                log_level,
                log_format,
                shutdown_grace,
                crash_points: crash_points.unwrap_or_default(),
            }),
            _ => Err(errors),
        }
    }
}
