//! `control-plane payments review` and `control-plane reconcile`: what an operator looks at.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use jiff::{SpanRelativeTo, Timestamp};
use serde::Serialize;

use crate::config::{GatewaySettings, Source};
use crate::domain::clock::{Clock as _, SystemClock};
use crate::domain::gateway::Gateway;
use crate::domain::operations::decide::{Operator, decide};
use crate::domain::operations::reconcile::{Compared, Finding, reconcile};
use crate::domain::operations::review::{ForReview, for_review};
use crate::domain::provider::ProviderRef;
use crate::domain::queue::Work;
use crate::domain::store::Unreadable;
use crate::domain::verdict::Verdict;
use crate::gateway_setup::{self, Opener};
use crate::worker::due::Bell;

#[derive(Subcommand)]
pub enum Command {
    /// Show payments and refunds that have been undecided for longer than REVIEW_AFTER_SECONDS, oldest first.
    /// The service goes on trying; look at the provider's dashboard
    Review(ReviewArgs),
    /// Decide a payment or refund that stays undecided, as you have seen it in the provider's dashboard. The provider
    /// is looked at once more first; what it shows counts. Recorded in the audit trail with your name and reason
    Resolve(ResolveArgs),
}

#[derive(Args)]
pub struct ResolveArgs {
    /// `txn_…` or `rfnd_…`
    id: String,
    /// How it ended at the provider
    #[arg(long = "as", value_enum)]
    verdict: VerdictName,
    /// The provider's name for the outcome: the PaymentIntent or capture (paid), the authorization (authorized), the
    /// refund (refunded)
    #[arg(long)]
    reference: Option<String>,
    /// Why you are sure
    #[arg(long, value_parser = text)]
    reason: String,
    /// Who decides
    #[arg(long = "by", env = "USER", value_parser = text)]
    by: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum VerdictName {
    /// The money moved
    Paid,
    /// The amount is held
    Authorized,
    /// Nothing is held and nothing moved
    Canceled,
    /// The provider did not do it and will not
    NotDone,
    /// The refund was made
    Refunded,
}

impl ResolveArgs {
    fn verdict(&self) -> anyhow::Result<Verdict> {
        let reference = || {
            let named = self.reference.as_deref().map(str::trim).filter(|named| !named.is_empty());
            named.map(ProviderRef::new).context("--reference is needed: the provider's name for the outcome")
        };
        Ok(match self.verdict {
            VerdictName::Paid => Verdict::Paid { charge: reference()? },
            VerdictName::Authorized => Verdict::Authorized { authorization: reference()? },
            VerdictName::Canceled => Verdict::Canceled,
            VerdictName::NotDone => Verdict::NotDone,
            VerdictName::Refunded => Verdict::Refunded { refund: reference()? },
        })
    }

    fn work(&self) -> anyhow::Result<Work> {
        let payment = self.id.parse().map(Work::Payment);
        payment
            .or_else(|_| self.id.parse().map(Work::Refund))
            .ok()
            .context("the id must be like txn_… or rfnd_…")
    }
}

/// A text of an operator that is kept.
fn text(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (1..=500).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits { Ok(text.to_owned()) } else { Err("must be a text of 1 to 500 characters".to_owned()) }
}

#[derive(Args)]
pub struct ReviewArgs {
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// One JSON object a line
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct ReconcileArgs {
    /// How far back: a duration (24h, 7d) or a time (2026-01-31T00:00:00Z)
    #[arg(long, value_parser = since)]
    since: Timestamp,
    /// One JSON object a line, for every payment
    #[arg(long)]
    json: bool,
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let right = "must be like 24h, 7d or 2026-01-31T00:00:00Z";
    let span: jiff::Span = text.parse().map_err(|_| right.to_owned())?;
    let back = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| right.to_owned())?;
    SystemClock.now().checked_sub(back).map_err(|_| right.to_owned())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReviewLine<'a> {
    id: String,
    client: &'a str,
    provider: &'static str,
    amount: u64,
    currency: &'a str,
    state: &'a str,
    reason: &'a str,
    since: Timestamp,
    provider_reference: Option<&'a str>,
    tries: u32,
    next_at: Timestamp,
    /// `false`: the provider has forgotten the call's key, so it is only looked for.
    is_repeated: bool,
}

impl<'a> From<&'a ForReview> for ReviewLine<'a> {
    fn from(one: &'a ForReview) -> Self {
        Self {
            id: match &one.work {
                Work::Payment(id) | Work::Watch(id) => id.to_string(),
                Work::Refund(id) => id.to_string(),
                Work::Event { id, .. } => id.clone(),
            },
            client: one.client.as_str(),
            provider: one.provider.name(),
            amount: one.money.amount.minor(),
            currency: one.money.currency.code(),
            state: one.state,
            reason: &one.reason,
            since: one.since,
            provider_reference: one.reference.as_ref().map(ProviderRef::as_str),
            tries: one.follow_up.tries,
            next_at: one.follow_up.at,
            is_repeated: one.is_repeated,
        }
    }
}

