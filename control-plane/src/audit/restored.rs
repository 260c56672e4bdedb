//! What a restored backup has lost of the sealed trail.

use std::cmp::Reverse;

use audit_proof::Checkpoint;
use payments::model::action::Restored;
use payments::ports::store::audit::StoredAction;
use payments::ports::store::{Store, StoreError};

use super::sealer::holds;
use super::verify::AnchorSource;

/// The largest anchored checkpoint that does not hold, with the largest that does. What a checkpoint covers, all smaller
/// ones of the same tree cover in part, so none is looked at behind the first that holds.
///
/// # Errors
/// The database cannot be read.
pub async fn missing(store: &dyn Store, sources: &[AnchorSource]) -> Result<Option<Restored>, StoreError> {
    let restorations = store.audit().restorations().await?;
    let known: Vec<_> = restorations.iter().filter_map(StoredAction::restored).collect();
    let mut anchors: Vec<&Checkpoint> =
        sources.iter().flat_map(|source| &source.anchors.signed).map(|(_, anchor)| anchor).collect();
    anchors.sort_by_key(|anchor| Reverse(anchor.size));
    let mut lost: Option<&Checkpoint> = None;
    for anchor in anchors {
        if holds(store, anchor).await? {
            return Ok(lost.map(|lost| Restored::new(lost, anchor.size)));
        }
        if !known.iter().any(|restored| restored.explains(anchor)) {
            lost = lost.or(Some(anchor));
        }
    }
    Ok(lost.map(|lost| Restored::new(lost, 0)))
}
