//! Processes provider events. An event is a hint: it names an object to read, and the object's state moves the payment.
//! So events may arrive twice, late, in any order or not at all.

mod approved;
mod dismiss;
mod dispute;
mod find;
mod later;

pub use dismiss::{DismissError, dismiss};

pub(crate) use approved::resume_approved;

use std::sync::Arc;

use edge_core::provider::Provider;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};

use crate::model::event::Cause;
use crate::model::payment::Payment;
use crate::model::snapshot::{ProviderSnapshot, ProviderStatus};
use crate::model::webhook::{
    Dismissal, EventBody, EventChange, EventRefs, EventState, EventSubject, ParsedEvent, WebhookEvent,
};
use crate::model::work::{Due, Work};
use crate::ports::provider::PaymentProvider;
use crate::ports::store::{Change, CommitError, Mutation, StoreError};
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{Fetched, NamedRefund, Plan, ProviderSync, SyncError};

/// How long an event is leased while it is processed. If the process dies or its database is lost, the event waits for
/// the rest of the lease, and a payment may depend on this event alone. Concurrent processing of the same event is
/// harmless: the payment's version admits only one commit.
pub(crate) const EVENT_LEASE: SignedDuration = SignedDuration::from_secs(25);

pub const EVENTS_METRIC: &str = "webhook_events_total";

const ANOTHERS: &str = "what it names belongs to another payment, by the provider's own object";

/// The result of processing an event.
enum EventResult {
    /// The commit of the effect has marked the event.
    Marked,
    /// The object was read and showed nothing new.
    NothingNew,
    Ignored(&'static str),
}

/// The context for processing one event.
struct Job<'a> {
    gateway: &'a Gateway,
    provider: &'a dyn PaymentProvider,
    event: &'a WebhookEvent,
}

/// Stores an event if it is new. `parsed` is read from the stored part of the body, so that parsing it again gives the
/// same result.
///
/// # Errors
/// Only if the database does not store it: then the provider has to send it again.
pub fn receive<'a>(
    gateway: &'a Gateway,
    provider: Provider,
    parsed: ParsedEvent,
    body: EventBody,
) -> BoxFuture<'a, Result<(), StoreError>> {
    Box::pin(async move {
        let event = WebhookEvent {
            provider,
            id: parsed.id,
            kind: parsed.kind,
            body: body.kept,
            body_sha256: Some(body.sha256),
            created_at: parsed.created_at,
            received_at: gateway.now(),
            state: EventState::Received,
            attempts: 0,
        };
        let new = gateway.store.receive_webhook(&event).await?;
        count(provider, if new { "received" } else { "duplicate" });
        tracing::info!(provider = %provider, event.id, event.kind, new, "a webhook event was received");
        gateway.queue.announce(Due { work: Work::Event { provider, id: event.id }, at: event.received_at });
        Ok(())
    })
}

/// Why an event was not replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error(transparent)]
    NotFound(#[from] NotFound),
    #[error("the event was dismissed by {} at {}: {}", .0.by, .0.at, .0.reason)]
    Dismissed(Dismissal),
    #[error(
        "what the event said has ended by the retention schedule; read the payment's records at the provider instead, with `reconcile`"
    )]
    Ended,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Processes a stored event again, whatever its state, unless an operator has dismissed it or its body has ended. A
/// parked event that fails again is retried a few more times before it is parked again.
pub fn replay<'a>(
    gateway: &'a Gateway,
    provider: Option<Provider>,
    id: &'a str,
) -> BoxFuture<'a, Result<WebhookEvent, ReplayError>> {
    Box::pin(async move {
        let found = stored(gateway, provider, id).await??;
        if let EventState::Dismissed(dismissal) = found.state {
            return Err(ReplayError::Dismissed(dismissal));
        }
        if found.is_ended() {
            return Err(ReplayError::Ended);
        }
        let until = gateway.now() + EVENT_LEASE;
        match gateway.store.reopen_webhook(found.provider, id, until).await? {
            None => Err(NotFound::Unknown(id.to_owned()).into()),
            Some(event) => Ok(process(gateway, event).await?),
        }
    })
}

/// Why an id does not name an event.
#[derive(Debug, thiserror::Error)]
pub enum NotFound {
    #[error("there is no event `{0}`")]
    Unknown(String),
    #[error("both providers have an event `{0}`; name the provider")]
    Ambiguous(String),
}

/// The event with this id. Ids are unique only per provider, so the provider can be given.
async fn stored(
    gateway: &Gateway,
    provider: Option<Provider>,
    id: &str,
) -> Result<Result<WebhookEvent, NotFound>, StoreError> {
    let mut found = Vec::new();
    for one in Provider::ALL.into_iter().filter(|one| provider.is_none_or(|wanted| wanted == *one)) {
        found.extend(gateway.store.webhook(one, id).await?);
    }
    Ok(match (found.pop(), found.is_empty()) {
        (Some(event), true) => Ok(event),
        (None, _) => Err(NotFound::Unknown(id.to_owned())),
        (Some(_), false) => Err(NotFound::Ambiguous(id.to_owned())),
    })
}

