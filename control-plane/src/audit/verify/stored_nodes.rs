//! Compares the stored roots of subtrees, from which proofs are made, with the leaves.

use std::collections::BTreeMap;

use audit_proof::{Hash, Subtree};
use payments::ports::store::{Store, StoreError};

use super::finding::Finding;

/// Rows of one statement.
const PART: u32 = 5_000;

/// `expected`: those of a tree of `size` leaves. What is stored of a tree that has grown since is left out.
pub(super) async fn compare(
    store: &dyn Store,
    mut expected: BTreeMap<Subtree, Hash>,
    size: u64,
) -> Result<Option<Finding>, StoreError> {
    let mut last = Subtree { height: 0, index: 0 };
    loop {
        let part = store.audit().nodes(last, PART).await?;
        let Some((end, _)) = part.last() else { break };
        last = *end;
        for (subtree, hash) in part {
            let is_beyond = end_of(subtree) > u128::from(size);
            if expected.remove(&subtree) != Some(hash) && !is_beyond {
                return Ok(Some(changed(subtree)));
            }
        }
    }
    Ok(expected.into_keys().next().map(changed))
}

/// The number of its last leaf plus 1.
const fn end_of(subtree: Subtree) -> u128 {
    (subtree.index as u128 + 1) << subtree.height
}

fn changed(subtree: Subtree) -> Finding {
    let Subtree { height, index } = subtree;
    let to = u64::try_from(end_of(subtree)).unwrap_or(u64::MAX);
    Finding::NodeChanged { height, from: index << height, to }
}
