//! Our records against the provider's: every payment that changed lately or is not decided, and everything that the
//! provider lists. What the provider did is adopted; what cannot be is told.

use std::collections::BTreeSet;
use std::time::Duration;

use edge_core::money::Money;
use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use super::examine::{Examiner, Plan, Trouble};
use crate::domain::event::{Cause, Event};
use crate::domain::evidence::{Evidence, Found, Listed, Standing};
use crate::domain::flight::READS_LAG;
use crate::domain::gateway::Gateway;
use crate::domain::id::PaymentId;
use crate::domain::payment::{Payment, State};
use crate::domain::provider::{PaymentProvider, ProviderRef};
use crate::domain::store::{Change, CommitError, Step, StoreError, Unreadable};

const PAGE: u32 = 200;
/// Parts of a provider's list: far more than any window that is worth comparing has.
const LIST_PARTS_MAX: usize = 10_000;

/// One payment, compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    pub provider: Provider,
    pub payment: Option<PaymentId>,
    pub reference: Option<ProviderRef>,
    pub money: Option<Money>,
    /// The state in our records before; `None`: it is in none.
    pub recorded: Option<&'static str>,
    pub finding: Finding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Same,
    /// A call of our own is being made; there is nothing to compare yet.
    UnderWay,
    /// The provider had gone further, and so have our records now: what they say.
    Adopted(String),
    /// In what they contradict each other. Somebody has to look.
    Differs(String),
    /// The provider did not say.
    NotSeen(String),
}

impl Finding {
    /// Whether the records were not the same, as far as that is known.
    #[must_use]
    pub const fn is_difference(&self) -> bool {
        matches!(self, Self::Adopted(_) | Self::Differs(_) | Self::NotSeen(_))
    }
}

/// Compares everything since `since`, and tells each result as it comes. What comes back are the records that cannot
/// be read, and are therefore compared with nothing.
///
/// # Errors
/// If the database cannot be read.
pub async fn reconcile(
    gateway: &Gateway,
    since: Timestamp,
    mut tell: impl FnMut(Compared),
) -> Result<BTreeSet<Unreadable>, StoreError> {
    let (mut after, mut unreadable) = (None, BTreeSet::new());
    loop {
        let page = gateway.store.anyones_payments(since, after, PAGE).await?;
        after = page.items.last().map(|payment| payment.id);
        // Those behind the last readable one are met again by the next page.
        unreadable.extend(page.unreadable);
        for payment in page.items {
            match compare(gateway, payment).await {
                Ok(compared) => tell(compared),
                Err(StoreError::Inconsistent(row)) => {
                    unreadable.insert(row);
                }
                Err(problem) => return Err(problem),
            }
        }
        if after.is_none() {
            break;
        }
    }
    for provider in gateway.providers.values() {
        unrecorded(gateway, &**provider, since, &mut unreadable, &mut tell).await?;
    }
    Ok(unreadable)
}

async fn compare(gateway: &Gateway, payment: Payment) -> Result<Compared, StoreError> {
    let compared = Compared {
        provider: payment.request.provider,
        payment: Some(payment.id),
        reference: payment.reference.clone(),
        money: Some(payment.money()),
        recorded: Some(payment.state.name()),
        finding: Finding::Same,
    };
    let found = match gateway.provider(payment.request.provider) {
        Err(problem) => Err(Trouble::Failed(problem.to_string())),
        Ok(provider) => look(Examiner { gateway, provider: &*provider }, payment).await,
    };
    let finding = match found {
        Ok(finding) => finding,
        Err(Trouble::Wait(_)) => Finding::UnderWay,
        Err(Trouble::Failed(reason)) => Finding::NotSeen(reason),
        Err(Trouble::Store(problem)) => return Err(problem),
    };
    Ok(Compared { finding, ..compared })
}

async fn look(examiner: Examiner<'_>, payment: Payment) -> Result<Finding, Trouble> {
    let cause = Cause::follow_up(payment.client.clone());
    let is_undecided = payment.follow_up.is_some();
    let mut plan = Plan::new(payment, cause);
    let mut seen = examiner.look_and_adopt(&mut plan, None, None).await?;
    if let (None, Some(rest)) = (&seen, not_shown_yet(examiner.gateway, &plan)) {
        tokio::time::sleep(rest).await;
        seen = examiner.look_and_adopt(&mut plan, None, None).await?;
    }
    if seen.is_none() && plan.is_empty() {
        return Ok(not_shown(&plan.payment));
    }
    if plan.payment.captured().is_some() {
        plan = examiner.refunds(plan, None).await?;
    }
    if let Some(problem) = plan.contradiction() {
        return Ok(Finding::Differs(problem));
    }
    let summary = plan.summary().join(", ");
    if plan.commit(examiner.gateway, None).await? {
        return Ok(Finding::Adopted(summary));
    }
    Ok(match seen.filter(|_| is_undecided) {
        Some(seen) => Finding::NotSeen(undecided(&seen)),
        None => Finding::Same,
    })
}

/// For how long an offer to the payer that is as young as this may be missing from what the provider shows.
fn not_shown_yet(gateway: &Gateway, plan: &Plan) -> Option<Duration> {
    let waits = plan.is_empty() && matches!(plan.payment.state, State::RequiresAction(_));
    let age = gateway.now().duration_since(plan.payment.updated_at);
    let rest = Some(READS_LAG.saturating_sub(age)).filter(|rest| waits && rest.is_positive());
    rest.map(SignedDuration::unsigned_abs)
}

