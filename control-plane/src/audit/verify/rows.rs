//! Reads the trail in parts.

use std::collections::VecDeque;

use audit_proof::Hash;
use payments::model::log::Position;
use payments::ports::store::audit::{Leaf, RecordId, Seal, SealedUpTo, StoredAction, StoredTransition};
use payments::ports::store::{Store, StoreError};

use crate::audit::sealer::number;

/// Rows of one statement: a fraction of a second, and some megabytes.
const PART: u32 = 5_000;

/// A record as it is stored, and the hash of what is stored.
pub(super) struct Row {
    pub(super) id: RecordId,
    pub(super) hash: Hash,
    /// What it is about.
    pub(super) about: String,
    /// Microseconds since 1970.
    at: i64,
}

/// Records after those that were read.
#[derive(Default)]
pub(super) struct Rest {
    pub(super) transitions: u64,
    pub(super) actions: u64,
    /// When the oldest of them was made, in microseconds since 1970.
    pub(super) since: Option<i64>,
}

/// The records of both kinds, each in its order.
pub(super) struct Rows<'a> {
    store: &'a dyn Store,
    transitions: VecDeque<StoredTransition>,
    last_transition: Position,
    actions: VecDeque<StoredAction>,
    last_action: i64,
}

impl<'a> Rows<'a> {
    pub(super) const fn of(store: &'a dyn Store) -> Self {
        Self {
            store,
            transitions: VecDeque::new(),
            last_transition: Position::START,
            actions: VecDeque::new(),
            last_action: 0,
        }
    }

    /// The next record of the same kind as `record`.
    pub(super) async fn next(&mut self, record: RecordId) -> Result<Option<Row>, StoreError> {
        match record {
            RecordId::Transition(_) => self.transition().await,
            RecordId::Action(_) => self.action().await,
        }
    }

    async fn transition(&mut self) -> Result<Option<Row>, StoreError> {
        if self.transitions.is_empty() {
            self.transitions = self.store.audit().transitions(self.last_transition, PART).await?.into();
        }
        let Some(one) = self.transitions.pop_front() else { return Ok(None) };
        self.last_transition = one.position;
        let subject = one.refund.as_ref().unwrap_or(&one.payment);
        let about = format!("{} of {subject}, version {}", one.position.id(), one.version);
        Ok(Some(Row { id: RecordId::Transition(number(&one)), hash: one.record().hash(), about, at: one.at }))
    }

    async fn action(&mut self) -> Result<Option<Row>, StoreError> {
        if self.actions.is_empty() {
            self.actions = self.store.audit().actions(self.last_action, PART).await?.into();
        }
        let Some(one) = self.actions.pop_front() else { return Ok(None) };
        self.last_action = one.sequence;
        let about = format!("`{}` by {}", one.action, one.operator);
        Ok(Some(Row { id: RecordId::Action(one.sequence), hash: one.record().hash(), about, at: one.at }))
    }

    /// The last records that were read.
    pub(super) const fn up_to(&self) -> SealedUpTo {
        SealedUpTo { transitions: self.last_transition, actions: self.last_action }
    }

    /// Reads the records of both kinds after those that were read.
    pub(super) async fn rest(&mut self) -> Result<Rest, StoreError> {
        let mut rest = Rest::default();
        while let Some(row) = self.transition().await? {
            rest.transitions += 1;
            rest.add(&row);
        }
        while let Some(row) = self.action().await? {
            rest.actions += 1;
            rest.add(&row);
        }
        Ok(rest)
    }
}

impl Rest {
    fn add(&mut self, row: &Row) {
        self.since = Some(self.since.map_or(row.at, |since| since.min(row.at)));
    }
}

/// Leaves from the first on.
pub(super) struct Leaves<'a> {
    store: &'a dyn Store,
    part: VecDeque<Leaf>,
    next: u64,
}

impl<'a> Leaves<'a> {
    pub(super) const fn of(store: &'a dyn Store) -> Self {
        Self { store, part: VecDeque::new(), next: 0 }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Leaf>, StoreError> {
        if self.part.is_empty() {
            self.part = self.store.audit().leaves(self.next, PART).await?.into();
        }
        let leaf = self.part.pop_front();
        if let Some(leaf) = &leaf {
            self.next = leaf.index + 1;
        }
        Ok(leaf)
    }
}

/// Checkpoints from the smallest on.
pub(super) struct Seals<'a> {
    store: &'a dyn Store,
    part: VecDeque<Seal>,
    last: u64,
}

impl<'a> Seals<'a> {
    pub(super) const fn of(store: &'a dyn Store) -> Self {
        Self { store, part: VecDeque::new(), last: 0 }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Seal>, StoreError> {
        if self.part.is_empty() {
            self.part = self.store.audit().seals(self.last, PART).await?.into();
        }
        let seal = self.part.pop_front();
        if let Some(seal) = &seal {
            self.last = seal.size;
        }
        Ok(seal)
    }
}
