//! Puts records into the tree, signs its head and anchors it. One process seals at a time; each anchors.
//!
//! The order of the records in the tree is written in the same commit as its head, so a process that dies leaves either
//! both or nothing, and whoever goes on continues the same tree. A head is anchored after its commit: what was signed and
//! not committed is known to nobody.

use std::slice::from_ref;
use std::sync::Arc;

use audit_proof::{Checkpoint, Frontier, Hash, Note, SigningKey, Subtree, VerifyingKey, stored_ranges};
use crash_points::reach;
use jiff::{SignedDuration, Timestamp};
use payments::causes::with_causes;
use payments::ports::clock::Clock;
use payments::ports::store::audit::{
    Addition, Leaf, LeftPlain, RecordId, Seal, SealedUpTo, StoredAction, StoredTransition,
};
use payments::ports::store::{Store, StoreError};

use super::anchor_file::AnchorFile;
use super::origin;
use super::place::Misplaced;
use super::restore_note::{signed, signed_restores};
use super::sealed_at;
use super::witness::{NoClient, Witness};

/// The lease on sealing. A batch takes far less, so a process that does not renew it for this long is dead.
const HELD_FOR: SignedDuration = SignedDuration::from_secs(20);
/// Records of each kind in one commit. On SQLite, payments wait for it: some milliseconds.
const BATCH: u32 = 1_000;
/// Commits of one turn, after which the head is anchored although more records wait.
const BATCHES_MAX: u32 = 100;

/// Checkpoints that the witness did not sign.
pub const WITNESS_FAILURES: &str = "audit_witness_failures_total";

/// Why nothing is sealed.
#[derive(Debug, thiserror::Error)]
pub enum NotSealed {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the anchor file {file} cannot be used")]
    AnchorFile { file: String, source: std::io::Error },
    #[error("AUDIT_WITNESS_URL: the witness cannot be asked")]
    Witness(#[from] NoClient),
    /// Values are to be encrypted, and the trail has never been sealed.
    #[error(
        "there are records that are not encrypted, and a sealed record stays as it is stored, so they would be plain for \
         ever. Run `control-plane keys reseal`; sealing begins when no record is plain (`control-plane keys status`)"
    )]
    Plain,
    /// What was anchored is not in the database.
    #[error(
        "the database does not have the {} records that were sealed and anchored: it was restored from a backup, or \
         changed. Run `control-plane audit verify`; after a restore, record it by `control-plane audit restored`",
        .0.size
    )]
    Contradicted(Checkpoint),
    /// The stored tree has not the root that was signed.
    #[error("the tree of {0} records is damaged. Run `control-plane audit verify`")]
    Damaged(u64),
    /// The newest checkpoint's row says another time than its text.
    #[error(
        "the checkpoint of {0} records was changed: its row says another time than the signed text. Run \
         `control-plane audit verify`"
    )]
    CheckpointChanged(u64),
    /// The newest checkpoint's row says another place to go on than the sealed records.
    #[error("{0}: its row, or one of these records, was changed. Run `control-plane audit verify`")]
    Misplaced(Misplaced),
}

impl NotSealed {
    /// Whether the database is not what was sealed before.
    #[must_use]
    pub const fn is_contradiction(&self) -> bool {
        matches!(
            self,
            Self::Contradicted(_) | Self::Damaged(_) | Self::CheckpointChanged(_) | Self::Misplaced(_)
        )
    }
}

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

/// Where heads are anchored, beside the log.
#[derive(Default)]
pub struct AnchorPlaces {
    pub file: Option<AnchorFile>,
    pub witness: Option<Witness>,
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

