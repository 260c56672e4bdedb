//! Reads the trail in parts.

use std::collections::VecDeque;

use audit_proof::Hash;
use payments::model::log::Position;
use payments::ports::store::audit::{Leaf, RecordId, Seal, StoredAction, StoredTransition};
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
        Ok(Some(Row { id: RecordId::Transition(number(&one)), hash: one.record().hash(), about }))
    }

    async fn action(&mut self) -> Result<Option<Row>, StoreError> {
        if self.actions.is_empty() {
            self.actions = self.store.audit().actions(self.last_action, PART).await?.into();
        }
        let Some(one) = self.actions.pop_front() else { return Ok(None) };
        self.last_action = one.sequence;
        let about = format!("`{}` by {}", one.action, one.operator);
        Ok(Some(Row { id: RecordId::Action(one.sequence), hash: one.record().hash(), about }))
    }

    /// How many records of both kinds there are behind those that were read.
    pub(super) async fn rest(&mut self) -> Result<(u64, u64), StoreError> {
        let (mut transitions, mut actions) = (0, 0);
        while self.transition().await?.is_some() {
            transitions += 1;
        }
        while self.action().await?.is_some() {
            actions += 1;
        }
        Ok((transitions, actions))
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
