//! Batches of records: each is put into the tree and committed with the head that it makes.

use audit_proof::{Checkpoint, Frontier, Hash, Subtree, stored_ranges};
use payments::ports::store::audit::{Addition, Leaf, RecordId, Seal, SealedUpTo};

use super::{NotSealed, Sealer, number};
use crate::audit::origin;

/// Records of each kind in one commit. On SQLite, payments wait for it: some milliseconds.
const BATCH: u32 = 1_000;
/// Commits of one turn, after which the head is anchored although more records wait.
const BATCHES_MAX: u32 = 100;

impl Sealer {
    pub(super) async fn seal(&mut self, mut seal: Option<Seal>) -> Result<Option<Seal>, NotSealed> {
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
        let restores = self.count_restores(&actions, seal).await?;
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
        self.store.audit().add_seal(&Addition { leaves, nodes, seal: seal.clone() }).await?;
        Ok(Some(seal))
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