    /// The first lease of sealing makes every record keep its form, so plain ones are encrypted before. A look that fails, or
    /// finds one, goes on from there in the next turn.
    async fn check_plain(&mut self) -> Result<(), NotSealed> {
        loop {
            match self.store.audit().left_plain(self.encrypted_up_to).await? {
                LeftPlain::Nothing => return Ok(()),
                LeftPlain::NothingUpTo(number) => self.encrypted_up_to = number,
                LeftPlain::Something => return Err(NotSealed::Plain),
            }
        }
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

    /// What was anchored must be in the database, unless a signed record says that a backup was restored.
    async fn check(&mut self, seal: Option<&Seal>) -> Result<(), NotSealed> {
        let Some(anchored) = &self.anchored else { return Ok(()) };
        if anchored.size <= size(seal) && holds(&*self.store, anchored.size, anchored.root).await? {
            return Ok(());
        }
        let told = signed_restores(&*self.store, self.key.public()).await?;
        let Some(told) = told.into_iter().find(|one| one.restore.explains(anchored)) else {
            return Err(NotSealed::Contradicted(anchored.clone()));
        };
        remember(&mut self.restore_notes, told.note.to_string());
        tracing::warn!(
            size = anchored.size,
            "records that were sealed are gone; the trail goes on because a restore of the database is recorded"
        );
        (self.anchored, self.restores) = (None, None);
        Ok(())
    }

    /// The checkpoint must have been signed when its row says, and the sealed records must end where the row says: what stands
    /// behind them waits, and nothing else. A row that was compared is compared again only when it is another one.
    async fn check_row(&mut self, seal: Option<&Seal>) -> Result<(), NotSealed> {
        let Some(seal) = seal.filter(|seal| self.compared.as_ref() != Some(*seal)) else { return Ok(()) };
        let note = seal.note().ok_or(NotSealed::Damaged(seal.size))?;
        if sealed_at::is_changed(seal, &note) {
            return Err(NotSealed::CheckpointChanged(seal.size));
        }
        let sealed = self.store.audit().sealed_up_to(seal.size).await?;
        if let Some(misplaced) = Misplaced::found(seal, sealed) {
            return Err(NotSealed::Misplaced(misplaced));
        }
        self.compared = Some(seal.clone());
        Ok(())
    }

    async fn seal(&mut self, mut seal: Option<Seal>) -> Result<Option<Seal>, NotSealed> {
        let mut tree = self.tree(seal.as_ref()).await?;
        for _ in 0..BATCHES_MAX {
            let Some(next) = self.batch(&mut tree, seal.as_ref()).await? else { break };
            seal = Some(next);
            if !self.is_held().await? {
                break;
            }
        }
        Ok(seal)
    }

    /// The right edge of the tree, which must have the root that was signed.
    async fn tree(&self, seal: Option<&Seal>) -> Result<Frontier, NotSealed> {
        let Some(seal) = seal else { return Ok(Frontier::empty()) };
        let needed = stored_ranges(Frontier::needs(seal.size));
        let known = self.store.audit().tree_hashes(&needed).await?;
        let tree = Frontier::of(seal.size, &known);
        let signed = seal.note().and_then(|note| note.text().parse::<Checkpoint>().ok());
        let is_it = |tree: &Frontier| signed.is_some_and(|signed| signed.root == tree.root());
        tree.filter(is_it).ok_or(NotSealed::Damaged(seal.size))
    }

    /// Seals the next records. `None` if there are none.
    async fn batch(&mut self, tree: &mut Frontier, seal: Option<&Seal>) -> Result<Option<Seal>, NotSealed> {
        let audit = self.store.audit();
        let up_to = seal.map_or(SealedUpTo::NOTHING, |seal| seal.up_to);
        let transitions = audit.transitions(up_to.transitions, BATCH).await?;
        let actions = audit.actions(up_to.actions, BATCH).await?;
        if transitions.is_empty() && actions.is_empty() {
            return Ok(None);
        }
        if self.restores.is_none() || actions.iter().any(|action| action.restored().is_some()) {
            self.restores = Some(count(audit.restorations().await?.len()));
        }
        take_notes(&mut self.restore_notes, self.key.public(), &actions);
        // Another process may have sealed the record of a restore.
        let restores = self.restores.max(seal.map(|seal| seal.restores)).unwrap_or(0);
        let mut batch = Batch { leaves: Vec::new(), nodes: Vec::new(), up_to };
        for one in &transitions {
            batch.add(tree, RecordId::Transition(number(one)), one.record().hash());
            batch.up_to.transitions = one.position;
        }
        for one in &actions {
            batch.add(tree, RecordId::Action(one.sequence), one.record().hash());
            batch.up_to.actions = one.sequence;
        }
        let checkpoint =
            Checkpoint { origin: origin(self.key.name(), restores), size: tree.size(), root: tree.root() };
        let at = self.clock.now();
        let note = checkpoint.signed_at(at.as_microsecond(), &self.key).to_string();
        let seal = Seal { size: tree.size(), note, at, up_to: batch.up_to, restores };
        let Batch { leaves, nodes, .. } = batch;
        audit.add_seal(&Addition { leaves, nodes, seal: seal.clone() }).await?;
        Ok(Some(seal))
    }

    /// Writes the notes of restores where the database cannot change them.
    async fn anchor_restores(&mut self) -> Result<(), NotSealed> {
        while let Some(note) = self.restore_notes.first() {
            if let Some(file) = &self.anchors.file {
                file.append(note).await.map_err(|source| unusable(file, source))?;
            }
            tracing::warn!(note, "a restored backup is recorded in the audit trail, and signed");
            self.restore_notes.remove(0);
        }
        Ok(())
    }

    /// Writes the head where the database cannot change it.
    async fn anchor(&mut self, seal: &Seal) -> Result<(), NotSealed> {
        if self.anchored.as_ref().is_some_and(|anchored| anchored.size == seal.size) {
            return Ok(());
        }
        let signed = seal.note().and_then(|note| Some((note.text().parse().ok()?, note)));
        let (checkpoint, mut note): (Checkpoint, Note) = signed.ok_or(NotSealed::Damaged(seal.size))?;
        reach("after_seal_before_anchor").await;
        if let Some(witness) = &mut self.anchors.witness {
            match witness.cosigned(&*self.store, seal, &note).await {
                Ok(cosigned) => note = cosigned,
                // The next checkpoint covers this one.
                Err(problem) => {
                    metrics::counter!(WITNESS_FAILURES).increment(1);
                    tracing::warn!(
                        error = with_causes(&problem),
                        size = seal.size,
                        "a checkpoint is not cosigned"
                    );
                }
            }
        }
        if let Some(file) = &self.anchors.file {
            file.append(&note.to_string()).await.map_err(|source| unusable(file, source))?;
        }
        // The log is an anchor, too: it leaves the machine, and the line has all that a comparison needs.
        let (size, root, note) = (checkpoint.size, checkpoint.root.to_string(), note.to_string());
        tracing::info!(origin = checkpoint.origin, size, root, note, "the audit trail is sealed");
        self.anchored = Some(checkpoint);
        Ok(())
    }

    async fn waiting_since(&self, seal: Option<&Seal>) -> Result<Option<Timestamp>, StoreError> {
        let (audit, up_to) = (self.store.audit(), seal.map_or(SealedUpTo::NOTHING, |seal| seal.up_to));
        let transition = audit.transitions(up_to.transitions, 1).await?.pop().map(|one| one.at);
        let action = audit.actions(up_to.actions, 1).await?.pop().map(|one| one.at);
        let oldest = transition.into_iter().chain(action).min();
        Ok(oldest.and_then(|at| Timestamp::from_microsecond(at).ok()))
    }
}

/// Records that are about to be sealed.
struct Batch {
    leaves: Vec<Leaf>,
    nodes: Vec<(Subtree, Hash)>,
    up_to: SealedUpTo,
}

impl Batch {
    fn add(&mut self, tree: &mut Frontier, record: RecordId, hash: Hash) {
        self.leaves.push(Leaf { index: tree.size(), record, hash });
        self.nodes.extend(tree.append(hash));
    }
}

/// Whether the stored tree had this root when it had so many leaves.
///
/// # Errors
/// The database cannot be read.
pub async fn holds(store: &dyn Store, size: u64, root: Hash) -> Result<bool, StoreError> {
    let known = store.audit().tree_hashes(&stored_ranges(Frontier::needs(size))).await?;
    Ok(Frontier::of(size, &known).is_some_and(|tree| tree.root() == root))
}

/// Takes the notes of the restores among the actions. Anybody who can write to the database can record one without.
fn take_notes(notes: &mut Vec<String>, key: &VerifyingKey, actions: &[StoredAction]) {
    for action in actions.iter().filter(|action| action.restored().is_some()) {
        match signed(action, from_ref(key)) {
            Ok(one) => remember(notes, one.note.to_string()),
            Err(unfit) => tracing::error!(
                action = action.sequence,
                "a restored backup is recorded in the audit trail, and its restore note {unfit}"
            ),
        }
    }
}

fn remember(notes: &mut Vec<String>, note: String) {
    if !notes.contains(&note) {
        notes.push(note);
    }
}

/// The number of a transition in its table.
pub(super) fn number(transition: &StoredTransition) -> i64 {
    i64::try_from(transition.position.sequence).unwrap_or(i64::MAX)
}

fn size(seal: Option<&Seal>) -> u64 {
    seal.map_or(0, |seal| seal.size)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn unusable(file: &AnchorFile, source: std::io::Error) -> NotSealed {
    NotSealed::AnchorFile { file: file.path().display().to_string(), source }
}
