//! Working off what providers tell us. An event is a hint: it says where to look again, and what is read
//! there moves the payment. So events may come twice, late, in any order or not at all.

mod approved;
mod dispute;
mod find;
mod plan;
mod refunds;

use std::sync::Arc;

use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use super::recall::is_over;
use crate::domain::evidence::{Adopted, Evidence, Found, LookUp, OwnCall, Standing};
use crate::domain::gateway::Gateway;
use crate::domain::payment::{Payment, State};
use crate::domain::provider::PaymentProvider;
use crate::domain::store::{Change, CommitError, Step, StoreError};
use crate::domain::webhook::{About, EventChange, EventState, Notice, Trail, WebhookEvent};

use self::plan::Plan;

/// How long an event is kept from others while it is worked on: longer than any operation takes.
const CLAIM: SignedDuration = SignedDuration::from_secs(60);
/// How far the provider's clock may be from ours.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);
/// How long after a payment its first call may have reached the provider.
const MADE_WITHIN: SignedDuration = SignedDuration::from_hours(24);
const PAUSE_MAX_S: i64 = 3_600;
/// From then on an event that cannot be worked off is an error that somebody has to look into.
const ATTEMPTS_UNREMARKABLE: u32 = 5;

pub const EVENTS_METRIC: &str = "webhook_events_total";

/// What working off one event came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processed {
    /// No event is due.
    Nothing,
    /// The event as it is now.
    Event(Box<WebhookEvent>),
}

/// How an event ends.
enum Worked {
    /// The effect's commit has marked it.
    Marked,
    /// Looked at, and there was nothing new.
    NothingNew,
    Ignored(&'static str),
}

/// Why an event has to be worked off again later.
#[derive(Debug)]
enum Trouble {
    /// Somebody is working on the payment.
    Wait(&'static str),
    Failed(String),
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(problem: StoreError) -> Self {
        Self::Store(problem)
    }
}

/// What all of one event's work needs.
struct Job<'a> {
    gateway: &'a Gateway,
    provider: &'a dyn PaymentProvider,
    event: &'a WebhookEvent,
}

/// Stores an event as it came, if it is new.
///
/// # Errors
/// Only if the database does not take it: then the provider has to send it again.
pub async fn receive(
    gateway: &Gateway,
    provider: Provider,
    notice: Notice,
    body: Vec<u8>,
) -> Result<(), StoreError> {
    let event = WebhookEvent {
        provider,
        id: notice.id,
        kind: notice.kind,
        body,
        created_at: notice.created_at,
        received_at: gateway.now(),
        state: EventState::Received,
        attempts: 0,
    };
    let new = gateway.store.receive_webhook(&event).await?;
    count(provider, if new { "received" } else { "duplicate" });
    tracing::info!(provider = %provider, event.id, event.kind, new, "{provider} sent {}", event.kind);
    gateway.event_arrived.notify_one();
    Ok(())
}

/// Works off the event that has been due longest.
pub async fn process_next(gateway: &Gateway) -> Result<Processed, StoreError> {
    let now = gateway.now();
    match gateway.store.claim_webhook(now, now + CLAIM).await? {
        None => Ok(Processed::Nothing),
        Some(event) => Ok(Processed::Event(Box::new(process(gateway, event).await?))),
    }
}

/// Works off a stored event once more, whatever became of it. `None`: there is no such event.
pub async fn replay(gateway: &Gateway, id: &str) -> Result<Option<WebhookEvent>, StoreError> {
    match gateway.store.reopen_webhook(id, gateway.now() + CLAIM).await? {
        None => Ok(None),
        Some(event) => Ok(Some(process(gateway, event).await?)),
    }
}

async fn process(gateway: &Gateway, mut event: WebhookEvent) -> Result<WebhookEvent, StoreError> {
    let state = match work_off(gateway, &event).await {
        Ok(Worked::Marked) => {
            event.state = EventState::Done;
            count(event.provider, "done");
            return Ok(event);
        }
        Ok(Worked::NothingNew) => EventState::Done,
        Ok(Worked::Ignored(reason)) => EventState::Ignored { reason: reason.to_owned() },
        Err(trouble) => later(gateway, &mut event, trouble),
    };
    count(event.provider, state.name());
    event.state = state;
    let mark = Change { step: Step::Nothing, key: None, webhook: Some(marked(&event)) };
    match gateway.store.commit(mark).await {
        // A conflict: somebody else has worked it off.
        Ok(()) | Err(CommitError::Conflict(_)) => Ok(event),
        Err(CommitError::Store(problem)) => Err(problem),
    }
}

fn marked(event: &WebhookEvent) -> EventChange {
    EventChange {
        provider: event.provider,
        id: event.id.clone(),
        state: event.state.clone(),
        attempts: event.attempts,
    }
}

/// Pauses that double from one second to an hour, for ever: an event is never dropped.
fn later(gateway: &Gateway, event: &mut WebhookEvent, trouble: Trouble) -> EventState {
    let reason = match trouble {
        Trouble::Wait(reason) => reason.to_owned(),
        Trouble::Failed(reason) => reason,
        Trouble::Store(problem) => problem.to_string(),
    };
    let pause_s = 1_i64.checked_shl(event.attempts).unwrap_or(PAUSE_MAX_S).clamp(1, PAUSE_MAX_S);
    event.attempts = event.attempts.saturating_add(1);
    let now = gateway.now();
    let age_s = now.duration_since(event.received_at).as_secs();
    let (attempts, kind) = (event.attempts, &event.kind);
    if attempts >= ATTEMPTS_UNREMARKABLE {
        tracing::error!(
            provider = %event.provider, event.id, event.kind = kind, attempts, age_s, reason,
            "an event cannot be worked off"
        );
    } else {
        tracing::info!(
            provider = %event.provider, event.id, event.kind = kind, attempts, reason,
            "an event is worked off again later"
        );
    }
    EventState::Failed { next_at: now + SignedDuration::from_secs(pause_s), reason }
}

fn count(provider: Provider, outcome: &'static str) {
    metrics::counter!(EVENTS_METRIC, "provider" => provider.name(), "outcome" => outcome).increment(1);
}

async fn work_off(gateway: &Gateway, event: &WebhookEvent) -> Result<Worked, Trouble> {
    let Some(provider) = gateway.providers.get(&event.provider).map(Arc::clone) else {
        return Err(Trouble::Failed("the provider is not configured".to_owned()));
    };
    let Ok(notice) = provider.read_event(&event.body) else {
        return Ok(Worked::Ignored("it cannot be read"));
    };
    let job = Job { gateway, provider: &*provider, event };
    let trail = match &notice.about {
        About::Payment(trail) | About::Refund(trail) | About::Dispute(trail, _) => trail,
        About::Other => return Ok(Worked::Ignored("there is no use for this kind of event")),
    };
    let Some(payment) = job.find(trail).await? else {
        return Ok(Worked::Ignored("it is about no payment of this gateway"));
    };
    match &notice.about {
        About::Dispute(_, dispute) => job.dispute(payment, dispute).await,
        About::Refund(trail) => {
            let (plan, _) = job.payment(payment, trail).await?;
            job.refunds(plan, trail).await?.commit(&job).await
        }
        About::Payment(trail) => {
            let (plan, seen) = job.payment(payment, trail).await?;
            if seen.standing == Standing::Approved && plan.is_empty() {
                return job.approved(plan.payment).await;
            }
            plan.commit(&job).await
        }
        About::Other => Ok(Worked::NothingNew),
    }
}

impl Job<'_> {
    fn now(&self) -> Timestamp {
        self.gateway.now()
    }

