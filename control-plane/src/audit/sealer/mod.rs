//! Puts records into the tree, signs its head and anchors it. One process seals at a time; each anchors.
//!
//! The order of the records in the tree is written in the same commit as its head, so a process that dies leaves either
//! both or nothing, and the next process continues the same tree. A head is anchored after its commit: what was signed
//! and not committed is known to nobody.

mod anchoring;
mod batches;
mod checks;
mod restore_notes;

use std::sync::Arc;

use audit_proof::{Checkpoint, SigningKey};
use jiff::{SignedDuration, Timestamp};
use payments::ports::clock::Clock;
use payments::ports::store::audit::{Seal, SealedUpTo, StoredTransition};
use payments::ports::store::{Store, StoreError};

pub use self::anchoring::{AnchorPlaces, WITNESS_FAILURES};
pub use self::checks::NotSealed;
use self::checks::unusable;

/// The lease on sealing. A batch takes far less, so a process that does not renew it for this long is dead.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(20);

/// What a turn did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Records in the tree now.
    pub size: u64,
    /// Records that this process sealed in the turn.
    pub sealed: u64,
    /// Since when the oldest record waits that could be sealed. `None` if none does.
    pub waiting_since: Option<Timestamp>,
}

impl Turn {
    /// Whether this process sealed, and more records wait.
    #[must_use]
    pub const fn is_behind(&self) -> bool {
        self.sealed > 0 && self.waiting_since.is_some()
    }
}

pub struct Sealer {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    key: Arc<SigningKey>,
    holder: String,
    anchors: AnchorPlaces,
    /// The newest checkpoint that this process knows to have been anchored.
    anchored: Option<Checkpoint>,
    /// Before the first seal: no transition is plain up to the one with this number.
    encrypted_up_to: i64,
    /// The checkpoint whose row was compared last.
    compared: Option<Seal>,
    /// How often a backup was restored; read at the first turn and when a record says that it happened again.
    restores: Option<u32>,
    /// Restore notes that are still to be anchored.
    restore_notes: Vec<String>,
}

impl Sealer {
    /// `holder` names this process.
    ///
    /// # Errors
    /// The anchor file cannot be read.
    pub async fn new(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        key: Arc<SigningKey>,
        holder: String,
        anchors: AnchorPlaces,
    ) -> Result<Self, NotSealed> {
        let anchored = match &anchors.file {
            Some(file) => file.last(key.public()).await.map_err(|source| unusable(file, source))?,
            None => None,
        };
        let restore_notes = Vec::new();
        let (compared, restores) = (None, None);
        Ok(Self {
            store,
            clock,
            key,
            holder,
            anchors,
            anchored,
            encrypted_up_to: 0,
            compared,
            restores,
            restore_notes,
        })
    }

    /// Seals what is there, if no other process does, and anchors the head of the tree.
    ///
    /// # Errors
    /// The database or the anchor file cannot be used, or the tree is not the one that was signed.
    pub async fn turn(&mut self) -> Result<Turn, NotSealed> {
        let mut seal = self.store.audit().last_seal().await?;
        self.check(seal.as_ref()).await?;
        self.check_row(seal.as_ref()).await?;
        let before = size(seal.as_ref());
        if seal.is_none() {
            self.check_plain().await?;
        }
        if self.is_held().await? {
            // Another process may have sealed since.
            seal = self.store.audit().last_seal().await?;
            self.check_row(seal.as_ref()).await?;
            seal = self.seal(seal).await?;
        }
        self.anchor_restores().await?;
        if let Some(seal) = &seal {
            self.anchor(seal).await?;
        }
        let waiting_since = self.waiting_since(seal.as_ref()).await?;
        let size = size(seal.as_ref());
        Ok(Turn { size, sealed: size - before, waiting_since })
    }

    /// Whether this process may seal until [`HELD_FOR`] from now.
    async fn is_held(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        self.store.audit().take_sealing(&self.holder, now, now + HELD_FOR).await
    }

    /// Ends this process's lease, so that another one can seal at once.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn release(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.store.audit().take_sealing(&self.holder, now, now).await.map(|_| ())
    }

    async fn waiting_since(&self, seal: Option<&Seal>) -> Result<Option<Timestamp>, StoreError> {
        let (audit, up_to) = (self.store.audit(), seal.map_or(SealedUpTo::NOTHING, |seal| seal.up_to));
        let transition = audit.transitions(up_to.transitions, 1).await?.pop().map(|one| one.at);
        let action = audit.actions(up_to.actions, 1).await?.pop().map(|one| one.at);
        let oldest = transition.into_iter().chain(action).min();
        Ok(oldest.and_then(|at| Timestamp::from_microsecond(at).ok()))
    }
}

/// The number of a transition in its table.
pub(super) fn number(transition: &StoredTransition) -> i64 {
    i64::try_from(transition.position.sequence).unwrap_or(i64::MAX)
}

fn size(seal: Option<&Seal>) -> u64 {
    seal.map_or(0, |seal| seal.size)
}
