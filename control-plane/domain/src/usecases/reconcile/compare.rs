//! Compares one payment record with the provider's.

use std::time::Duration;

use jiff::SignedDuration;

use super::{Compared, Finding};
use crate::model::event::Cause;
use crate::model::in_flight::READS_LAG;
use crate::model::payment::{Payment, State};
use crate::model::snapshot::{ProviderSnapshot, ProviderStatus};
use crate::ports::store::StoreError;
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{Plan, ProviderSync, SyncError};

pub(crate) async fn compare(gateway: &Gateway, payment: Payment) -> Result<Compared, StoreError> {
    let compared = Compared {
        provider: payment.request.provider,
        payment: Some(payment.id),
        reference: payment.reference.clone(),
        money: Some(payment.money()),
        recorded: Some(payment.state.name()),
        finding: Finding::Same,
    };
    let found = match gateway.provider(payment.request.provider) {
        Err(problem) => Err(SyncError::Failed(problem.to_string())),
        Ok(provider) => synced(ProviderSync { gateway, provider: &*provider }, payment).await,
    };
    let finding = match found {
        Ok(finding) => finding,
        Err(SyncError::Wait(_)) => Finding::InFlight,
        Err(SyncError::Failed(reason)) => Finding::NotSeen(reason),
        Err(SyncError::Store(problem)) => return Err(problem),
    };
    Ok(Compared { finding, ..compared })
}

async fn synced(sync: ProviderSync<'_>, payment: Payment) -> Result<Finding, SyncError> {
    let cause = Cause::follow_up(payment.client.clone());
    let is_undecided = payment.follow_up.is_some();
    let mut plan = Plan::new(payment, cause);
    let rest = not_shown_yet(sync.gateway, &plan);
    plan.ends_lost_offers = rest.is_none();
    let mut seen = sync.fetch_and_apply(&mut plan, None, None).await?;
    if let (None, Some(rest)) = (&seen, rest) {
        tokio::time::sleep(rest).await;
        plan.ends_lost_offers = true;
        seen = sync.fetch_and_apply(&mut plan, None, None).await?;
    }
    if seen.is_none() && plan.is_empty() {
        return Ok(not_shown(&plan.payment));
    }
    if plan.payment.captured().is_some() {
        plan = sync.refunds(plan, None).await?;
    }
    if let Some(problem) = plan.contradiction() {
        return Ok(Finding::Differs(problem));
    }
    let summary = plan.summary().join(", ");
    if plan.commit(sync.gateway, None).await? {
        return Ok(Finding::Applied(summary));
    }
    Ok(match seen.filter(|_| is_undecided) {
        Some(seen) => Finding::NotSeen(undecided(&seen)),
        None => Finding::Same,
    })
}

/// How much longer a recent offer to the payer may be missing from the provider's reads.
fn not_shown_yet(gateway: &Gateway, plan: &Plan) -> Option<Duration> {
    let waits = matches!(plan.payment.state, State::RequiresAction(_));
    let age = gateway.now().duration_since(plan.payment.updated_at);
    let rest = Some(READS_LAG.saturating_sub(age)).filter(|rest| waits && rest.is_positive());
    rest.map(SignedDuration::unsigned_abs)
}

fn undecided(seen: &ProviderSnapshot) -> String {
    let provider_status = match &seen.provider_status {
        ProviderStatus::Open => "nothing is decided",
        ProviderStatus::RequiresAction(_) => "waiting for the payer",
        ProviderStatus::Approved { .. } => "approved but not taken",
        ProviderStatus::Processing => "in progress",
        _ => "nothing new",
    };
    format!("undecided here; at the provider: {provider_status}")
}

/// The finding when the provider has no such payment or does not support the lookup.
fn not_shown(payment: &Payment) -> Finding {
    match &payment.state {
        // A refused or unsent payment may have left nothing at the provider.
        State::Failed { .. } | State::Canceled { .. } => Finding::Same,
        State::Created | State::Processing { .. } | State::Queued { .. } | State::Unknown { .. } => {
            Finding::NotSeen("undecided here, and the provider shows no such payment".to_owned())
        }
        _ => Finding::Differs("the provider shows no such payment".to_owned()),
    }
}
