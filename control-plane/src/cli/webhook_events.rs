//! `control-plane webhook list`, `replay` and `dismiss`: lets an operator manage providers' events.

use std::fmt::Write;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::webhook::{EventState, WebhookEvent};
use payments::ports::store::WebhookFilter;
use payments::usecases::gateway::Gateway;
use payments::usecases::webhook::{dismiss, replay};
use serde::Serialize;

use super::free_text::free_text;
use super::operator::{Access, Operator, Recorded, open_store};
use crate::config::{GatewaySettings, Source, unusable};
use crate::jobs::poll::LocalWakeup;
use crate::process::gateway_setup::{self, Opener};

#[derive(Subcommand)]
pub enum Command {
    /// Show the received provider events, newest first
    List(ListArgs),
    /// Process a stored event again. This is safe: it only makes the gateway read the provider's records again
    Replay(EventArgs),
    /// End a failed or parked event, so that it is never processed again. Records the operator's name and the reason
    Dismiss(DismissArgs),
}

#[derive(Args)]
pub struct EventArgs {
    /// The event's id, e.g. evt_… or WH-…
    event_id: String,
    /// The event's provider, in case both providers have an event with that id
    #[arg(long)]
    provider: Option<ProviderName>,
}

#[derive(Args)]
pub struct DismissArgs {
    #[command(flatten)]
    event: EventArgs,
    /// Why the event needs no processing
    #[arg(long, value_parser = free_text)]
    reason: String,
    /// The operator's name; by default SUDO_USER, else USER
    #[arg(long, value_parser = free_text)]
    by: Option<String>,
}

#[derive(Args)]
pub struct ListArgs {
    #[arg(long)]
    provider: Option<ProviderName>,
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(EventState::NAMES))]
    state: Option<String>,
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// One JSON object per line, without the body
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum ProviderName {
    Stripe,
    Paypal,
}

impl From<ProviderName> for Provider {
    fn from(name: ProviderName) -> Self {
        match name {
            ProviderName::Stripe => Self::Stripe,
            ProviderName::Paypal => Self::Paypal,
        }
    }
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
    dismissed_by: Option<&'a str>,
    dismissed_at: Option<Timestamp>,
}

impl<'a> From<&'a WebhookEvent> for Line<'a> {
    fn from(event: &'a WebhookEvent) -> Self {
        let dismissal = match &event.state {
            EventState::Dismissed(dismissal) => Some(dismissal),
            _ => None,
        };
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
            dismissed_by: dismissal.map(|dismissal| dismissal.by.as_str()),
            dismissed_at: dismissal.map(|dismissal| dismissal.at),
        }
    }
}

/// Runs a command and returns the text to print.
///
/// # Errors
/// The configuration is invalid, the database is unavailable, there is no such event, or it cannot be processed.
pub async fn run(command: Command, source: &Source) -> anyhow::Result<String> {
    match command {
        Command::List(args) => list(args, source).await,
        Command::Replay(args) => again(args, source).await,
        Command::Dismiss(args) => end(args, source).await,
    }
}

async fn list(args: ListArgs, source: &Source) -> anyhow::Result<String> {
    let provider = args.provider.map(Provider::from);
    let store = open_store(source).await?;
    let operator = Operator::new(None, source);
    let recorded = Recorded {
        store: &*store,
        operator: &operator,
        access: Access::Reads,
        action: "webhook list",
        object: "",
        reason: None,
    };
    let filter = WebhookFilter { provider, state: args.state, limit: args.limit };
    recorded.run(async { listed(&store.webhooks(&filter).await?, args.json) }).await
}

fn listed(events: &[WebhookEvent], json: bool) -> anyhow::Result<String> {
    let mut text = String::new();
    for line in events.iter().map(Line::from) {
        if json {
            writeln!(text, "{}", serde_json::to_string(&line)?)?;
        } else {
            let Line { received_at, provider, state, kind, id, .. } = line;
            let reason = match (line.reason, line.dismissed_by) {
                (Some(reason), Some(by)) => format!("  (by {by}: {reason})"),
                (Some(reason), None) => format!("  ({reason})"),
                (None, _) => String::new(),
            };
            writeln!(text, "{received_at:.6}  {provider:<6}  {state:<9}  {id}  {kind}{reason}")?;
        }
    }
    if text.is_empty() && !json {
        text.push_str("there is no such event");
    }
    Ok(text.trim_end().to_owned())
}

async fn again(args: EventArgs, source: &Source) -> anyhow::Result<String> {
    let gateway = gateway(source).await?;
    let operator = Operator::new(None, source);
    let recorded = Recorded {
        store: &*gateway.store,
        operator: &operator,
        access: Access::Changes,
        action: "webhook replay",
        object: &args.event_id,
        reason: None,
    };
    recorded.run(replayed(&gateway, &args)).await
}

async fn replayed(gateway: &Gateway, args: &EventArgs) -> anyhow::Result<String> {
    let event = replay(gateway, args.provider.map(Provider::from), &args.event_id).await?;
    let what = what(&event);
    match &event.state {
        EventState::Done | EventState::Received => Ok(format!("{what}: done")),
        EventState::Ignored { reason } => Ok(format!("{what}: ignored, since {reason}")),
        EventState::Failed { next_at, reason } => {
            anyhow::bail!("{what}: {reason}; the service tries again at {next_at}")
        }
        EventState::Parked { reason } => anyhow::bail!("{what}: {reason}; it is parked"),
        EventState::Dismissed(dismissal) => anyhow::bail!("{what}: dismissed by {}", dismissal.by),
    }
}

async fn end(args: DismissArgs, source: &Source) -> anyhow::Result<String> {
    let operator = Operator::new(args.by, source);
    let gateway = gateway(source).await?;
    let EventArgs { event_id, provider } = args.event;
    let recorded = Recorded {
        store: &*gateway.store,
        operator: &operator,
        access: Access::Changes,
        action: "webhook dismiss",
        object: &event_id,
        reason: Some(&args.reason),
    };
    let (by, reason) = (operator.name.clone(), args.reason.clone());
    let dismissed = async {
        let event = dismiss(&gateway, provider.map(Provider::from), &event_id, by, reason).await?;
        Ok(format!("{}: dismissed", what(&event)))
    };
    recorded.run(dismissed).await
}

fn what(event: &WebhookEvent) -> String {
    format!("{} {} ({})", event.provider, event.id, event.kind)
}

async fn gateway(source: &Source) -> anyhow::Result<Gateway> {
    let settings = GatewaySettings::read(source).map_err(|errors| unusable(&errors))?;
    gateway_setup::open(settings, Arc::new(LocalWakeup::default()), Opener::Command).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(at: &str) -> WebhookEvent {
        WebhookEvent {
            provider: Provider::Stripe,
            id: "evt_1".to_owned(),
            kind: "charge.updated".to_owned(),
            body: Vec::new(),
            body_sha256: None,
            created_at: None,
            received_at: at.parse().unwrap(),
            state: EventState::Received,
            attempts: 0,
        }
    }

    #[test]
    fn every_time_of_a_list_has_six_digits_after_the_second() {
        let events = ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5001Z"].map(received);
        let text = listed(&events, false).unwrap();
        let times: Vec<_> = text.lines().filter_map(|line| line.split("  ").next()).collect();
        assert_eq!(times, ["2026-01-31T12:00:00.000000Z", "2026-01-31T12:00:00.500100Z"]);
    }
}