/// Processes a claimed event; returns the event in its new state.
pub(crate) async fn process(gateway: &Gateway, mut event: WebhookEvent) -> Result<WebhookEvent, StoreError> {
    let state = match work_off(gateway, &event).await {
        Ok(EventResult::Marked) => {
            event.state = EventState::Done;
            count(event.provider, "done");
            return Ok(event);
        }
        Ok(EventResult::NothingNew) => EventState::Done,
        Ok(EventResult::Ignored(reason)) => EventState::Ignored { reason: reason.to_owned() },
        Err(error) => later::later(gateway, &mut event, &error),
    };
    count(event.provider, state.name());
    event.state = state;
    let mark = Change::from(Mutation::Nothing).with_mark(Some(marked(&event)));
    match gateway.commit(mark).await {
        Ok(()) => announce(gateway, &event),
        // Another process has already processed it.
        Err(CommitError::Conflict(_)) => {}
        Err(CommitError::Store(problem)) => return Err(problem),
    }
    Ok(event)
}

fn announce(gateway: &Gateway, event: &WebhookEvent) {
    if let EventState::Failed { next_at, .. } = event.state {
        let work = Work::Event { provider: event.provider, id: event.id.clone() };
        gateway.queue.announce(Due { work, at: next_at });
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

fn count(provider: Provider, outcome: &'static str) {
    metrics::counter!(EVENTS_METRIC, "provider" => provider.name(), "outcome" => outcome).increment(1);
}

async fn work_off(gateway: &Gateway, event: &WebhookEvent) -> Result<EventResult, SyncError> {
    let Some(provider) = gateway.providers.get(&event.provider).map(Arc::clone) else {
        return Err(SyncError::Failed("the provider is not configured".to_owned()));
    };
    let Ok(parsed) = provider.read_event(&event.body) else {
        return Ok(EventResult::Ignored("it cannot be read"));
    };
    let job = Job { gateway, provider: &*provider, event };
    if let EventSubject::Dispute(refs, claimed) = &parsed.subject
        && !claimed.is_verified
    {
        return job.claimed_dispute(refs, claimed).await;
    }
    let Some(refs) = parsed.subject.refs() else {
        return Ok(EventResult::Ignored("there is no use for this kind of event"));
    };
    let Some(payment) = job.find(refs).await? else {
        return Ok(EventResult::Ignored("it is about no payment of this gateway"));
    };
    match &parsed.subject {
        EventSubject::Dispute(_, dispute) => job.dispute(payment, dispute).await,
        EventSubject::Refund(refs) => {
            let Some((plan, _)) = job.payment(payment, refs).await? else {
                return Ok(EventResult::Ignored(ANOTHERS));
            };
            let named = refs.refund.as_ref().map(|refund| NamedRefund { refund, since: event.received_at });
            let plan = job.sync().refunds(plan, named).await?;
            job.commit(plan).await
        }
        EventSubject::Payment(refs) => {
            let Some((plan, seen)) = job.payment(payment, refs).await? else {
                return Ok(EventResult::Ignored(ANOTHERS));
            };
            let is_approved =
                seen.is_some_and(|seen| matches!(seen.provider_status, ProviderStatus::Approved { .. }));
            if is_approved && plan.is_empty() {
                return job.approved(plan.payment).await;
            }
            job.commit(plan).await
        }
        EventSubject::Other => Ok(EventResult::NothingNew),
    }
}

impl Job<'_> {
    fn now(&self) -> Timestamp {
        self.gateway.now()
    }

    const fn sync(&self) -> ProviderSync<'_> {
        ProviderSync { gateway: self.gateway, provider: self.provider }
    }

    fn plan(&self, payment: Payment) -> Plan {
        let cause = Cause::webhook(payment.client.clone(), &self.event.id);
        Plan::new(payment, cause)
    }

    /// Reads the payment's state at the provider and plans what follows. `None`: by the provider's own object, the
    /// event belongs to another payment.
    async fn payment(
        &self,
        payment: Payment,
        refs: &EventRefs,
    ) -> Result<Option<(Plan, Option<ProviderSnapshot>)>, SyncError> {
        let sync = self.sync();
        let mut plan = self.plan(payment);
        let (reference, charge) = (refs.reference.as_ref(), refs.charge.as_ref());
        let fetched = sync.fetch(&plan.payment, reference, charge).await?;
        if matches!(&fetched, Fetched::Seen(seen) if !plan.payment.is_shown_by(seen)) {
            return Ok(None);
        }
        let seen = sync.apply_fetched(&mut plan, fetched)?;
        if seen.is_none() && plan.is_empty() {
            return Err(SyncError::Failed("the provider does not show what its event is about".to_owned()));
        }
        Ok(Some((plan, seen)))
    }

    async fn commit(&self, plan: Plan) -> Result<EventResult, SyncError> {
        let mark = EventChange {
            provider: self.event.provider,
            id: self.event.id.clone(),
            state: EventState::Done,
            attempts: self.event.attempts,
        };
        let written = plan.commit(self.gateway, Some(mark)).await?;
        Ok(if written { EventResult::Marked } else { EventResult::NothingNew })
    }
}
