//! What background work can be told.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audit_proof::SigningKey;
use jiff::SignedDuration;
use payments_providers::Outgoing;
use reqwest::Url;

use super::rabbit::{AmqpUri, QueuePrefix};

#[derive(Debug)]
pub struct QueueSettings {
    pub uri: AmqpUri,
    pub prefix: QueuePrefix,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconcileSettings {
    /// The time from the start of one reconciliation to the start of the next, 5 minutes to 30 days.
    pub every: SignedDuration,
    /// Payments compared per second, 1 to 1000.
    pub per_second: u32,
}

#[derive(Debug)]
pub struct AuditSettings {
    pub key: Arc<SigningKey>,
    /// Where checkpoints are appended, outside the database.
    pub anchor_file: Option<PathBuf>,
    /// Who signs checkpoints beside the log.
    pub witness: Option<WitnessSettings>,
    /// The time between two checkpoints, 1 to 3600 seconds.
    pub every: Duration,
}

#[derive(Debug)]
pub struct WitnessSettings {
    pub base: Url,
    /// The way to it, which is the one to the providers.
    pub outgoing: Outgoing,
}
