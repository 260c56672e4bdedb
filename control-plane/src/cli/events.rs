//! `control-plane events …`: shows the event log in a terminal.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use edge_core::client::ClientId;
use edge_core::request::is_event_type;
use payments::model::id::PaymentId;
use payments::model::log::{EventId, Position};
use payments::ports::store::{LogPage, LogQuery, LoggedEvent, Store, StoreError};
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
    #[arg(long, value_delimiter = ',', value_parser = event_type)]
    types: Vec<String>,
    /// Begin after this event, `evt_…`, or with the oldest that the log has: `start`. By default, with the next
    #[arg(long, value_parser = after)]
    after: Option<After>,
    /// End when there are no more, instead of waiting
    #[arg(long)]
    once: bool,
    /// One JSON object per line, as `GET /events` returns them
    #[arg(long)]
    json: bool,
}

/// Where to begin.
#[derive(Clone, Copy, Debug)]
enum After {
    Start,
    Event(EventId),
}

/// How often the log is read.
const EVERY: Duration = Duration::from_millis(200);
const PART: u32 = 500;
/// The pause after the first failed read, doubled with each other up to the longest.
const RETRY: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(10);

fn client(text: &str) -> Result<ClientId, String> {
    ClientId::parse(text).ok_or_else(|| "is no client's id".to_owned())
}

/// A name of another form matches nothing, and nothing would ever be shown.
fn event_type(text: &str) -> Result<String, String> {
    let problem = || "is no event type, e.g. `payment.completed` or `refund.processed`".to_owned();
    is_event_type(text).then(|| text.to_owned()).ok_or_else(problem)
}

fn after(text: &str) -> Result<After, String> {
    if text == "start" {
        return Ok(After::Start);
    }
    let id = text.parse().map_err(|invalid: payments::model::log::InvalidEventId| invalid.to_string())?;
    Ok(After::Event(id))
}

/// # Errors
/// Returns an error if the database cannot be read, does not have the event to begin after, or the output cannot be
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
        Some(After::Start) => Position::START,
        Some(After::Event(id)) => store.log_position(id).await?.with_context(|| {
            format!("the log does not have {id} (any more); `--after start` begins with the oldest")
        })?,
        None => store.log_end().await?,
    };
    if let Some(text) = nothing_yet(store, args).await {
        say(&text);
    }
    let mut may_be_cut = matches!(args.after, Some(After::Start));
    loop {
        let (client, payment) = (args.client.clone(), args.payment);
        let page =
            read(store, &LogQuery { after: position, client, payment, limit: PART }, args.once).await?;
        if page.is_cut && !may_be_cut {
            bail!("the log does not have what came after {} any more", position.id());
        }
        may_be_cut = false;
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

/// Reads a part. A run that waits outlives a database that restarts.
async fn read(store: &dyn Store, query: &LogQuery, is_once: bool) -> Result<LogPage, StoreError> {
    let mut pause = RETRY;
    loop {
        match store.log(query).await {
            Err(error) if !is_once && !matches!(error, StoreError::Inconsistent(_)) => {
                let error = anyhow::Error::from(error);
                say(&format!("the event log cannot be read now: {error:#}; trying again"));
                sleep(pause).await;
                pause = pause.saturating_mul(2).min(RETRY_MAX);
            }
            answer => {
                if answer.is_ok() && pause > RETRY {
                    say("the event log can be read again");
                }
                return answer;
            }
        }
    }
}

/// Standard output is for events.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What to say while nothing is shown, if the log has no event of this client or payment at all: its name may be wrong.
/// A log that cannot be read is not reported here; the tail itself meets what is wrong with it.
async fn nothing_yet(store: &dyn Store, args: &TailArgs) -> Option<String> {
    // A program reads JSON, and a run that ends at once does not wait.
    if args.json || args.once {
        return None;
    }
    let (client, payment) = (args.client.clone(), args.payment);
    let mut query = LogQuery { after: Position::START, client, payment, limit: 1 };
    loop {
        let page = store.log(&query).await.ok()?;
        if !page.events.is_empty() {
            return None;
        }
        if !page.has_more {
            break;
        }
        query.after = page.end;
    }
    let client = args.client.as_ref().map(|client| format!(" of client {}", client.as_str()));
    let payment = args.payment.map(|payment| format!(" of payment {payment}"));
    Some(format!("no event{}{} yet; waiting", client.unwrap_or_default(), payment.unwrap_or_default()))
}

impl TailArgs {
    fn wants(&self, event: &LoggedEvent) -> bool {
        self.types.is_empty() || self.types.contains(&event.event.kind())
    }
}

/// Prints a line. Returns `false` once the reader has closed the pipe.
fn print(logged: &LoggedEvent, json: bool) -> anyhow::Result<bool> {
    let line = if json { event_as_json(logged)? } else { row(logged) };
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{}", line.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("standard output"),
        Ok(()) => Ok(true),
    }
}

