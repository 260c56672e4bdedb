//! Checks the object that an operator names. The provider's record of it counts; if the provider cannot be reached, the
//! operator's decision counts.

use super::NotDecided;
use crate::model::decision::OperatorDecision;
use crate::model::event::Cause;
use crate::model::payment::Payment;
use crate::model::provider::ProviderRef;
use crate::model::refund::Refund;
use crate::model::snapshot::{Found, LookUp, RefundLookUp, RefundProviderStatus, RefundSnapshot};
use crate::usecases::call::Decided as _;
use crate::usecases::calls::resolvable::Resolvable as _;
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{Plan, ProviderSync, SyncError};

impl OperatorDecision {
    /// The lookups for the named object. An operator may instead know the reference of the whole payment.
    fn look_ups(&self) -> Vec<LookUp> {
        let (nearest, named) = match self {
            Self::Paid { charge } => (LookUp::Charge(charge.clone()), charge),
            Self::Authorized { authorization } => {
                (LookUp::Authorization(authorization.clone()), authorization)
            }
            Self::Canceled | Self::NotDone | Self::Refunded { .. } => return Vec::new(),
        };
        vec![nearest, LookUp::Payment(named.clone())]
    }
}

/// Decides the payment by the named object; `None` if no object is named or the provider cannot be reached.
///
/// # Errors
/// If the provider does not know the object, or the object belongs to another payment or does not decide this one.
pub(crate) async fn by_its_object(
    gateway: &Gateway,
    payment: &Payment,
    decision: &OperatorDecision,
) -> Result<Option<Payment>, NotDecided> {
    let Some(provider) = gateway.providers.get(&payment.request.provider) else { return Ok(None) };
    let mut is_denied = false;
    for what in decision.look_ups() {
        match provider.look_up(&what).await {
            Found::Found(seen) => {
                let sync = ProviderSync { gateway, provider: &**provider };
                let mut plan = Plan::new(payment.clone(), Cause::follow_up(payment.client.clone()));
                let done = match sync.apply(&mut plan, &seen) {
                    Ok(()) => plan.commit_what_is_believed(gateway).await,
                    Err(error) => Err(error),
                };
                done.map_err(contradicted)?;
                let now = payment.read_again(&*gateway.store).await?.ok_or(NotDecided::NotFound)?;
                let undecided = || NotDecided::Contradicted("its outcome is undecided there too".to_owned());
                return if now.is_decided() { Ok(Some(now)) } else { Err(undecided()) };
            }
            Found::Missing => is_denied = true,
            Found::CannotAsk => {}
            Found::Unavailable(uncertainty) => return Ok(without_a_look(&uncertainty.reason)),
        }
    }
    if is_denied { Err(NotDecided::Denied) } else { Ok(None) }
}

/// Checks, if the provider can be reached, that the named refund is the one to decide.
///
/// # Errors
/// If the provider does not know the refund, or it is a different one.
pub(crate) async fn is_its_refund(
    gateway: &Gateway,
    refund: &Refund,
    payment: &Payment,
    decision: &OperatorDecision,
) -> Result<(), NotDecided> {
    let OperatorDecision::Refunded { refund: named } = decision else { return Ok(()) };
    let Some(provider) = gateway.providers.get(&payment.request.provider) else { return Ok(()) };
    match provider.look_up_refunds(&RefundLookUp::One(named.clone())).await {
        Found::Found(seen) => match seen.iter().find(|seen| seen.reference == *named) {
            Some(seen) => fits(seen, refund, payment.captured().map(|(charge, _)| charge)),
            None => Err(NotDecided::Denied),
        },
        Found::Missing => Err(NotDecided::Denied),
        Found::CannotAsk => Ok(()),
        Found::Unavailable(uncertainty) => {
            without_a_look::<()>(&uncertainty.reason);
            Ok(())
        }
    }
}

fn fits(seen: &RefundSnapshot, refund: &Refund, charge: Option<&ProviderRef>) -> Result<(), NotDecided> {
    let problem = match (&seen.provider_status, seen.refund, &seen.charge) {
        (_, Some(id), _) if id != refund.id => "it is another refund of this gateway",
        (_, _, Some(of)) if charge.is_some_and(|charge| charge != of) => "it belongs to another payment",
        _ if seen.money != Some(refund.money()) => "its amount differs",
        (RefundProviderStatus::Failed(_), ..) => "it failed",
        _ => return Ok(()),
    };
    Err(NotDecided::Contradicted(problem.to_owned()))
}

fn without_a_look<T>(reason: &str) -> Option<T> {
    tracing::warn!(reason, "the object that the operator named could not be read at the provider");
    None
}

fn contradicted(error: SyncError) -> NotDecided {
    match error {
        SyncError::Wait(_) => NotDecided::Moved,
        SyncError::Failed(problem) => NotDecided::Contradicted(problem),
        SyncError::Store(problem) => problem.into(),
    }
}
