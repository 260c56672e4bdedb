//! Builds the gateway from its configuration.

use std::sync::Arc;

use anyhow::{Context, bail};
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::ports::clock::{Clock, SystemClock, SystemEntropy};
use payments::ports::queue::Queue;
use payments::usecases::gateway::Gateway;
use payments::usecases::retries::Retries;
use payments_providers::Providers;
use payments_stores::{self as stores, MigrateOnStart};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::GatewaySettings;

/// The kind of process that opens the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opener {
    /// A service that is starting.
    Service,
    /// A command beside a running service: it must not take the service's calls in flight for abandoned, although they
    /// predate it, and it leaves the schema as it is.
    Command,
}

/// Opens the database and sets up the providers. Sends nothing to them yet.
pub(crate) async fn open(
    settings: GatewaySettings,
    queue: Arc<dyn Queue>,
    opener: Opener,
) -> anyhow::Result<Gateway> {
    let mut database = settings.database;
    if opener == Opener::Command {
        database.migrate_on_start = MigrateOnStart::Never;
        is_there(&database.uri)?;
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let providers =
        Providers::new(settings.providers, clock.clone()).context("the providers cannot be set up")?;
    Ok(Gateway {
        store: stores::open(database).await.context("DB_URI: the database cannot be opened")?,
        providers: Provider::ALL.into_iter().filter_map(|p| Some((p, providers.get(p)?))).collect(),
        started_at: match opener {
            Opener::Service => clock.now(),
            Opener::Command => Timestamp::UNIX_EPOCH,
        },
        clock,
        entropy: Arc::new(SystemEntropy),
        tasks: TaskTracker::new(),
        queue,
        retries: Retries::new(settings.retries),
        renders: crate::http::renders(),
    })
}

/// Opens it for a service that is starting. `None`: the service was told to stop, which ends even a long wait for
/// another process that migrates the schema.
///
/// # Errors
/// As [`open`].
pub(crate) async fn open_until(
    stop: &CancellationToken,
    settings: GatewaySettings,
    queue: Arc<dyn Queue>,
) -> anyhow::Result<Option<Gateway>> {
    let gateway = stop.run_until_cancelled(open(settings, queue, Opener::Service)).await.transpose()?;
    if gateway.is_none() {
        tracing::info!("stopped before the database was open");
    }
    Ok(gateway)
}

/// Checks, for commands, that the service's database exists.
///
/// # Errors
/// The file that `uri` names does not exist.
pub(crate) fn is_there(uri: &str) -> anyhow::Result<()> {
    if let Some(file) = stores::sqlite::file(uri).filter(|file| !file.exists()) {
        let file = file.display();
        bail!(
            "DB_URI: there is no {file}; name the service's database by DB_URI, or its settings by --config FILE"
        );
    }
    Ok(())
}
