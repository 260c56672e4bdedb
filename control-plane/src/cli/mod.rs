//! The commands of `control-plane`, with one file or folder per command.

pub mod audit;
pub mod config_check;
pub mod edge_cache;
mod edge_keys;
pub mod envoy_bootstrap;
pub mod events;
mod free_text;
mod interruption;
pub mod keys;
mod migrate;
mod operator;
pub mod payments;
mod ready;
pub mod reconcile;
pub mod retention;
pub mod serve;
pub mod wallets;
pub mod webhook_events;
pub mod webhook_verify;
pub mod worker;

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use payments_stores as stores;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use self::edge_cache::serve_edge_cache;
use self::worker::serve_worker;
use crate::client_tls::speak_tls_1_3_alone;
use crate::config::{
    Config, EdgeCacheConfig, ExplainFormat as Format, Source, WorkerConfig, explain, log_level, unusable,
};
use crate::life::Life;
use crate::reload::{Check, reload_on};

/// A payment gateway's control plane: one API over Stripe and PayPal.
///
/// Settings come from the environment, and from `--config FILE` with one `KEY=value` per line for settings that the
/// environment does not contain.
#[derive(Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Cli {
    /// A file of `KEY=value` lines; the environment takes precedence [default: GATEWAY_CONFIG]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  control-plane serve --config .run/env      run with the settings of a local stack
  control-plane edge-cache                   run only the cache of idempotency keys, on REDIS_URI
  control-plane worker                       process due work, beside the service
  control-plane config check                 report errors in the configuration; exit 1 if there are any
  control-plane config check --connect       also try the database, cache, queue and providers
  control-plane config explain WORKERS       explain a setting; without a name, all of them
  control-plane migrate                      bring the schema of DB_URI up to date
  control-plane keys status                  show the keys of stored values, and what needs them
  control-plane payments review              show payments and refunds that have been undecided for too long
  control-plane audit verify                 prove that the audit trail is what was sealed; exit 1 if it is not
  control-plane events tail --client demo    show transitions as they happen
  control-plane reconcile --since 24h        compare with the providers' records
  control-plane retention plan               show what would end by the retention schedule
  control-plane wallets check shop.example   see whether a domain can show Apple Pay, and why not
  control-plane webhook verify --help        verify a webhook, and explain why it is not genuine";

#[derive(Subcommand)]
enum Command {
    /// Run the service until SIGTERM or SIGINT
    Serve,
    /// Run only the edge cache, e.g. beside Envoy: it shares Redis with the control planes but runs independently
    EdgeCache,
    /// Process due work until SIGTERM or SIGINT: providers' events, and undecided payments and refunds
    Worker,
    /// Bring the database's schema up to date while services are running, and print the migrations applied. Only this
    /// command needs the right to change the schema
    Migrate {
        /// Instead, print the SQL that grants ROLE the rights that `serve` and `worker` need on PostgreSQL: to connect to
        /// the database that DB_URI names, and access to rows only. The owner of the database and its tables must run
        /// it after each upgrade
        #[arg(long, value_name = "ROLE")]
        print_grants: Option<String>,
        /// The schema (namespace) of the tables in the printed SQL
        #[arg(long, requires = "print_grants", default_value = stores::postgres::USUAL_SCHEMA)]
        schema: String,
    },
    /// Check or explain the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Exit 0 if a process of the gateway is ready, 1 if not, with its reason; for health checks
    Ready {
        /// The address that it listens on
        #[arg(value_name = "IP:PORT", default_value = "127.0.0.1:8081")]
        address: SocketAddr,
        /// Ask only whether the process lives, whatever it needs
        #[arg(long)]
        alive: bool,
    },
    /// Print the OpenAPI document
    Openapi,
    EdgeKeys(edge_keys::Args),
    EnvoyBootstrap(envoy_bootstrap::Args),
    /// Verify and export the sealed audit trail
    #[command(subcommand)]
    Audit(audit::Command),
    /// Show transitions of payments and refunds
    #[command(subcommand)]
    Events(events::Command),
    /// Show, replace and apply the keys that stored values are sealed with
    #[command(subcommand)]
    Keys(keys::Command),
    /// Review and resolve payments that need an operator
    #[command(subcommand)]
    Payments(payments::Command),
    /// Compare the records with the providers', adopt changes made at the providers, and print differences; exit 1 if
    /// there are any, or if something could not be read
    Reconcile(reconcile::ReconcileArgs),
    /// End data whose time is over, by the schedule of RETENTION_…
    #[command(subcommand)]
    Retention(retention::Command),
    /// Set up and check the domains on which pages show Apple Pay
    #[command(subcommand)]
    Wallets(wallets::Command),
    /// Verify a webhook by hand; list, replay and dismiss stored events
    #[command(subcommand)]
    Webhook(WebhookCommand),
}

