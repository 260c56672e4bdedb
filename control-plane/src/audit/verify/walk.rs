//! Compares each record with its leaf, and the tree of the leaves with its signed heads, from the first record on.

use std::collections::{BTreeMap, BTreeSet};

use audit_proof::{Checkpoint, Frontier, Hash, Subtree, Trust, VerifyingKey};
use payments::ports::store::audit::{Leaf, RecordId, Seal};
use payments::ports::store::{Store, StoreError};

use super::finding::{Finding, name};
use super::rows::{Leaves, Rest, Row, Rows, Seals};
use crate::audit::origin;
use crate::audit::seal_position::SealPositionMismatch;
use crate::audit::sealed_at;

/// What was found on the way. Where something is wrong, the way ends.
#[derive(Default)]
pub(super) struct Walked {
    /// Records that are what was sealed.
    pub(super) sealed: u64,
    pub(super) checkpoints: u64,
    /// Checkpoints that were signed by other keys than the given ones.
    pub(super) of_other_keys: u64,
    /// The tree's root at the sizes that were asked for, and without leaves.
    pub(super) roots: BTreeMap<u64, Hash>,
    /// The hashes that must be stored for full subtrees.
    pub(super) nodes: BTreeMap<Subtree, Hash>,
    pub(super) finding: Option<Finding>,
    /// All transitions, sealed or not.
    pub(super) transitions: u64,
    /// Records that are not sealed.
    pub(super) unsealed: u64,
    /// When the oldest of them was made, in microseconds since 1970.
    pub(super) unsealed_since: Option<i64>,
    /// The newest checkpoint whose row says a wrong position. The tree is known all the same.
    pub(super) misplaced: Option<SealPositionMismatch>,
}

pub(super) struct TrailWalk<'a> {
    store: &'a dyn Store,
    keys: &'a [VerifyingKey],
    tree: Frontier,
    walked: Walked,
    /// Up to where a checkpoint agreed.
    agreed: u64,
}

impl<'a> TrailWalk<'a> {
    pub(super) fn of(store: &'a dyn Store, keys: &'a [VerifyingKey]) -> Self {
        Self { store, keys, tree: Frontier::empty(), walked: Walked::default(), agreed: 0 }
    }

    /// Goes through the records that the newest checkpoint, `last`, covers. `sizes`: where to note the root.
    pub(super) async fn go(
        mut self,
        last: Option<&Seal>,
        sizes: &BTreeSet<u64>,
    ) -> Result<Walked, StoreError> {
        let mut rows = Rows::of(self.store);
        let size = last.map_or(0, |seal| seal.size);
        self.walked.roots.insert(0, self.tree.root());
        self.walked.finding = self.compare(&mut rows, size, sizes).await?;
        if self.walked.finding.is_none() {
            self.walked.finding = self.behind(size).await?;
            let Rest { transitions, actions, since } = rows.rest().await?;
            self.walked.transitions += transitions;
            self.walked.unsealed = transitions + actions;
            self.walked.unsealed_since = since;
        }
        Ok(Walked { sealed: self.tree.size(), ..self.walked })
    }

    async fn compare(
        &mut self,
        rows: &mut Rows<'_>,
        size: u64,
        sizes: &BTreeSet<u64>,
    ) -> Result<Option<Finding>, StoreError> {
        let (mut leaves, mut seals) = (Leaves::of(self.store), Seals::of(self.store));
        let mut seal = seals.next().await?;
        while self.tree.size() < size {
            let index = self.tree.size();
            let leaf = leaves.next().await?.filter(|leaf| leaf.index == index);
            let Some(leaf) = leaf else { return Ok(Some(Finding::LeafMissing { index })) };
            match rows.next(leaf.record).await? {
                Some(row) if row.id == leaf.record && row.hash == leaf.hash => self.append(&leaf, sizes),
                row => return self.wrong(&leaf, row, rows).await.map(Some),
            }
            if let Some(here) = seal.take_if(|seal| seal.size <= self.tree.size()) {
                if let Some(wrong) = self.check(&here, size) {
                    return Ok(Some(wrong));
                }
                if let Some(misplaced) = SealPositionMismatch::found(&here, Some(rows.up_to())) {
                    self.walked.misplaced = Some(misplaced);
                }
                seal = seals.next().await?;
            }
        }
        Ok(None)
    }