/// A line for a terminal. Every time has six digits after the second, so that the columns stay in line.
fn row(LoggedEvent { position, event }: &LoggedEvent) -> String {
    let subject = event.refund.map_or_else(|| event.payment.to_string(), |refund| refund.to_string());
    let amount = event.detail.amount.map_or_else(String::new, |amount| amount.minor().to_string());
    format!(
        "{}  {:.6}  {:28} {subject}  {amount:>12}  {}  {}",
        position.id(),
        event.at,
        event.kind(),
        event.cause.client,
        event.detail.reason.as_deref().unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use jiff::Timestamp;
    use payments::model::event::{Cause, Detail, Event};

    use super::*;

    #[derive(Parser)]
    struct Tail {
        #[command(flatten)]
        args: TailArgs,
    }

    #[test]
    fn types_that_no_event_has_are_refused_instead_of_waited_for() {
        let types =
            |types: &str| Tail::try_parse_from(["tail", "--types", types]).map(|tail| tail.args.types);
        assert_eq!(
            types("payment.completed,refund.processed").unwrap(),
            ["payment.completed", "refund.processed"]
        );
        for wrong in ["completed", "payment.", "Payment.completed"] {
            let error = types(wrong).unwrap_err().to_string();
            assert!(error.contains("is no event type"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_client_without_any_event_is_named_to_a_person_who_waits() {
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite://{}", folder.path().join("gateway.db").display());
        payments_stores::migrate(&uri).await.unwrap();
        let store = payments_stores::open(uri).await.unwrap();
        for (options, expected) in [
            (&["--client", "nobody"][..], Some("no event of client nobody yet; waiting")),
            (&[][..], Some("no event yet; waiting")),
            (&["--client", "nobody", "--json"][..], None),
            (&["--client", "nobody", "--once"][..], None),
        ] {
            let Tail { args } = Tail::try_parse_from(["tail"].iter().chain(options)).unwrap();
            assert_eq!(nothing_yet(&*store, &args).await.as_deref(), expected, "{options:?}");
        }
    }

    #[test]
    fn every_time_of_a_row_has_six_digits_after_the_second() {
        let event = |at: Timestamp| Event {
            payment: PaymentId::new(at, [0; 10]),
            refund: None,
            version: 0,
            from: None,
            to: "completed".to_owned(),
            at,
            cause: Cause::request(ClientId::parse("demo").unwrap(), "request-1".to_owned()),
            detail: Detail::default(),
        };
        for (at, shown) in [
            ("2026-01-31T12:00:00Z", "  2026-01-31T12:00:00.000000Z  payment.completed  "),
            ("2026-01-31T12:00:00.5001Z", "  2026-01-31T12:00:00.500100Z  payment.completed  "),
        ] {
            let row = row(&LoggedEvent { position: Position::START, event: event(at.parse().unwrap()) });
            assert!(row.contains(shown), "{row}");
        }
    }
}
