//! The events of a provider and their deliveries.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::event::Event;
use crate::faults::FaultKind;

/// This many events are kept; counts of all.
const EVENTS_MAX: usize = 10_000;

/// The outcome of a delivery attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    Status(u16),
    /// No response, and why.
    Unanswered(String),
}

impl Outcome {
    pub(crate) fn accepted(&self) -> bool {
        matches!(self, Self::Status(200..=299))
    }
}

/// An attempt to deliver an event.
#[derive(Debug, Clone)]
pub(crate) struct Attempt {
    pub(crate) at: Timestamp,
    pub(crate) outcome: Outcome,
    pub(crate) forged: bool,
}

/// An event with its deliveries.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) event: Arc<Event>,
    faults: Vec<FaultKind>,
    /// Outstanding deliveries, excluding withheld ones.
    open: u32,
    withheld: u32,
    attempts: Vec<Attempt>,
}

impl Record {
    fn delivered(&self) -> bool {
        self.attempts.iter().any(|attempt| attempt.outcome.accepted())
    }

    pub(crate) fn status(&self) -> &'static str {
        match (self.delivered(), self.withheld, self.open) {
            (true, ..) => "delivered",
            (_, 1.., _) => "withheld",
            (_, _, 1..) => "waiting",
            _ if self.attempts.is_empty() => "recorded",
            _ => "failed",
        }
    }

    /// Outstanding deliveries.
    pub(crate) fn pending(&self) -> u32 {
        self.open + self.withheld
    }

    pub(crate) fn view(&self) -> Value {
        let attempt = |attempt: &Attempt| {
            let mut view = json!({ "at": attempt.at, "forged": attempt.forged });
            match (&attempt.outcome, view.as_object_mut()) {
                (Outcome::Status(status), Some(view)) => view.insert("status".to_owned(), json!(status)),
                (Outcome::Unanswered(why), Some(view)) => view.insert("error".to_owned(), json!(why)),
                (_, None) => None,
            };
            view
        };
        json!({
            "id": self.event.id,
            "provider": self.event.provider(),
            "type": self.event.kind,
            "object": self.event.object(),
            "transactionId": self.event.transaction_id(),
            "at": self.event.at,
            "status": self.status(),
            "pending": self.pending(),
            "faults": self.faults,
            "attempts": self.attempts.iter().map(attempt).collect::<Vec<_>>(),
        })
    }
}

/// Counts over all events of a provider.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Summary {
    events: u64,
    /// The number of events by the provider's name of the event.
    types: BTreeMap<String, u64>,
    /// Outstanding deliveries.
    waiting: u64,
    withheld: u64,
    /// Ended deliveries: accepted with a 2xx, or given up.
    accepted: u64,
    failed: u64,
    /// Never tried, because too many others waited.
    dropped: u64,
    /// Attempts by response status; `none` had no response.
    attempts: BTreeMap<String, u64>,
}

impl Summary {
    pub(crate) fn events(&self) -> u64 {
        self.events
    }
}

#[derive(Debug, Default)]
pub(crate) struct Journal {
    records: VecDeque<Record>,
    /// The number of the oldest stored record.
    first: u64,
    summary: Summary,
}

/// How many deliveries an event starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Planned {
    None,
    Open(u32),
    Withheld(u32),
}

impl Journal {
    /// Stores an event and returns its number.
    pub(crate) fn add(&mut self, event: Arc<Event>, planned: Planned, faults: Vec<FaultKind>) -> u64 {
        let (open, withheld) = match planned {
            Planned::None => (0, 0),
            Planned::Open(deliveries) => (deliveries, 0),
            Planned::Withheld(deliveries) => (0, deliveries),
        };
        self.summary.events += 1;
        self.summary.waiting += u64::from(open);
        self.summary.withheld += u64::from(withheld);
        match self.summary.types.get_mut(&*event.kind) {
            Some(count) => *count += 1,
            None => {
                self.summary.types.insert(event.kind.clone().into_owned(), 1);
            }
        }
        if self.records.len() == EVENTS_MAX {
            self.records.pop_front();
            self.first += 1;
        }
        let number = self.first + u64::try_from(self.records.len()).unwrap_or(u64::MAX);
        self.records.push_back(Record { event, faults, open, withheld, attempts: Vec::new() });
        number
    }

    fn record_mut(&mut self, number: u64) -> Option<&mut Record> {
        let index = number.checked_sub(self.first)?;
        self.records.get_mut(usize::try_from(index).ok()?)
    }

    /// One more delivery is outstanding.
    pub(crate) fn planned_again(&mut self, number: u64) {
        self.summary.waiting += 1;
        if let Some(record) = self.record_mut(number) {
            record.open += 1;
        }
    }

    pub(crate) fn released(&mut self, number: u64) {
        self.summary.withheld -= 1;
        self.summary.waiting += 1;
        if let Some(record) = self.record_mut(number) {
            record.withheld -= 1;
            record.open += 1;
        }
    }

    pub(crate) fn tried(&mut self, number: u64, attempt: Attempt) {
        let response = match &attempt.outcome {
            Outcome::Status(status) => status.to_string(),
            Outcome::Unanswered(_) => "none".to_owned(),
        };
        *self.summary.attempts.entry(response).or_default() += 1;
        if let Some(record) = self.record_mut(number) {
            record.attempts.push(attempt);
        }
    }

    /// A delivery has ended, accepted or given up.
    pub(crate) fn ended(&mut self, number: u64, accepted: bool) {
        *(if accepted { &mut self.summary.accepted } else { &mut self.summary.failed }) += 1;
        self.closed(number);
    }

    pub(crate) fn dropped(&mut self, number: u64) {
        self.summary.dropped += 1;
        self.closed(number);
    }

    fn closed(&mut self, number: u64) {
        self.summary.waiting -= 1;
        if let Some(record) = self.record_mut(number) {
            record.open -= 1;
        }
    }

    /// Oldest first.
    pub(crate) fn records(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.records.iter()
    }

    /// The latest event with this id, with its number.
    pub(crate) fn find(&self, id: &str) -> Option<(u64, &Record)> {
        (self.first..).zip(&self.records).filter(|(_, record)| record.event.id == id).last()
    }

    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }
}
