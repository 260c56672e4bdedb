//! `control-plane config check`: checks the configuration, and optionally the services that it names.

mod audit_trail;
mod connect;
mod encryption;
mod listening;
mod providers;
mod report;

use clap::{Args, ValueEnum};

pub use report::CheckReport;

use crate::config::{BackgroundSettings, Config, EdgeCacheConfig, Source, WorkerConfig, unusable};

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Also check the database with its schema and rights, the key that wraps data keys, the cache and its policy, the
    /// queue, each provider's credentials, where checkpoints of the audit trail are anchored, and each port, and report
    /// the findings. Changes nothing
    #[arg(long)]
    connect: bool,
    /// The role that the settings are for
    #[arg(long = "for", value_enum, default_value_t = Role::Serve)]
    role: Role,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Serve,
    Worker,
    EdgeCache,
}

/// Checks the configuration of a role.
///
/// # Errors
/// All errors in the settings themselves. The services that they name are in the report.
pub async fn run(args: &CheckArgs, source: &Source) -> anyhow::Result<CheckReport> {
    let (gateway, redis, background, places) = match args.role {
        Role::Serve => {
            let config = Config::read(source).map_err(|errors| unusable(&errors))?;
            let edge_cache = config.edge_cache.listen.map(|address| ("EDGE_CACHE_LISTEN", address));
            let places = [Some(("CONTROL_PLANE_LISTEN", config.listen)), edge_cache];
            (
                Some(config.gateway),
                config.edge_cache.redis,
                Some(config.background),
                places.into_iter().flatten().collect(),
            )
        }
        Role::Worker => {
            let config = WorkerConfig::read(source).map_err(|errors| unusable(&errors))?;
            let places = vec![("WORKER_LISTEN", config.listen)];
            (Some(config.gateway), config.redis, Some(config.background), places)
        }
        Role::EdgeCache => {
            let config = EdgeCacheConfig::read(source).map_err(|errors| unusable(&errors))?;
            (None, Some(config.redis), None, vec![("EDGE_CACHE_LISTEN", config.listen)])
        }
    };
    let mut report = CheckReport::default();
    report.good("settings", "the configuration is complete");
    for warning in source.near_miss_warnings() {
        report.warn("settings", warning);
    }
    listening::clashes(&places, &mut report);
    if args.connect {
        listening::try_each(&places, &mut report);
        // Sequentially, in the order of the report; each check has its own timeout.
        if let Some(gateway) = gateway {
            connect::database(&gateway.database, &mut report).await;
            let key = if source.get("KMS_KEY").is_some() { "KMS_KEY" } else { "ENCRYPTION_KEYS" };
            encryption::encryption(key, &gateway.database.encryption, &mut report).await;
            providers::providers(gateway.providers, &mut report).await;
        }
        match args.role {
            Role::Worker => connect::wake_ups(redis, &mut report).await,
            Role::Serve | Role::EdgeCache => connect::edge_cache(redis, &mut report).await,
        }
        if let Some(BackgroundSettings { queue, audit, .. }) = background {
            connect::queue(queue, &mut report).await;
            audit_trail::audit_trail(audit, &mut report).await;
        }
    }
    Ok(report)
}
