//! `control-plane payments …`: lets an operator review and resolve undecided payments and refunds.

use std::fmt::Write as _;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use payments::model::decision::OperatorDecision;
use payments::model::provider::ProviderRef;
use payments::model::work::Work;
use payments::ports::store::Unreadable;
use payments::usecases::decide::{Operator, decide};
use payments::usecases::gateway::Gateway;
use payments::usecases::review::{ForReview, for_review};
use serde::Serialize;

use super::free_text::free_text;
use super::operator::{self as recording, Access, Recorded};
use crate::config::{GatewaySettings, Source, unusable};
use crate::jobs::poll::LocalWakeup;
use crate::process::gateway_setup::{self, Opener};

#[derive(Subcommand)]
pub enum Command {
    /// Show payments and refunds that have been undecided for longer than REVIEW_AFTER_SECONDS, oldest first.
    /// The service keeps retrying them; check them in the provider's dashboard
    Review(ReviewArgs),
    /// Decide a payment or refund that stays undecided, according to the provider's dashboard. The gateway looks it up
    /// once more first, and the provider's records take precedence. The audit trail records your name and reason
    Resolve(ResolveArgs),
}

#[derive(Args)]
pub struct ResolveArgs {
    /// `txn_…` or `rfnd_…`
    id: String,
    /// The outcome at the provider
    #[arg(long = "as", value_enum)]
    decision: DecisionName,
    /// The provider's name for the outcome: the PaymentIntent or capture (paid), the authorization (authorized), the
    /// refund (refunded)
    #[arg(long, value_parser = reference)]
    reference: Option<String>,
    /// Why you are sure
    #[arg(long, value_parser = free_text)]
    reason: String,
    /// The operator's name; by default SUDO_USER, else USER
    #[arg(long, value_parser = free_text)]
    by: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum DecisionName {
    /// The money moved
    Paid,
    /// The amount is held
    Authorized,
    /// Nothing is held and nothing moved
    Canceled,
    /// The provider did not execute it and will not
    NotDone,
    /// The refund was made
    Refunded,
}

impl ResolveArgs {
    fn decision(&self) -> anyhow::Result<OperatorDecision> {
        let reference = || {
            self.reference
                .as_deref()
                .map(ProviderRef::new)
                .context("--reference is needed: the provider's name for the outcome")
        };
        Ok(match self.decision {
            DecisionName::Paid => OperatorDecision::Paid { charge: reference()? },
            DecisionName::Authorized => OperatorDecision::Authorized { authorization: reference()? },
            DecisionName::Canceled => OperatorDecision::Canceled,
            DecisionName::NotDone => OperatorDecision::NotDone,
            DecisionName::Refunded => OperatorDecision::Refunded { refund: reference()? },
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

/// Parses a provider's reference.
fn reference(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let fits = (1..=255).contains(&text.len()) && text.chars().all(is_name);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be a name like pi_… or 8XY…, without spaces".to_owned())
    }
}

#[derive(Args)]
pub struct ReviewArgs {
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// One JSON object per line
    #[arg(long)]
    json: bool,
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
    /// `false`: the provider no longer remembers the call's idempotency key, so its outcome is only looked up.
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

/// Runs a command and returns the text to print.
///
/// # Errors
/// The configuration is invalid or the database unavailable.
pub async fn run(command: Command, source: &Source) -> anyhow::Result<String> {
    let gateway = open(source).await?;
    match command {
        Command::Review(args) => {
            let operator = recording::Operator::new(None, source);
            let recorded = Recorded {
                store: &*gateway.store,
                operator: &operator,
                access: Access::Reads,
                action: "payments review",
                object: "",
                reason: None,
            };
            recorded.run(review(&gateway, &args)).await
        }
        Command::Resolve(args) => {
            let operator = recording::Operator::new(args.by.clone(), source);
            let recorded = Recorded {
                store: &*gateway.store,
                operator: &operator,
                access: Access::Changes,
                action: "payments resolve",
                object: &args.id,
                reason: Some(&args.reason),
            };
            recorded.run(resolve(&gateway, &args, &operator.name)).await
        }
    }
}

async fn review(gateway: &Gateway, args: &ReviewArgs) -> anyhow::Result<String> {
    let found = for_review(gateway, args.limit).await?;
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
            let how = if line.is_repeated { "retried" } else { "looked up" };
            writeln!(text, "{id}  {provider} {reference}  {amount} {currency} minor units  client {client}")?;
            writeln!(text, "    {state} since {since}: {reason}")?;
            writeln!(text, "    next {how} at {next_at}, {tries} tries so far")?;
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

async fn resolve(gateway: &Gateway, args: &ResolveArgs, by: &str) -> anyhow::Result<String> {
    let operator = Operator { name: by.to_owned(), reason: args.reason.clone() };
    let decision = decide(gateway, &args.work()?, &args.decision()?, &operator).await?;
    let by = if decision.by_provider { "the provider's records show it" } else { "as you say" };
    Ok(format!("{} is {} now: {by}", args.id, decision.state))
}

#[derive(Serialize)]
struct UnreadableLine<'a> {
    unreadable: &'a str,
    table: &'a str,
    column: &'a str,
    reason: &'static str,
}

/// A line about an unreadable row, which is left out.
pub(crate) fn unreadable(row: &Unreadable, json: bool) -> serde_json::Result<String> {
    if json {
        let Unreadable { table, row, column, problem } = row;
        let reason = problem.name();
        return serde_json::to_string(&UnreadableLine { unreadable: row, table, column, reason });
    }
    Ok(format!("unreadable, and left out: {row}"))
}

pub(crate) async fn open(source: &Source) -> anyhow::Result<Gateway> {
    let settings = GatewaySettings::read(source).map_err(|errors| unusable(&errors))?;
    gateway_setup::open(settings, Arc::new(LocalWakeup::default()), Opener::Command).await
}
