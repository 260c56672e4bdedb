//! The shape of the tree.

use std::ops::Range;

/// A subtree with 2^`height` leaves, which begin at a multiple of that. It never changes once it is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subtree {
    /// 0 for a leaf; below 64.
    pub height: u8,
    /// Its number among the subtrees of its height, from 0.
    pub index: u64,
}

impl Subtree {
    /// Those that make up a range of leaves, from left to right. The range is one that RFC 6962 splits a tree into.
    pub(crate) fn of(leaves: &Range<u64>) -> Vec<Self> {
        let mut subtrees = Vec::new();
        let mut first = leaves.start;
        while let Some(height) = leaves.end.saturating_sub(first).checked_ilog2() {
            // Below 64, since it is a logarithm of a number of 64 bits.
            subtrees.push(Self { height: u8::try_from(height).unwrap_or(63), index: first >> height });
            first += 1 << height;
        }
        subtrees
    }
}
