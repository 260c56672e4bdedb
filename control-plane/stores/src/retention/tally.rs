//! What a run has done of each kind. It is kept with the run's progress, so that an interrupted run reports all of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::steps::{RetainedData, StepReport};

/// What a run, or a plan, did of one kind, from its beginning on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// What is older than this ends; `None`: this kind is kept for good.
    pub before: Option<Timestamp>,
    /// Rows whose data ended.
    pub ended: u64,
    /// Data keys that ended.
    pub keys: u64,
    /// The first data that is kept although its time is over.
    pub held: Vec<RetainedData>,
    /// How much more of it there is.
    pub held_more: u64,
}

impl Tally {
    /// Held data that is named. It is written with the run's progress after each step.
    const NAMED_MAX: usize = 20;

    pub(super) fn add(&mut self, part: &StepReport) {
        self.before = part.before.or(self.before);
        self.ended += part.ended;
        self.keys += part.keys;
        for held in &part.held {
            if self.held.len() < Self::NAMED_MAX {
                self.held.push(held.clone());
            } else {
                self.held_more += 1;
            }
        }
    }

    /// How much is kept although its time is over.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.held_more.saturating_add(u64::try_from(self.held.len()).unwrap_or(u64::MAX))
    }
}
