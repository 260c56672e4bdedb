//! Tries the services that the settings name. Read-only.

use payments::causes::with_causes;
use payments_stores::{self as stores, DatabaseSettings, MigrateOnStart, SchemaError};

use super::CheckReport;
use crate::cache::RedisUri;
use crate::config::QueueSettings;
use crate::jobs::rabbit;

pub(super) async fn database(settings: &DatabaseSettings, report: &mut CheckReport) {
    const ABOUT: &str = "database";
    let place = settings.place();
    let found = match stores::inspect(settings).await {
        Ok(found) => found,
        Err(error) => return report.bad(ABOUT, format!("DB_URI: {place}: {}", with_causes(&error))),
    };
    let product = found.product;
    let is_good = found.problems.is_empty();
    for problem in found.problems {
        report.bad(ABOUT, format!("DB_URI: {place}, {product}: {problem}"));
    }
    for warning in found.warnings {
        report.warn(ABOUT, format!("DB_URI: {place}, {product}: {warning}"));
    }
    if let Some(connections) = found.connections_max {
        enough_connections(settings, connections, report);
    }
    if let Some(served) = found.connections_served {
        all_served(settings, served, report);
    }
    match (found.schema, settings.migrate_on_start) {
        (Ok(version), _) if is_good => {
            report.good(ABOUT, format!("{place}, {product}; its schema is at migration {version:04}"));
        }
        (Ok(_), _) => {}
        (Err(error @ (SchemaError::Empty | SchemaError::TooOld { .. })), _) if !found.may_migrate => report.bad(
            ABOUT,
            format!(
                "DB_URI: {place}, {product}: {error} as the owner of the schema: this role may not change it (no CREATE on \
                 the schema)"
            ),
        ),
        (Err(error @ SchemaError::Empty), MigrateOnStart::Always | MigrateOnStart::IfEmpty)
        | (Err(error @ SchemaError::TooOld { .. }), MigrateOnStart::Always) => {
            if is_good {
                report.good(ABOUT, format!("{place}, {product}; {error}, or start the service, which does that"));
            }
        }
        (Err(error), _) => report.bad(ABOUT, format!("DB_URI: {place}, {product}: {}", with_causes(&error))),
    }
}

fn enough_connections(settings: &DatabaseSettings, server: u32, report: &mut CheckReport) {
    let each = settings.connections_of_a_process();
    let text = format!(
        "DB_CONNECTIONS, DB_LIST_CONNECTIONS: each process opens up to {each} connections, and the server has {server} for \
         all of them (max_connections)"
    );
    if each > server {
        report.bad("database", text);
    } else if each.saturating_mul(2) > server {
        report.warn("database", format!("{text}: that is too few for a second process"));
    }
}

/// A pool before the server may be smaller than the server, and lets the rest wait.
fn all_served(settings: &DatabaseSettings, served: u32, report: &mut CheckReport) {
    let each = settings.connections_of_a_process();
    if served < each {
        let text = format!(
            "DB_CONNECTIONS, DB_LIST_CONNECTIONS: each process opens up to {each} connections, and only {served} are \
             served at the same time: a connection pool before the server is smaller (PgBouncer's default_pool_size, \
             max_client_conn), or others take the server's"
        );
        report.bad("database", text);
    }
}

pub(super) async fn edge_cache(uri: Option<RedisUri>, report: &mut CheckReport) {
    const ABOUT: &str = "edge cache";
    let Some(uri) = uri else { return report.good(ABOUT, "in the control plane's memory") };
    match uri.inspect().await {
        Ok(found) => {
            if found.refuses.is_empty() {
                report.good(ABOUT, format!("{uri}, version {}", found.version));
            }
            for problem in found.problems {
                report.warn(ABOUT, format!("REDIS_URI: {problem}"));
            }
            for reason in found.refuses {
                report.bad(ABOUT, format!("REDIS_URI: {uri}: {reason}"));
            }
        }
        Err(error) => report.bad(ABOUT, format!("REDIS_URI: {uri}: {error}")),
    }
}

/// Redis, as a worker uses it: to announce new events to other processes, which they find soon without it.
pub(super) async fn wake_ups(uri: Option<RedisUri>, report: &mut CheckReport) {
    const ABOUT: &str = "wake-ups";
    let Some(uri) = uri else { return report.good(ABOUT, "none; readers of events look for new ones") };
    match uri.inspect().await {
        Ok(found) => report.good(ABOUT, format!("{uri}, version {}", found.version)),
        Err(error) => report.warn(ABOUT, format!("REDIS_URI: {uri}: {error}")),
    }
}

pub(super) async fn queue(settings: Option<QueueSettings>, report: &mut CheckReport) {
    const ABOUT: &str = "queue";
    let Some(QueueSettings { uri, prefix }) = settings else {
        return report.good(ABOUT, "none; processes poll the database for due work");
    };
    match rabbit::inspect(&uri, prefix).await {
        Ok(found) => {
            if found.problems.is_empty() {
                report.good(ABOUT, format!("{uri}, {}", found.work));
            }
            for problem in found.problems {
                report.bad(ABOUT, format!("AMQP_URI: {uri}: {problem}"));
            }
        }
        Err(error) => report.bad(ABOUT, format!("AMQP_URI: {uri}: {error}")),
    }
}
