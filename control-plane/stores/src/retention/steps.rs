//! The steps of a run, in an order in which an interruption between any two leaves nothing half ended: rows that only
//! repeat what a key seals go before the key, and what finds ended rows goes after it.

use std::collections::BTreeMap;

use crash_points::reach;
use jiff::Timestamp;
use payments::model::id::PaymentId;
use sealing::{Class, format};
use serde::{Deserialize, Serialize};

use super::ending::{self, EndingKey};
use super::schedule::{Schedule, cutoff};
use super::tally::Tally;
use super::walk::{self, RowWalk};
use super::{RetentionProblem, runs};
use crate::sql::{Argument, Database, log_horizon};

/// A kind of data that ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Idempotency keys with their answers: rows.
    #[default]
    IdempotencyKeys,
    /// Providers' events that were processed: rows.
    WebhookEvents,
    /// What providers' events say: data keys.
    WebhookBodies,
    /// What payments hold of payers: data keys.
    PaymentFields,
    /// The entries of payments under their customers' references: rows.
    CustomerEntries,
    /// What the event log serves: events.
    EventLog,
}

impl What {
    pub const ALL: [Self; 6] = [
        Self::IdempotencyKeys,
        Self::WebhookEvents,
        Self::WebhookBodies,
        Self::PaymentFields,
        Self::CustomerEntries,
        Self::EventLog,
    ];

    /// For logs and machines.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::IdempotencyKeys => "idempotency_keys",
            Self::WebhookEvents => "webhook_events",
            Self::WebhookBodies => "webhook_bodies",
            Self::PaymentFields => "payment_fields",
            Self::CustomerEntries => "customer_entries",
            Self::EventLog => "event_log",
        }
    }

    fn next(self) -> Option<Self> {
        Self::ALL.into_iter().find(|other| *other > self)
    }

    const fn days(self, schedule: &Schedule) -> Option<u32> {
        match self {
            Self::IdempotencyKeys => schedule.idempotency_days,
            Self::WebhookEvents | Self::WebhookBodies => schedule.webhooks_days,
            Self::PaymentFields | Self::CustomerEntries => schedule.payments_days,
            Self::EventLog => schedule.events_days,
        }
    }
}

/// Data that is kept although its time is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetainedData {
    /// The payment or event that something still depends on.
    pub by: String,
    /// The time of the values that are kept with it; `None`: only its own row is.
    pub with: Option<(Timestamp, Timestamp)>,
}

/// What a step did, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReport {
    pub what: What,
    /// What is older than this ends; `None`: this kind is kept for good.
    pub before: Option<Timestamp>,
    /// Rows that were looked at.
    pub seen: u64,
    /// Rows whose data ended.
    pub ended: u64,
    /// Data keys that ended.
    pub keys: u64,
    pub held: Vec<RetainedData>,
    /// Nothing more of this kind.
    pub is_done: bool,
}

/// How far a run is, and what it did so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RunProgress {
    what: Option<What>,
    /// In a walk over rows: the last row. Over keys: the last key that was handled and, if it is being read, where.
    after: Vec<String>,
    is_done: bool,
    /// The data keys of answers whose rows are kept, each with the payment that keeps one: an answer may be of a later
    /// day than its payment. Earlier releases keep none.
    #[serde(default)]
    kept_keys: BTreeMap<String, String>,
    /// Earlier releases keep none.
    #[serde(default)]
    pub(super) tallies: BTreeMap<What, Tally>,
}

impl RunProgress {
    fn go_to(&mut self, what: What, after: Vec<String>) {
        (self.what, self.after, self.is_done) = (Some(what), after, false);
    }

    /// Goes on with the next kind.
    fn leave(&mut self, what: What) {
        (self.what, self.after) = (what.next(), Vec::new());
        self.is_done = self.what.is_none();
    }
}

/// A run, or a plan of one.
#[derive(Debug)]
pub struct RetentionRun {
    pub(super) schedule: Schedule,
    /// Ages count from here, also when an interrupted run continues.
    pub(super) began_at: Timestamp,
    pub(super) place: RunProgress,
    /// Who began the interrupted run that this one continues.
    pub(super) continued_from: Option<String>,
    /// `None`: a plan, which changes nothing.
    pub(super) held: Option<runs::HeldRun>,
}

impl RetentionRun {
    pub(super) fn planned(schedule: Schedule, now: Timestamp) -> Self {
        Self { schedule, began_at: now, place: RunProgress::default(), continued_from: None, held: None }
    }

    /// What was done so far, by kind; of an interrupted run that was continued, from its beginning on.
    #[must_use]
    pub const fn tallies(&self) -> &BTreeMap<What, Tally> {
        &self.place.tallies
    }

    /// Who began the run, and when, if this one continues it after an interruption.
    #[must_use]
    pub fn continued_from(&self) -> Option<(&str, Timestamp)> {
        self.continued_from.as_deref().map(|by| (by, self.began_at))
    }

    const fn is_plan(&self) -> bool {
        self.held.is_none()
    }
}

pub(super) async fn next<D: Database>(
    database: &D,
    ending: &mut RetentionRun,
    now: Timestamp,
) -> Result<Option<StepReport>, RetentionProblem> {
    if ending.place.is_done {
        return Ok(None);
    }
    let what = ending.place.what.unwrap_or_default();
    // Nobody else may be at it when something is deleted.
    runs::keep(database, ending, now, None).await?;
    let part = match cutoff(what.days(&ending.schedule), ending.began_at) {
        // Rows of attestations end also where keys are kept for good: no key is older than this.
        None if what == What::IdempotencyKeys => step(database, ending, what, Timestamp::MIN, now).await?,
        None => StepReport { is_done: true, ..nothing(what) },
        Some(before) => {
            StepReport { before: Some(before), ..step(database, ending, what, before, now).await? }
        }
    };
    reach("retention_step").await;
    ending.place.tallies.entry(what).or_default().add(&part);
    if part.is_done {
        ending.place.leave(what);
    }
    let finished_at = ending.place.is_done.then_some(now);
    runs::keep(database, ending, now, finished_at).await?;
    Ok(Some(part))
}

