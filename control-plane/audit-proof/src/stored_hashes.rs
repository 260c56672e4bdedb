//! Hashes that were read from where the tree is stored. Stored are those of the leaves and of the subtrees whose height
//! is a multiple of [`STRIDE`], as in tiles of 256 hashes (<https://c2sp.org/tlog-tiles>); those between are computed.

use std::collections::{BTreeMap, BTreeSet};

use crate::hash::Hash;
use crate::subtree::Subtree;

/// The difference in height between stored subtrees.
pub const STRIDE: u8 = 8;

/// Stored subtrees of one height, by their indexes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StoredRange {
    /// 0 for leaves, else a multiple of [`STRIDE`].
    pub height: u8,
    pub first: u64,
    /// The last one's index plus 1; at most 128 more than `first`.
    pub end: u64,
}

impl StoredRange {
    fn below(subtree: Subtree) -> Self {
        let up = subtree.height % STRIDE;
        let first = subtree.index << up;
        Self { height: subtree.height - up, first, end: first + (1 << up) }
    }
}

/// What to read to know these subtrees, each range once.
#[must_use]
pub fn stored_ranges(subtrees: impl IntoIterator<Item = Subtree>) -> BTreeSet<StoredRange> {
    subtrees.into_iter().map(StoredRange::below).collect()
}

/// Stored hashes.
#[derive(Clone, Debug, Default)]
pub struct StoredHashes(BTreeMap<Subtree, Hash>);

impl StoredHashes {
    pub fn insert(&mut self, subtree: Subtree, hash: Hash) {
        self.0.insert(subtree, hash);
    }

    /// `None` if a stored hash that it is made of is not known.
    #[must_use]
    pub fn subtree(&self, subtree: Subtree) -> Option<Hash> {
        let StoredRange { height, first, end } = StoredRange::below(subtree);
        let mut hashes: Vec<Hash> = (first..end)
            .map(|index| self.0.get(&Subtree { height, index }).copied())
            .collect::<Option<_>>()?;
        while hashes.len() > 1 {
            hashes = hashes.chunks(2).filter_map(|pair| Hash::of_range(pair.iter().copied())).collect();
        }
        hashes.pop()
    }
}