    fn append(&mut self, leaf: &Leaf, sizes: &BTreeSet<u64>) {
        self.walked.transitions += u64::from(matches!(leaf.record, RecordId::Transition(_)));
        self.walked.nodes.extend(self.tree.append(leaf.hash));
        if sizes.contains(&self.tree.size()) {
            self.walked.roots.insert(self.tree.size(), self.tree.root());
        }
    }

    /// Why the record at the position of a leaf is not its own.
    async fn wrong(&self, leaf: &Leaf, row: Option<Row>, rows: &mut Rows<'_>) -> Result<Finding, StoreError> {
        let (audit, index) = (self.store.audit(), leaf.index);
        let own = audit.hash_of(leaf.record).await?;
        let deleted = Finding::Deleted { index, record: name(leaf.record) };
        let Some(row) = row else {
            return Ok(if own.is_some() { Finding::OutOfOrder { index, found: None } } else { deleted });
        };
        if own.is_none() {
            return Ok(deleted);
        }
        if row.id != leaf.record {
            return Ok(match audit.leaf_of(row.id).await? {
                Some(other) => Finding::OutOfOrder { index, found: Some(other.index) },
                None => Finding::Inserted { before: index, record: row.about },
            });
        }
        // Its content may have been moved after another's, with those that follow.
        if rows.next(leaf.record).await?.is_some_and(|next| next.hash == leaf.hash) {
            return Ok(Finding::Inserted { before: index, record: row.about });
        }
        let Some(other) = audit.leaf_with(row.hash).await? else {
            return Ok(Finding::Changed { index, record: row.about });
        };
        if audit.hash_of(other.record).await? == Some(leaf.hash) {
            return Ok(Finding::Swapped { index, with: other.index, record: row.about });
        }
        Ok(deleted)
    }

    /// Compares a checkpoint with the tree. `newest`: the size of the newest one, which a given key must have signed.
    fn check(&mut self, seal: &Seal, newest: u64) -> Option<Finding> {
        let size = seal.size;
        let changed = Some(Finding::CheckpointChanged { size });
        let Some(note) = seal.note() else { return changed };
        let Ok(checkpoint) = note.text().parse::<Checkpoint>() else { return changed };
        let is_named = || self.keys.iter().any(|key| origin(key.name(), seal.restores) == checkpoint.origin);
        match note.trust(self.keys) {
            Trust::Forged => return changed,
            Trust::Signed if checkpoint.size != size || !is_named() => return changed,
            Trust::Unknown if size == newest => return Some(Finding::CheckpointOfOtherKey { size }),
            Trust::Unknown => self.walked.of_other_keys += 1,
            Trust::Signed => {}
        }
        if sealed_at::is_changed(seal, &note) {
            return changed;
        }
        if self.tree.root() != checkpoint.root {
            return Some(Finding::Rewritten { from: self.agreed, to: size });
        }
        self.agreed = size;
        self.walked.checkpoints += 1;
        None
    }

    /// Leaves without a checkpoint that covers them.
    async fn behind(&self, size: u64) -> Result<Option<Finding>, StoreError> {
        let audit = self.store.audit();
        if audit.leaves(size, 1).await?.is_empty() {
            return Ok(None);
        }
        // Sealed meanwhile, unless there is no newer checkpoint.
        let newest = audit.last_seal().await?.map_or(0, |seal| seal.size);
        Ok((newest <= size).then_some(Finding::NotSigned { from: size }))
    }
}