const fn nothing(what: What) -> StepReport {
    StepReport { what, before: None, seen: 0, ended: 0, keys: 0, held: Vec::new(), is_done: false }
}

async fn step<D: Database>(
    database: &D,
    ending: &mut RetentionRun,
    what: What,
    before: Timestamp,
    now: Timestamp,
) -> Result<StepReport, RetentionProblem> {
    let end = Argument::Number(before.as_microsecond());
    match what {
        What::IdempotencyKeys => {
            let walk = walk::keys(ending.began_at);
            rows(database, ending, what, &walk, end).await
        }
        What::WebhookEvents => rows(database, ending, what, &walk::EVENTS, end).await,
        What::WebhookBodies => keys(database, ending, what, Class::Webhooks, before, now).await,
        What::PaymentFields => keys(database, ending, what, Class::Payers, before, now).await,
        What::CustomerEntries => {
            if ending.is_plan() {
                // It supposes that nothing is held.
                let first = PaymentId::new(before, [0; 10]).to_string();
                return rows(database, ending, what, &walk::CUSTOMERS_PLANNED, first.into()).await;
            }
            if !ending::has_ended(database, Class::Payers).await? {
                return Ok(StepReport { is_done: true, ..nothing(what) });
            }
            let walk = walk::customers(ending.began_at);
            rows(database, ending, what, &walk, format::PREFIX.into()).await
        }
        What::EventLog => event_log(database, ending, what, before, now).await,
    }
}

async fn rows<D: Database>(
    database: &D,
    ending: &mut RetentionRun,
    what: What,
    walk: &RowWalk,
    end: Argument,
) -> Result<StepReport, RetentionProblem> {
    let batch = walk.batch(database, &ending.place.after, end, ending.is_plan()).await?;
    if let Some(last) = batch.rows.last() {
        ending.place.go_to(what, last.place());
    }
    let kept_keys = batch.rows.iter().filter_map(|row| row.data_key.clone().zip(row.held.clone()));
    ending.place.kept_keys.extend(kept_keys);
    let held = batch.rows.iter().filter_map(|row| row.held.clone()).map(|by| RetainedData { by, with: None });
    Ok(StepReport {
        seen: u64::try_from(batch.rows.len()).unwrap_or(u64::MAX),
        ended: batch.ended,
        held: held.collect(),
        is_done: batch.rows.len() < walk::ROWS,
        ..nothing(what)
    })
}

/// Looks at the next values of the next key, and erases it once all were looked at and none is needed.
async fn keys<D: Database>(
    database: &D,
    ending: &mut RetentionRun,
    what: What,
    class: Class,
    before: Timestamp,
    now: Timestamp,
) -> Result<StepReport, RetentionProblem> {
    let [begin, id, place @ ..] = &ending.place.after[..] else {
        let first = vec![i64::MIN.to_string(), String::new()];
        ending.place.go_to(what, first);
        return Ok(nothing(what));
    };
    let at = |key: &EndingKey| (key.span.since.as_microsecond(), key.id.to_string());
    let last = (begin.parse().unwrap_or(i64::MIN), id.clone());
    let all = ending::ending(database, class, before).await?;
    // The one that is being looked at, or the first one after it.
    let is_next = |key: &&EndingKey| if place.is_empty() { at(key) > last } else { at(key) >= last };
    let Some(key) = all.iter().find(is_next).copied() else {
        return Ok(StepReport { is_done: true, ..nothing(what) });
    };
    let is_begun = at(&key) == last;
    let place = if is_begun { place.to_vec() } else { Vec::new() };
    let found = ending::rows(database, class, key, &place).await?;
    let mut part = nothing(what);
    part.seen = u64::try_from(found.len()).unwrap_or(u64::MAX);
    let (since, id) = at(&key);
    let held = found.iter().find_map(|row| row.held.clone());
    let held = match held.or_else(|| ending.place.kept_keys.get(&id).cloned()) {
        None if ending::is_last(&found) => ending::needed(database, class, key.id).await?,
        held => held,
    };
    let mut after = vec![since.to_string(), id];
    if let Some(by) = held {
        part.held.push(RetainedData { by, with: Some((key.span.since, key.span.until)) });
    } else {
        part.ended = u64::try_from(found.iter().filter(|row| row.ends != 0).count()).unwrap_or(u64::MAX);
        if ending::is_last(&found) {
            part.keys = 1;
            if !ending.is_plan() {
                ending::erase(database, key.id, now).await?;
                tracing::info!(key = %key.id, what = what.name(), until = %key.span.until, "erased a data key");
            }
        } else if let Some(last) = found.last() {
            after.extend(last.place());
        }
    }
    ending.place.go_to(what, after);
    Ok(part)
}

async fn event_log<D: Database>(
    database: &D,
    ending: &RetentionRun,
    what: What,
    before: Timestamp,
    now: Timestamp,
) -> Result<StepReport, RetentionProblem> {
    let (old, new) =
        (log_horizon::horizon(database).await?, log_horizon::first_since(database, before).await?);
    if new > old && !ending.is_plan() {
        log_horizon::move_to(database, new, now).await?;
    }
    let ended = u64::try_from(new.saturating_sub(old.max(1))).unwrap_or(0);
    Ok(StepReport { ended, is_done: true, ..nothing(what) })
}
