//! Which hashes prove that a leaf is in a tree, or that a tree continues a smaller one (RFC 6962, sections 2.1.1 and
//! 2.1.2).

use std::ops::Range;

use crate::hash::Hash;
use crate::stored_hashes::StoredHashes;
use crate::subtree::Subtree;

/// A proof, as the ranges of leaves whose hashes it consists of, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Range<u64>>);

impl Path {
    /// That the leaf `index` is in the tree of `size` leaves. `None` if the tree has no such leaf.
    #[must_use]
    pub fn inclusion(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let (mut leaves, mut ranges) = (0..size, Vec::new());
        while let Some(split) = split(&leaves) {
            let (left, right) = (leaves.start..split, split..leaves.end);
            let (own, sibling) = if index < split { (left, right) } else { (right, left) };
            ranges.push(sibling);
            leaves = own;
        }
        ranges.reverse();
        Some(Self(ranges))
    }

    /// That the tree of `size` leaves begins with the tree of `old` leaves. `None` if it has fewer. Empty where `old`
    /// is 0 or `size`.
    #[must_use]
    pub fn consistency(old: u64, size: u64) -> Option<Self> {
        if old > size {
            return None;
        }
        if old == 0 {
            return Some(Self(Vec::new()));
        }
        let (mut leaves, mut ranges) = (0..size, Vec::new());
        while leaves.end != old {
            // There is one: the old tree ends inside the range.
            let Some(split) = split(&leaves) else { break };
            if old <= split {
                ranges.push(split..leaves.end);
                leaves.end = split;
            } else {
                ranges.push(leaves.start..split);
                leaves.start = split;
            }
        }
        // The whole old tree needs no hash: its root is known to who verifies.
        if leaves.start > 0 {
            ranges.push(leaves);
        }
        ranges.reverse();
        Some(Self(ranges))
    }

    /// The subtrees that its hashes are made of.
    pub fn needs(&self) -> impl Iterator<Item = Subtree> + '_ {
        self.0.iter().flat_map(Subtree::of)
    }

    /// Its hashes, in order. `None` if one of what it [needs](Self::needs) is not known.
    #[must_use]
    pub fn hashes(&self, stored: &StoredHashes) -> Option<Vec<Hash>> {
        let hash = |range: &Range<u64>| {
            let subtrees = Subtree::of(range).into_iter().map(|one| stored.subtree(one));
            Hash::of_range(subtrees.collect::<Option<Vec<_>>>()?.into_iter())
        };
        self.0.iter().map(hash).collect()
    }
}

/// Where a range of at least two leaves is split: its left part is the largest power of two below its length.
fn split(leaves: &Range<u64>) -> Option<u64> {
    let height = leaves.end.saturating_sub(leaves.start).checked_sub(1)?.checked_ilog2()?;
    Some(leaves.start + (1 << height))
}
