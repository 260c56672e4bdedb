//! Every request received, including rejected ones: what the gateway sent and how often.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::Serialize;

use crate::{
    faults::FaultKind,
    provider::{Operation, Provider},
};

/// Details are kept of this many requests; counts of all.
const DETAILS_MAX: usize = 10_000;

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Received {
    pub(crate) provider: Provider,
    pub(crate) operation: Operation,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) idempotency_key: Option<String>,
    /// The status of the response; absent if the connection was cut instead.
    pub(crate) status: Option<u16>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) faults: Vec<FaultKind>,
    pub(crate) at: Timestamp,
}

#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Summary {
    total: u64,
    counts: BTreeMap<Provider, BTreeMap<Operation, u64>>,
    /// Those answered with a status of 400 or above.
    refused: BTreeMap<Provider, BTreeMap<Operation, u64>>,
}

#[derive(Debug, Default)]
pub(crate) struct RequestsLog {
    summary: Summary,
    latest: VecDeque<Received>,
}

impl RequestsLog {
    pub(crate) fn record(&mut self, received: Received) {
        let count = |by: &mut BTreeMap<Provider, BTreeMap<Operation, u64>>| {
            *by.entry(received.provider).or_default().entry(received.operation).or_default() += 1;
        };
        self.summary.total += 1;
        count(&mut self.summary.counts);
        if received.status.is_some_and(|status| status >= 400) {
            count(&mut self.summary.refused);
        }
        if self.latest.len() == DETAILS_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back(received);
    }

    pub(crate) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The latest requests, oldest first.
    pub(crate) fn latest(&self) -> &VecDeque<Received> {
        &self.latest
    }
}