fn undecided(seen: &Evidence) -> String {
    let standing = match &seen.standing {
        Standing::Open => "nothing decided",
        Standing::RequiresAction { .. } => "waiting for the payer",
        Standing::Approved { .. } => "approved, and not taken",
        Standing::Processing => "being worked on",
        _ => "nothing new",
    };
    format!("not decided here, and at the provider: {standing}")
}

/// The provider has no such payment, or cannot be asked for it.
fn not_shown(payment: &Payment) -> Finding {
    match &payment.state {
        // A refused or unsent payment need not have left anything.
        State::Failed { .. } | State::Canceled { .. } => Finding::Same,
        State::Created | State::Processing { .. } | State::Queued { .. } | State::Unknown { .. } => {
            Finding::NotSeen("not decided here, and the provider shows no such payment".to_owned())
        }
        _ => Finding::Differs("the provider shows no such payment".to_owned()),
    }
}

/// What the provider lists, and we do not know: money that moved in our name.
async fn unrecorded(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    since: Timestamp,
    unreadable: &mut BTreeSet<Unreadable>,
    tell: &mut impl FnMut(Compared),
) -> Result<(), StoreError> {
    let to = gateway.now();
    let mut at = None;
    for _ in 0..LIST_PARTS_MAX {
        let part = match provider.list(since, to, at.as_ref()).await {
            Found::Found(part) => part,
            Found::Missing | Found::CannotAsk => return Ok(()),
            Found::Unavailable(doubt) => {
                tell(not_listed(provider.name(), format!("its list cannot be read: {}", doubt.reason)));
                return Ok(());
            }
        };
        if part.unreadable > 0 {
            let reason = format!("{} objects of its list cannot be read", part.unreadable);
            tell(not_listed(provider.name(), reason));
        }
        for one in &part.items {
            listed(gateway, provider.name(), one, unreadable, tell).await?;
        }
        at = part.next;
        if at.is_none() {
            return Ok(());
        }
    }
    tell(not_listed(provider.name(), "its list is too long to be read to its end".to_owned()));
    Ok(())
}

/// What could not be seen of a provider's list.
fn not_listed(provider: Provider, reason: String) -> Compared {
    let finding = Finding::NotSeen(reason);
    Compared { provider, payment: None, reference: None, money: None, recorded: None, finding }
}

/// One object of a provider's list: recorded now, if money moved in our name and its record is lost.
async fn listed(
    gateway: &Gateway,
    provider: Provider,
    one: &Listed,
    unreadable: &mut BTreeSet<Unreadable>,
    tell: &mut impl FnMut(Compared),
) -> Result<(), StoreError> {
    let moved = matches!(one.seen.standing, Standing::Captured { .. } | Standing::Authorized { .. });
    let Some(id) = one.seen.payment.filter(|_| moved) else { return Ok(()) };
    let is_recorded = match gateway.store.anyones_payment(id).await {
        Ok(payment) => payment.is_some(),
        Err(StoreError::Inconsistent(row)) => {
            unreadable.insert(row);
            true
        }
        Err(problem) => return Err(problem),
    };
    if !is_recorded {
        let finding = record_anew(gateway, provider, one).await?;
        tell(Compared {
            provider,
            payment: Some(id),
            reference: Some(one.seen.reference.clone()),
            money: one.seen.money,
            recorded: None,
            finding,
        });
    }
    Ok(())
}

/// A charge of ours whose record is lost, as after a restored backup. Its refunds follow from a look at it.
async fn record_anew(gateway: &Gateway, provider: Provider, listed: &Listed) -> Result<Finding, StoreError> {
    let Listed { seen, origin } = listed;
    let found = origin.as_ref().and_then(|origin| Payment::found(provider, seen, origin, gateway.now()));
    let Some([opened, payment]) = found else {
        let unknown = "the provider took it for a payment that is not recorded, and does not say whose it is";
        return Ok(Finding::Differs(unknown.to_owned()));
    };
    let cause = Cause::follow_up(payment.client.clone());
    let mut moved = Event::payment_moved(Some(&opened.state), &payment, &cause);
    moved.detail.reason = Some("its record was lost".to_owned());
    let events = vec![Event::payment_moved(None, &opened, &cause), moved];
    let step = Step::OpenPayment { payment: payment.clone(), events };
    match gateway.commit(Change::from(step)).await {
        Ok(()) => {}
        Err(CommitError::Conflict(_)) => {
            return Ok(Finding::Differs("what it took stands for another payment here".to_owned()));
        }
        Err(CommitError::Store(problem)) => return Err(problem),
    }
    let recorded = format!("recorded anew, {}", payment.state.name());
    Ok(match compare(gateway, payment).await?.finding {
        Finding::Adopted(more) => Finding::Adopted(format!("{recorded}, {more}")),
        Finding::Same | Finding::UnderWay => Finding::Adopted(recorded),
        Finding::Differs(problem) => Finding::Differs(format!("{recorded}, but {problem}")),
        Finding::NotSeen(reason) => Finding::NotSeen(format!("{recorded}, its refunds not seen: {reason}")),
    })
}
