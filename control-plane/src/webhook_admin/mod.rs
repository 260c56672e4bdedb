//! `control-plane webhook list` and `replay`: what an operator does about providers' events.

use std::fmt::Write;
use std::sync::Arc;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use edge_core::provider::Provider;
use jiff::Timestamp;
use serde::Serialize;

use crate::config::{ConfigError, GatewaySettings, Source, db_uri};
use crate::domain::operations::webhook::replay;
use crate::domain::webhook::{EventState, WebhookEvent, WebhookFilter};
use crate::gateway_setup::{self, Opener};
use crate::store::{self, DatabaseSettings, MigrateOnStart};
use crate::worker::due::Bell;

#[derive(Subcommand)]
pub enum Command {
    /// Show the providers' events that were received, newest first
    List(ListArgs),
    /// Work off a stored event once more. It only makes the gateway look at the provider again, so it does no
    /// harm
    Replay {
        /// The event's id, e.g. evt_… or WH-…
        event_id: String,
    },
}

#[derive(Args)]
pub struct ListArgs {
    #[arg(long)]
    provider: Option<ProviderName>,
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(EventState::NAMES))]
    state: Option<String>,
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// One JSON object a line, without the body
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProviderName {
    Stripe,
    Paypal,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    provider: Provider,
    id: &'a str,
    kind: &'a str,
    state: &'static str,
    attempts: u32,
    received_at: Timestamp,
    created_at: Option<Timestamp>,
    next_at: Option<Timestamp>,
    reason: Option<&'a str>,
}

impl<'a> From<&'a WebhookEvent> for Line<'a> {
    fn from(event: &'a WebhookEvent) -> Self {
        Self {
            provider: event.provider,
            id: &event.id,
            kind: &event.kind,
            state: event.state.name(),
            attempts: event.attempts,
            received_at: event.received_at,
            created_at: event.created_at,
            next_at: match event.state {
                EventState::Failed { next_at, .. } => Some(next_at),
                _ => None,
            },
            reason: event.state.reason(),
        }
    }
}

/// Runs a command; what comes back is to be printed.
///
/// # Errors
/// If the configuration or the database cannot be used, there is no such event, or it cannot be worked off.
pub async fn run(command: Command, source: &Source) -> anyhow::Result<String> {
    match command {
        Command::List(args) => list(args, source).await,
        Command::Replay { event_id } => again(&event_id, source).await,
    }
}

async fn list(args: ListArgs, source: &Source) -> anyhow::Result<String> {
    let provider = args.provider.map(|name| match name {
        ProviderName::Stripe => Provider::Stripe,
        ProviderName::Paypal => Provider::Paypal,
    });
    let database = DatabaseSettings { migrate_on_start: MigrateOnStart::Never, ..db_uri(source)?.into() };
    let store = store::open(database).await?;
    let filter = WebhookFilter { provider, state: args.state, limit: args.limit };
    let events = store.webhooks(&filter).await?;
    let mut text = String::new();
    for line in events.iter().map(Line::from) {
        if args.json {
            writeln!(text, "{}", serde_json::to_string(&line)?)?;
        } else {
            let Line { received_at, provider, state, kind, id, .. } = line;
            let reason = line.reason.map(|reason| format!("  ({reason})")).unwrap_or_default();
            writeln!(text, "{received_at}  {provider:<6}  {state:<8}  {id}  {kind}{reason}")?;
        }
    }
    Ok(text.trim_end().to_owned())
}

async fn again(id: &str, source: &Source) -> anyhow::Result<String> {
    let settings = GatewaySettings::read(source).map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(|error: &ConfigError| format!("\n  {error}")).collect();
        anyhow::anyhow!("the configuration cannot be used:{}", lines.concat())
    })?;
    let gateway = gateway_setup::open(settings, Arc::new(Bell::default()), Opener::Command).await?;
    let event = replay(&gateway, id).await?.with_context(|| format!("there is no event `{id}`"))?;
    let what = format!("{} {} ({})", event.provider, event.id, event.kind);
    match &event.state {
        EventState::Done | EventState::Received => Ok(format!("{what}: done")),
        EventState::Ignored { reason } => Ok(format!("{what}: ignored, since {reason}")),
        EventState::Failed { next_at, reason } => {
            anyhow::bail!("{what}: {reason}; the service tries again at {next_at}")
        }
    }
}