#[derive(Subcommand)]
enum WebhookCommand {
    Verify(webhook_verify::VerifyArgs),
    #[command(flatten)]
    Admin(webhook_events::Command),
}

#[derive(Subcommand)]
enum ConfigCommand {
    /// Report errors, by key; exit 1 if there are any
    Check(config_check::CheckArgs),
    /// Explain each setting, with its default; as Markdown unless the output is a terminal
    Explain {
        /// Settings to explain, of any program of the gateway; by default, all of the control plane's
        #[arg(value_name = "SETTING")]
        keys: Vec<String>,
    },
}

/// How long the end of the process waits for calls that block a thread. The system's look-up of a name may take a minute
/// where no name server answers.
const BLOCKED_MAX: Duration = Duration::from_secs(1);

/// Runs the command. Not `async`: the program would then compile all that it awaits.
///
/// # Errors
/// The reason of the failure, or, for a command that checks something, the problems found.
pub fn run(cli: Cli) -> anyhow::Result<()> {
    to_the_end(run_command(cli))
}

fn to_the_end<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(BLOCKED_MAX);
    outcome
}

async fn run_command(cli: Cli) -> anyhow::Result<()> {
    logging::outlive_size_limits()?;
    speak_tls_1_3_alone();
    let file = cli.config.or_else(config_of_environment);
    let source = Source::of_process(file.as_deref()).map_err(|errors| unusable(&errors))?;
    match cli.command {
        Command::Serve => {
            let config = Config::read(&source).map_err(|errors| unusable(&errors))?;
            logging::start(&config.process.log_level, config.process.log_format)?;
            serve::serve(config, heed_signals(file, source, |now| Config::read(now).map(drop))?).await
        }
        Command::EdgeCache => {
            let config = EdgeCacheConfig::read(&source).map_err(|errors| unusable(&errors))?;
            logging::start(&config.log_level, config.log_format)?;
            serve_edge_cache(config, heed_signals(file, source, |now| EdgeCacheConfig::read(now).map(drop))?)
                .await
        }
        Command::Worker => {
            let config = WorkerConfig::read(&source).map_err(|errors| unusable(&errors))?;
            logging::start(&config.process.log_level, config.process.log_format)?;
            serve_worker(config, heed_signals(file, source, |now| WorkerConfig::read(now).map(drop))?).await
        }
        Command::Migrate { print_grants: Some(role), schema } => {
            let database = source.get("DB_URI").and_then(stores::postgres::database_name);
            let connection = stores::postgres::grant_of_connection(&role, database.as_deref());
            let rows = stores::postgres::grants(&role, &schema);
            print(&format!("{connection}{}", rows.trim_end()))
        }
        Command::Migrate { print_grants: None, .. } => {
            logging::start(&log_level(&source)?, logging::Format::Human)?;
            print(&migrate::run(&source, &stop_on_signals()?).await?)
        }
        Command::Config(ConfigCommand::Check(args)) => {
            let report = config_check::run(&args, &source).await?;
            print(&report.to_string())?;
            report.into_result()
        }
        Command::Config(ConfigCommand::Explain { keys }) => {
            let format = if std::io::stdout().is_terminal() { Format::Plain } else { Format::Markdown };
            print(explain(&keys, format).map_err(anyhow::Error::msg)?.trim_end())
        }
        Command::EdgeKeys(args) => print(&edge_keys::list(&args, &source)?),
        Command::EnvoyBootstrap(args) => envoy_bootstrap(&args, &source),
        Command::Webhook(WebhookCommand::Verify(args)) => {
            let report = webhook_verify::verify(&args).await?;
            print(&if args.json { report.to_json()? } else { report.to_text() })?;
            Ok(report.into_result()?)
        }
        Command::Webhook(WebhookCommand::Admin(command)) => {
            print(&webhook_events::run(command, &source).await?)
        }
        Command::Audit(command) => match audit::run(command, &source).await? {
            Some(text) => print(&text),
            None => Ok(()),
        },
        Command::Events(command) => events::run(command, &source).await,
        Command::Keys(command) => print(&keys::run(command, &source).await?),
        Command::Payments(command) => print(&payments::run(command, &source).await?),
        Command::Wallets(command) => print(&wallets::run(command, &source).await?),
        Command::Reconcile(args) => reconcile::run_reconcile(args, &source).await,
        Command::Retention(command) => print(&retention::run(command, &source).await?),
        Command::Ready { address, alive } => ready::ask(address, alive, &source).await,
        Command::Openapi => print(&format!("{:#}", crate::http::openapi_document())),
    }
}

