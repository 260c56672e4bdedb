//! `control-plane reconcile`: compares the gateway's records with the providers' on demand.

use std::io::{IsTerminal as _, Write as _};

use clap::Args;
use jiff::{SpanRelativeTo, Timestamp};
use payments::model::provider::ProviderRef;
use payments::ports::clock::{Clock as _, SystemClock};
use payments::usecases::gateway::Gateway;
use payments::usecases::reconcile::{Compared, Finding, Pace, ReconcileCursor, Reconciliation, Unseen};
use serde::Serialize;

use crate::cli::interruption::Interruption;
use crate::cli::operator::{Access, Operator, Recorded};
use crate::cli::payments::{open, unreadable};
use crate::cli::print;
use crate::config::{Source, reconcile_per_second};

#[derive(Args)]
pub struct ReconcileArgs {
    /// The start of the period: a duration back from now (24h, 7d) or a time (2026-01-31T00:00:00Z)
    #[arg(long, value_parser = since)]
    since: Timestamp,
    /// Resume an interrupted reconciliation at the place that it printed
    #[arg(long, value_name = "PLACE")]
    after: Option<ReconcileCursor>,
    /// Payments compared per second, 1 to 1000
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    per_second: Option<u32>,
    /// One JSON object per line: for every payment, for everything that could not be read, and a summary at the end
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
            Finding::InFlight => ("in flight", None),
            Finding::Applied(what) => ("adopted", Some(what.as_str())),
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

/// Compares the records and prints a table of the differences, or with `--json` a line per payment.
///
/// # Errors
/// There is a difference, something could not be read, the configuration is invalid, or the database is unavailable.
pub async fn run_reconcile(args: ReconcileArgs, source: &Source) -> anyhow::Result<()> {
    let pace = Pace::new(match args.per_second {
        Some(per_second) => per_second,
        None => reconcile_per_second(source)?,
    });
    let gateway = open(source).await?;
    let (operator, since) = (Operator::new(None, source), args.since.to_string());
    let recorded = Recorded {
        store: &*gateway.store,
        operator: &operator,
        access: Access::Changes,
        action: "reconcile",
        object: &since,
        reason: None,
    };
    recorded.run(compare(&gateway, args, &pace)).await
}

async fn compare(gateway: &Gateway, args: ReconcileArgs, pace: &Pace) -> anyhow::Result<()> {
    let mut report = ReconcileReport::new(args.json);
    let cursor = args.after.unwrap_or(ReconcileCursor::BEGINNING);
    let mut reconciliation = Reconciliation::new(gateway, args.since, cursor, pace);
    let mut interruption = Interruption::listen()?;
    loop {
        let part = tokio::select! {
            part = reconciliation.compare_next() => part.map_err(anyhow::Error::from),
            () = interruption.received() => Err(anyhow::anyhow!("interrupted")),
        };
        match part {
            Ok(Some(part)) => part.iter().for_each(|compared| report.add(compared)),
            Ok(None) => break,
            Err(problem) => {
                let cursor = reconciliation.cursor();
                let how = format!("resume with --since {} --after '{cursor}'", args.since);
                return Err(problem.context(how));
            }
        }
    }
    report.end(&reconciliation.unseen)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnseenLine<'a> {
    not_seen: &'static str,
    provider: &'static str,
    reason: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SummaryLine {
    summary: Summary,
}

#[derive(Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    compared: usize,
    different: usize,
    applied: usize,
    not_seen: usize,
}

/// A line about something that could not be read.
fn unseen(one: &Unseen, json: bool) -> serde_json::Result<String> {
    let (not_seen, provider, reason) = match one {
        Unseen::Record(row) => return unreadable(row, json),
        Unseen::NotListed(provider) => (
            "list",
            provider,
            "it lists no payments, so payments without a record here are not found".to_owned(),
        ),
        Unseen::List { provider, reason } => {
            ("list", provider, format!("its list could not be read completely: {reason}"))
        }
        Unseen::Objects { provider, number } => {
            ("objects", provider, format!("{number} objects of its list cannot be read"))
        }
    };
    if json {
        let provider = provider.name();
        return serde_json::to_string(&UnseenLine { not_seen, provider, reason: &reason });
    }
    Ok(format!("not seen at {provider}: {reason}"))
}

struct ReconcileReport {
    json: bool,
    on_terminal: bool,
    summary: Summary,
    /// Why a line is not on standard output. The rest is still compared, and adopted.
    unprinted: Option<anyhow::Error>,
}

impl ReconcileReport {
    fn new(json: bool) -> Self {
        let on_terminal = std::io::stderr().is_terminal();
        Self { json, on_terminal, summary: Summary::default(), unprinted: None }
    }