    /// Reads where the payment stands and plans what follows from it.
    async fn payment(&self, payment: Payment, trail: &Trail) -> Result<(Plan, Evidence), Trouble> {
        let seen = self.look(&payment, trail).await?;
        let adopted = payment.adopt(&seen, self.own_call(&payment), self.now());
        let mut plan = Plan::new(payment, &self.event.id);
        match adopted {
            Adopted::Known => {}
            Adopted::Wait => return Err(Trouble::Wait("a call of our own is under way")),
            Adopted::Moved(moved) => plan.move_payment(moved),
            Adopted::Surprising(moved) => {
                tracing::error!(
                    payment.id = %moved.id, was = plan.payment.state.name(), is = moved.state.name(),
                    "the provider moved the money of a payment that was recorded as ended without"
                );
                metrics::counter!("payments_revived_total", "provider" => self.event.provider.name())
                    .increment(1);
                plan.move_payment(moved);
            }
            Adopted::Refused(problem) => plan.refuse(&seen.reference, problem, self.now()),
        }
        Ok((plan, seen))
    }

    /// By the nearest name first.
    async fn look(&self, payment: &Payment, trail: &Trail) -> Result<Evidence, Trouble> {
        let by_name = trail.reference.clone().or_else(|| payment.reference.clone()).map(LookUp::Payment);
        let by_charge = trail.charge.clone().map(LookUp::Charge);
        let by_id = LookUp::Ours {
            payment: payment.id,
            from: payment.created_at - CLOCKS_APART,
            to: payment.created_at + MADE_WITHIN,
        };
        for what in by_name.into_iter().chain(by_charge).chain([by_id]) {
            match self.provider.look_up(&what).await {
                Found::Found(seen) => return Ok(seen),
                Found::Missing | Found::CannotAsk => {}
                Found::Unavailable(doubt) => return Err(Trouble::Failed(doubt.reason)),
            }
        }
        Err(Trouble::Failed("the provider does not show what its event is about".to_owned()))
    }

    fn own_call(&self, payment: &Payment) -> OwnCall {
        match &payment.state {
            State::Processing { flight, accepted: false } if !is_over(self.gateway, flight.since) => {
                OwnCall::MayAnswer
            }
            _ => OwnCall::IsOver,
        }
    }
}
