//! What a restored backup has lost of the sealed trail.

use std::cmp::Reverse;

use audit_proof::{Checkpoint, Hash, Restore, VerifyingKey};
use jiff::Timestamp;
use payments::ports::store::{Store, StoreError};

use super::holds::holds;
use super::restore_note::signed_restores;
use super::verify::AnchorSource;

/// The largest anchored checkpoint that does not hold, with the largest below it that does. What a checkpoint covers,
/// all smaller ones of the same tree cover in part, so none is looked at after the first that holds. A loss that is
/// recorded counts no more if `key` signed that record.
///
/// # Errors
/// The database cannot be read.
pub async fn missing(
    store: &dyn Store,
    key: &VerifyingKey,
    sources: &[AnchorSource],
    now: Timestamp,
) -> Result<Option<Restore>, StoreError> {
    let known = signed_restores(store, key).await?;
    let mut anchors: Vec<&Checkpoint> =
        sources.iter().flat_map(|source| &source.anchors.signed).map(|(_, anchor)| anchor).collect();
    anchors.sort_by_key(|anchor| Reverse(anchor.size));
    let at = now.as_microsecond();
    let restore = |lost: &Checkpoint, kept_size: u64, kept_root: Hash| Restore {
        lost: lost.clone(),
        kept_size,
        kept_root,
        at,
    };
    let mut lost: Option<&Checkpoint> = None;
    for anchor in anchors {
        // Two trees may have been anchored at one size.
        let is_below = lost.is_none_or(|lost| anchor.size < lost.size);
        if is_below && holds(store, anchor.size, anchor.root).await? {
            return Ok(lost.map(|lost| restore(lost, anchor.size, anchor.root)));
        }
        if !known.iter().any(|one| one.restore.explains(anchor)) {
            lost = lost.or(Some(anchor));
        }
    }
    Ok(lost.map(|lost| restore(lost, 0, Hash::of_nothing())))
}
