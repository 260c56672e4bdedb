//! The uncaptured part of an authorization is released to the payer, who has never paid it.

use super::{context::RequestContext, refunds::Refund};
use crate::ids;

/// The refund that represents the release.
#[derive(Debug, Clone)]
pub(crate) struct Release {
    pub(crate) refund: String,
    pub(crate) amount: i64,
}

/// Shows a release as a refund, on accounts that do so. No money moves, so the refund has no balance transaction, and
/// the ledger has no effect for it.
pub(crate) fn release(
    context: &mut RequestContext<'_>,
    charge_id: &str,
    amount: i64,
    reason: Option<&'static str>,
) {
    if amount == 0 || !context.objects.account.releases_as_refunds {
        return;
    }
    let Some(charge) = context.objects.charges.get_mut(charge_id) else { return };
    let refund = Refund {
        id: ids::stripe("re"),
        charge: charge_id.to_owned(),
        payment_intent: charge.payment_intent.clone(),
        amount,
        currency: charge.currency,
        balance_transaction: None,
        reason,
        metadata: Vec::new(),
        created: context.now,
        pending: false,
        failure: None,
    };
    charge.release = Some(Release { refund: refund.id.clone(), amount });
    let id = refund.id.clone();
    context.objects.refunds.insert(&id, refund);
    context.announce_charge("charge.refunded", charge_id);
}