/// Prints Envoy's configuration, or writes it to a file.
fn envoy_bootstrap(args: &envoy_bootstrap::Args, source: &Source) -> anyhow::Result<()> {
    let profile = args.profile(source)?;
    let bootstrap = envoy_bootstrap::render(profile, source, args.output.as_deref());
    let bootstrap = bootstrap.map_err(|errors| unusable(&errors))?;
    for warning in envoy_bootstrap::warnings(source) {
        logging::say(&format!("warning: {warning}"));
    }
    match &args.output {
        Some(file) => envoy_bootstrap::write(file, &bootstrap)
            .with_context(|| format!("--output: could not write {}", file.display())),
        None => print(&bootstrap.text),
    }
}

/// As for every setting, an empty value counts as unset.
fn config_of_environment() -> Option<PathBuf> {
    std::env::var_os("GATEWAY_CONFIG").filter(|file| !file.is_empty()).map(PathBuf::from)
}

/// The signals of a service: SIGHUP, which by default ends a process, reloads the settings that `check` accepts. Logs
/// variables that look like misspelled settings, since nobody may have run `config check`.
fn heed_signals(file: Option<PathBuf>, source: Source, check: Check) -> anyhow::Result<Life> {
    for warning in source.near_miss_warnings() {
        tracing::warn!(warning, "a setting may be misspelled");
    }
    let life = Life::from(stop_on_signals()?);
    life.spawn("reload of settings", reload_on(signal(SignalKind::hangup())?, file, source, check));
    Ok(life)
}

/// The first SIGTERM or SIGINT begins a clean shutdown; a second one ends the process at once.
fn stop_on_signals() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let token = stop.clone();
    tokio::spawn(async move {
        for _ in 0..2 {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if token.is_cancelled() {
                std::process::exit(130);
            }
            token.cancel();
        }
    });
    Ok(stop)
}

/// Prints a command's result. A reader that closes the pipe early (`| head`) is not an error.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("standard output"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn the_end_of_the_program_waits_for_no_thread_that_is_blocked() {
        let (holder, held) = mpsc::channel::<()>();
        let (blocks, blocked) = oneshot::channel();
        let outcome = to_the_end(async {
            tokio::task::spawn_blocking(move || {
                let _ = blocks.send(Instant::now());
                held.recv()
            });
            Ok(blocked.await?)
        });
        assert!(outcome.unwrap().elapsed() < BLOCKED_MAX * 20);
        drop(holder);
    }
}