/// Runs a command; what comes back is to be printed.
///
/// # Errors
/// If the configuration or the database cannot be used.
pub async fn run(command: Command, source: &Source) -> anyhow::Result<String> {
    let gateway = open(source).await?;
    let args = match command {
        Command::Review(args) => args,
        Command::Resolve(args) => return resolve(&gateway, &args).await,
    };
    let found = for_review(&gateway, args.limit).await?;
    let mut text = String::new();
    for line in found.items.iter().map(ReviewLine::from) {
        if args.json {
            writeln!(text, "{}", serde_json::to_string(&line)?)?;
        } else {
            let ReviewLine {
                id,
                client,
                provider,
                amount,
                currency,
                state,
                reason,
                since,
                tries,
                next_at,
                ..
            } = &line;
            let reference = line.provider_reference.unwrap_or("no reference");
            let how = if line.is_repeated { "asked again" } else { "looked for again" };
            writeln!(text, "{id}  {provider} {reference}  {amount} {currency} minor units  client {client}")?;
            writeln!(text, "    {state} since {since}: {reason}")?;
            writeln!(text, "    {how} at {next_at}, {tries} times so far")?;
        }
    }
    for row in &found.unreadable {
        writeln!(text, "{}", unreadable(row, args.json)?)?;
    }
    if text.is_empty() && !args.json {
        text.push_str("nothing has been undecided for too long");
    }
    Ok(text.trim_end().to_owned())
}

async fn resolve(gateway: &Gateway, args: &ResolveArgs) -> anyhow::Result<String> {
    let operator = Operator { name: args.by.clone(), reason: args.reason.clone() };
    let decision = decide(gateway, &args.work()?, &args.verdict()?, &operator).await?;
    let by = if decision.by_provider { "the provider's records show it" } else { "as you say" };
    Ok(format!("{} is {} now: {by}", args.id, decision.state))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ComparedLine<'a> {
    provider: &'static str,
    transaction_id: Option<String>,
    provider_reference: Option<&'a str>,
    amount: Option<u64>,
    currency: Option<&'a str>,
    recorded: Option<&'static str>,
    finding: &'static str,
    what: Option<&'a str>,
}

impl<'a> From<&'a Compared> for ComparedLine<'a> {
    fn from(one: &'a Compared) -> Self {
        let (finding, what) = match &one.finding {
            Finding::Same => ("same", None),
            Finding::UnderWay => ("under way", None),
            Finding::Adopted(what) => ("adopted", Some(what.as_str())),
            Finding::Differs(what) => ("differs", Some(what.as_str())),
            Finding::NotSeen(what) => ("not seen", Some(what.as_str())),
        };
        Self {
            provider: one.provider.name(),
            transaction_id: one.payment.map(|id| id.to_string()),
            provider_reference: one.reference.as_ref().map(ProviderRef::as_str),
            amount: one.money.map(|money| money.amount.minor()),
            currency: one.money.as_ref().map(|money| money.currency.code()),
            recorded: one.recorded,
            finding,
            what,
        }
    }
}

