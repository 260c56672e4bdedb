//! `control-plane config check`: whether the configuration can be used, and whether what it names is there.

mod connect;
mod listening;
mod report;

use clap::{Args, ValueEnum};

pub use report::Report;

use crate::config::{Config, EdgeCacheConfig, Source, WorkerConfig, unusable};

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Also try the database with its schema and rights, the cache and its policy, the queue, and each provider's
    /// credentials, and each port, and say what is found. Changes nothing
    #[arg(long)]
    connect: bool,
    /// Whose settings these are
    #[arg(long = "for", value_enum, default_value_t = Role::Serve)]
    role: Role,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Serve,
    Worker,
    EdgeCache,
}

/// # Errors
/// Everything that is wrong with the settings themselves. What they name is in the report.
pub async fn run(args: &CheckArgs, source: &Source) -> anyhow::Result<Report> {
    let (gateway, redis, queue, places) = match args.role {
        Role::Serve => {
            let config = Config::read(source).map_err(|errors| unusable(&errors))?;
            let edge_cache = config.edge_cache.listen.map(|address| ("EDGE_CACHE_LISTEN", address));
            let places = [Some(("CONTROL_PLANE_LISTEN", config.listen)), edge_cache];
            (
                Some(config.gateway),
                config.edge_cache.redis,
                config.background.queue,
                places.into_iter().flatten().collect(),
            )
        }
        Role::Worker => {
            let config = WorkerConfig::read(source).map_err(|errors| unusable(&errors))?;
            let places = vec![("WORKER_LISTEN", config.listen)];
            (Some(config.gateway), None, config.background.queue, places)
        }
        Role::EdgeCache => {
            let config = EdgeCacheConfig::read(source).map_err(|errors| unusable(&errors))?;
            (None, Some(config.redis), None, vec![("EDGE_CACHE_LISTEN", config.listen)])
        }
    };
    let mut report = Report::default();
    report.good("settings", "the configuration is complete");
    for warning in source.near_miss_warnings() {
        report.warn("settings", warning);
    }
    listening::clashes(&places, &mut report);
    if args.connect {
        listening::try_each(&places, &mut report);
        // One after the other: it is read by a person, and each gives up by itself.
        if let Some(gateway) = gateway {
            connect::database(&gateway.database, &mut report).await;
            connect::providers(gateway.providers, &mut report).await;
        }
        connect::edge_cache(redis, &mut report).await;
        connect::queue(queue, &mut report).await;
    }
    Ok(report)
}