    fn add(&mut self, compared: &Compared) {
        for line in self.lines(compared) {
            self.print(&line);
        }
        if self.on_terminal {
            let Summary { compared, different, .. } = self.summary;
            let _ = write!(std::io::stderr(), "\r{compared} compared, {different} different ");
        }
    }

    /// Counts a comparison. Returns what to print of it: the table's heads come with its first row.
    fn lines(&mut self, compared: &Compared) -> Vec<String> {
        let is_difference = compared.finding.is_difference();
        let is_first = is_difference && self.summary.different == 0;
        self.summary.compared += 1;
        self.summary.different += usize::from(is_difference);
        self.summary.applied += usize::from(matches!(compared.finding, Finding::Applied(_)));
        let line = ComparedLine::from(compared);
        let mut lines = Vec::new();
        if self.json {
            lines.push(serde_json::to_string(&line).unwrap_or_default());
        } else if is_difference {
            if is_first {
                lines.push(row("TRANSACTION", "PROVIDER", "AMOUNT", "RECORDED", "FINDING"));
            }
            let id = line.transaction_id.as_deref().or(line.provider_reference).unwrap_or("-");
            let amount =
                line.amount.zip(line.currency).map(|(amount, currency)| format!("{amount} {currency}"));
            let finding = format!("{}: {}", line.finding, line.what.unwrap_or_default());
            let (amount, recorded) = (amount.unwrap_or_default(), line.recorded.unwrap_or("nothing"));
            lines.push(row(id, line.provider, &amount, recorded, &finding));
        }
        lines
    }

    fn print(&mut self, line: &str) {
        let clear = if self.on_terminal { "\r\x1b[K" } else { "" };
        let _ = write!(std::io::stderr(), "{clear}");
        self.unprinted = print(line).err().or_else(|| self.unprinted.take());
    }

    fn end(mut self, left_out: &[Unseen]) -> anyhow::Result<()> {
        for one in left_out {
            self.print(&unseen(one, self.json)?);
        }
        let failed = left_out.iter().filter(|one| one.is_failure()).count();
        self.summary.not_seen = failed;
        let Summary { compared, different, applied, .. } = self.summary;
        if self.json {
            self.print(&serde_json::to_string(&SummaryLine { summary: self.summary })?);
        } else {
            self.print(&format!("{compared} compared, {different} different, {applied} of them adopted"));
        }
        if let Some(problem) = self.unprinted {
            return Err(problem);
        }
        anyhow::ensure!(different == 0, "{different} of {compared} were different ({applied} adopted)");
        anyhow::ensure!(failed == 0, "not everything could be read ({failed})");
        Ok(())
    }
}

fn row(id: &str, provider: &str, amount: &str, recorded: &str, finding: &str) -> String {
    format!("{id:<40}  {provider:<8}  {amount:>14}  {recorded:<15}  {finding}")
}

#[cfg(test)]
mod tests {
    use edge_core::provider::Provider;

    use super::*;

    fn compared(finding: Finding) -> Compared {
        Compared {
            provider: Provider::Stripe,
            payment: None,
            reference: None,
            money: None,
            recorded: Some("completed"),
            finding,
        }
    }

    #[test]
    fn the_table_has_heads_only_above_rows_and_once() {
        let mut report = ReconcileReport::new(false);
        let differs = || Finding::Differs("the amount".to_owned());
        assert!(report.lines(&compared(Finding::Same)).is_empty());
        let first = report.lines(&compared(differs()));
        assert!(first.len() == 2 && first[0].starts_with("TRANSACTION"), "{first:?}");
        let second = report.lines(&compared(differs()));
        assert!(second.len() == 1 && second[0].ends_with("differs: the amount"), "{second:?}");
    }
}
