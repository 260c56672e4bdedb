//! Logs on standard error, as JSON for machines or as text for people.

use tracing_subscriber::EnvFilter;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Json,
    Human,
}

/// The AMQP library calls each restart of a broker several errors, and traces the password. What matters of it is
/// said where it is used.
const SILENT: &str = "lapin=off,amq_protocol_tcp=off";

/// Starts logging. `level` is a level or a list of directives (`info,control_plane=debug`).
pub fn start(level: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter =
        EnvFilter::try_new(format!("{SILENT},{level}")).map_err(|e| anyhow::anyhow!("LOG_LEVEL: {e}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Json => logs.json().flatten_event(true).with_span_list(false).try_init(),
        LogFormat::Human => logs.with_target(false).try_init(),
    };
    started.map_err(|e| anyhow::anyhow!("logging cannot start: {e}"))
}
