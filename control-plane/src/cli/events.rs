//! `control-plane events …`: shows the event log in a terminal.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use edge_core::client::ClientId;
use payments::model::id::PaymentId;
use payments::model::log::{EventId, Position};
use payments::ports::store::{LogQuery, LoggedEvent, Store};
use tokio::time::sleep;

use super::operator::{Access, Operator, Recorded};
use crate::config::{GatewaySettings, Source, unusable};
use crate::http::event_as_json;
use crate::jobs::poll::LocalWakeup;
use crate::process::gateway_setup::{self, Opener};

#[derive(Subcommand)]
pub enum Command {
    /// Show transitions as they happen, until it is stopped
    Tail(TailArgs),
}

#[derive(Args)]
pub struct TailArgs {
    /// Only this client's; by default all clients'
    #[arg(long, value_parser = client)]
    client: Option<ClientId>,
    /// Only this payment's, `txn_…`
    #[arg(long)]
    payment: Option<PaymentId>,
    /// Only these types, separated by commas, e.g. `payment.completed,refund.processed`
    #[arg(long, value_delimiter = ',')]
    types: Vec<String>,
    /// Begin behind this event, `evt_…`, or with the oldest: `start`. By default, with the next
    #[arg(long, value_parser = after)]
    after: Option<EventId>,
    /// End when there are no more, instead of waiting
    #[arg(long)]
    once: bool,
    /// One JSON object per line, as `GET /events` returns them
    #[arg(long)]
    json: bool,
}

/// How often the log is read.
const EVERY: Duration = Duration::from_millis(250);
const PART: u32 = 500;

fn client(text: &str) -> Result<ClientId, String> {
    ClientId::parse(text).ok_or_else(|| "is no client's id".to_owned())
}

fn after(text: &str) -> Result<EventId, String> {
    if text == "start" {
        return Ok(Position::START.id());
    }
    text.parse().map_err(|invalid: payments::model::log::InvalidEventId| invalid.to_string())
}

/// # Errors
/// Returns an error if the database cannot be read, does not have the event to begin behind, or the output cannot be
/// written.
pub async fn run(command: Command, source: &Source) -> anyhow::Result<()> {
    let Command::Tail(args) = command;
    let settings = GatewaySettings::read(source).map_err(|errors| unusable(&errors))?;
    let gateway = gateway_setup::open(settings, Arc::new(LocalWakeup::default()), Opener::Command).await?;
    let operator = Operator::new(None, source);
    let recorded = Recorded {
        store: &*gateway.store,
        operator: &operator,
        access: Access::Reads,
        action: "events tail",
        object: args.client.as_ref().map_or("", ClientId::as_str),
        reason: None,
    };
    recorded.run(tail(&*gateway.store, &args)).await
}

async fn tail(store: &dyn Store, args: &TailArgs) -> anyhow::Result<()> {
    let mut position = match args.after {
        Some(id) => store.log_position(id).await?.with_context(|| format!("the log does not have {id}"))?,
        None => store.log_end().await?,
    };
    loop {
        let (client, payment) = (args.client.clone(), args.payment);
        let page = store.log(&LogQuery { after: position, client, payment, limit: PART }).await?;
        for event in page.events.iter().filter(|event| args.wants(event)) {
            if !print(event, args.json)? {
                return Ok(());
            }
        }
        position = page.end;
        if page.has_more {
            continue;
        }
        if args.once {
            return Ok(());
        }
        sleep(EVERY).await;
    }
}

impl TailArgs {
    fn wants(&self, event: &LoggedEvent) -> bool {
        self.types.is_empty() || self.types.contains(&event.event.kind())
    }
}

/// Prints a line. Returns `false` once the reader has closed the pipe.
fn print(logged: &LoggedEvent, json: bool) -> anyhow::Result<bool> {
    let line = if json {
        event_as_json(logged)?
    } else {
        let LoggedEvent { position, event } = logged;
        let subject = event.refund.map_or_else(|| event.payment.to_string(), |refund| refund.to_string());
        let amount = event.detail.amount.map_or_else(String::new, |amount| amount.minor().to_string());
        format!(
            "{}  {}  {:28} {subject}  {amount:>12}  {}  {}",
            position.id(),
            event.at,
            event.kind(),
            event.cause.client,
            event.detail.reason.as_deref().unwrap_or_default()
        )
    };
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", line.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("standard output"),
        Ok(()) => Ok(true),
    }
}