/// Compares and prints. A table of the differences, or with `--json` a line for each payment.
///
/// # Errors
/// If there is any difference, or the configuration or the database cannot be used.
pub async fn run_reconcile(args: ReconcileArgs, source: &Source) -> anyhow::Result<()> {
    let gateway = open(source).await?;
    let mut report = Report::new(args.json);
    let unreadable = reconcile(&gateway, args.since, |compared| report.add(&compared)).await?;
    report.end(&unreadable)
}

#[derive(Serialize)]
struct UnreadableLine<'a> {
    unreadable: &'a str,
    table: &'a str,
    column: &'a str,
}

/// A line about a row that had to be left out.
fn unreadable(row: &Unreadable, json: bool) -> serde_json::Result<String> {
    if json {
        let Unreadable { table, row, column } = row;
        return serde_json::to_string(&UnreadableLine { unreadable: row, table, column });
    }
    Ok(format!("cannot be read, and is left out: {row}"))
}

struct Report {
    json: bool,
    on_terminal: bool,
    compared: usize,
    adopted: usize,
    different: usize,
}

impl Report {
    fn new(json: bool) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        Self { json, on_terminal, compared: 0, adopted: 0, different: 0 }
    }

    fn add(&mut self, compared: &Compared) {
        let is_difference = compared.finding.is_difference();
        if self.compared == 0 && !self.json {
            let heads = ["TRANSACTION", "PROVIDER", "AMOUNT", "RECORDED", "FINDING"];
            self.print(&row(heads[0], heads[1], heads[2], heads[3], heads[4]));
        }
        self.compared += 1;
        self.different += usize::from(is_difference);
        self.adopted += usize::from(matches!(compared.finding, Finding::Adopted(_)));
        let line = ComparedLine::from(compared);
        if self.json {
            self.print(&serde_json::to_string(&line).unwrap_or_default());
        } else if is_difference {
            let id = line.transaction_id.as_deref().or(line.provider_reference).unwrap_or("-");
            let amount =
                line.amount.zip(line.currency).map(|(amount, currency)| format!("{amount} {currency}"));
            let finding = format!("{}: {}", line.finding, line.what.unwrap_or_default());
            let (amount, recorded) = (amount.unwrap_or_default(), line.recorded.unwrap_or("nothing"));
            self.print(&row(id, line.provider, &amount, recorded, &finding));
        }
        if self.on_terminal {
            let _ = write!(std::io::stderr(), "\r{} compared, {} different ", self.compared, self.different);
        }
    }

    fn print(&self, line: &str) {
        let clear = if self.on_terminal { "\r\x1b[K" } else { "" };
        let _ = write!(std::io::stderr(), "{clear}");
        let _ = writeln!(std::io::stdout(), "{line}");
    }

    fn end(self, left_out: &BTreeSet<Unreadable>) -> anyhow::Result<()> {
        let Self { compared, adopted, different, .. } = self;
        for row in left_out {
            self.print(&unreadable(row, self.json)?);
        }
        if !self.json {
            self.print(&format!("{compared} compared, {different} different, {adopted} of them adopted"));
        }
        anyhow::ensure!(different == 0, "{different} of {compared} were different ({adopted} adopted)");
        anyhow::ensure!(left_out.is_empty(), "{} records cannot be read", left_out.len());
        Ok(())
    }
}

fn row(id: &str, provider: &str, amount: &str, recorded: &str, finding: &str) -> String {
    format!("{id:<40}  {provider:<8}  {amount:>14}  {recorded:<15}  {finding}")
}

async fn open(source: &Source) -> anyhow::Result<Gateway> {
    let settings = GatewaySettings::read(source).map_err(|errors| {
        let lines: Vec<_> = errors.iter().map(|error| format!("\n  {error}")).collect();
        anyhow::anyhow!("the configuration cannot be used:{}", lines.concat())
    })?;
    gateway_setup::open(settings, Arc::new(Bell::default()), Opener::Command).await
}
