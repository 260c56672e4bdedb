//! `control-plane config check`: whether the configuration can be used, and whether what it names is there.

mod connect;
mod report;

use clap::{Args, ValueEnum};

pub use report::Report;

use crate::config::{Config, EdgeCacheConfig, Source, WorkerConfig, unusable};

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Also try the database with its schema and rights, the cache and its policy, the queue, and each provider's
    /// credentials, and say what is found. Changes nothing
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
    let (gateway, redis, queue) = match args.role {
        Role::Serve => {
            let config = Config::read(source).map_err(|errors| unusable(&errors))?;
            (Some(config.gateway), config.edge_cache.redis, config.background.queue)
        }
        Role::Worker => {
            let config = WorkerConfig::read(source).map_err(|errors| unusable(&errors))?;
            (Some(config.gateway), None, config.background.queue)
        }
        Role::EdgeCache => {
            let config = EdgeCacheConfig::read(source).map_err(|errors| unusable(&errors))?;
            (None, Some(config.redis), None)
        }
    };
    let mut report = Report::default();
    report.good("settings", "the configuration is complete");
    for (key, meant) in source.near_misses() {
        report.warn(
            "settings",
            format!("{key} is set in the environment and is no setting; do you mean {meant}?"),
        );
    }
    if args.connect {
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
