//! Whether the tree in the database is the one that was signed.

use audit_proof::{Frontier, Hash, stored_ranges};
use payments::ports::store::{Store, StoreError};

/// Whether the stored tree had this root when it had so many leaves.
///
/// # Errors
/// The database cannot be read.
pub async fn holds(store: &dyn Store, size: u64, root: Hash) -> Result<bool, StoreError> {
    let known = store.audit().tree_hashes(&stored_ranges(Frontier::needs(size))).await?;
    Ok(Frontier::of(size, &known).is_some_and(|tree| tree.root() == root))
}
