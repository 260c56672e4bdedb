//! The right edge of the tree, which is all that appending needs.

use crate::hash::Hash;
use crate::stored_hashes::{STRIDE, StoredHashes};
use crate::subtree::Subtree;

/// The right edge of a tree: the perfect subtrees that its leaves make up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// Subtrees from left to right, so that their heights fall.
    edge: Vec<(u8, Hash)>,
}

impl Frontier {
    /// The edge of a tree without leaves.
    #[must_use]
    pub const fn empty() -> Self {
        Self { size: 0, edge: Vec::new() }
    }

    /// The edge of a tree of this size. `None` if a hash that it needs ([`Self::needs`]) is not known.
    #[must_use]
    pub fn of(size: u64, stored: &StoredHashes) -> Option<Self> {
        let edge = Self::needs(size).into_iter().map(|one| Some((one.height, stored.subtree(one)?)));
        Some(Self { size, edge: edge.collect::<Option<_>>()? })
    }

    /// The subtrees at the edge of a tree of this size.
    #[must_use]
    pub fn needs(size: u64) -> Vec<Subtree> {
        Subtree::of(&(0..size))
    }

    /// The number of leaves.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root hash of the tree.
    #[must_use]
    pub fn root(&self) -> Hash {
        Hash::of_range(self.edge.iter().map(|(_, hash)| *hash)).unwrap_or_else(Hash::of_nothing)
    }

    /// Appends a leaf. Returns the subtrees that it completes and that are to be stored, whose heights are multiples of
    /// [`STRIDE`]; the leaf itself is not among them.
    pub fn append(&mut self, leaf: Hash) -> Vec<(Subtree, Hash)> {
        let mut stored = Vec::new();
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.edge.pop_if(|(other, _)| *other == height) {
            hash = Hash::of_children(&left, &hash);
            height += 1;
            if height % STRIDE == 0 {
                stored.push((Subtree { height, index: self.size >> height }, hash));
            }
        }
        self.edge.push((height, hash));
        self.size += 1;
        stored
    }
}
