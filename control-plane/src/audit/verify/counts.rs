//! Compares payments and refunds with their records: each version has one.

use payments::ports::store::audit::RecordCount;
use payments::ports::store::{Store, StoreError};

use super::finding::{Finding, name};

/// Payments of one statement.
const PART: u32 = 5_000;

/// `transitions`: how many there are at least, sealed or not.
pub(super) async fn compare(store: &dyn Store, transitions: u64) -> Result<Option<Finding>, StoreError> {
    let mut counted = 0_u64;
    for is_of_refunds in [false, true] {
        let mut last = String::new();
        loop {
            let part = if is_of_refunds {
                store.audit().refund_counts(&last, PART).await?
            } else {
                store.audit().payment_counts(&last, PART).await?
            };
            let Some(end) = part.last() else { break };
            last.clone_from(&end.id);
            if let Some(wrong) = part.iter().find(|one| !is_whole(one)) {
                return Ok(Some(Finding::Miscounted(wrong.clone())));
            }
            counted += part.iter().map(|one| u64::try_from(one.records).unwrap_or(0)).sum::<u64>();
        }
    }
    if counted >= transitions {
        return Ok(None);
    }
    // Looking for them takes as long again.
    let stray = store.audit().transition_of_nothing().await?;
    Ok(stray.map(|record| Finding::OfNothing { record: name(record) }))
}

const fn is_whole(one: &RecordCount) -> bool {
    one.records == one.wanted
}
