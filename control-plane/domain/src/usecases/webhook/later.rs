//! Reschedules or parks an event that cannot be processed now.

use jiff::{SignedDuration, Timestamp};

use super::SyncError;
use crate::model::webhook::{EventState, WebhookEvent};
use crate::usecases::gateway::Gateway;

/// An event with fewer failures is retried whatever its age: there may have been no worker to process it. From this
/// number on, a failure is an error that an operator has to investigate.
const ATTEMPTS_UNREMARKABLE: u32 = 5;
/// Errors about the same event are logged once per period of this length of its age.
const TOLD_EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Retries after the same pauses as every other follow-up, until the event has failed for so long that only an operator
/// can help. It is never dropped: a payment may depend on this event alone.
pub(crate) fn later(gateway: &Gateway, event: &mut WebhookEvent, error: &SyncError) -> EventState {
    let reason = error.reason();
    event.attempts = event.attempts.saturating_add(1);
    let now = gateway.now();
    let (attempts, kind, age) = (event.attempts, &event.kind, now.duration_since(event.received_at));
    let age_s = age.as_secs();
    if attempts >= ATTEMPTS_UNREMARKABLE && age >= gateway.retries.policy().park_after {
        tracing::error!(
            provider = %event.provider, event.id, event.kind = kind, attempts, age_s, reason,
            "an event could not be processed for too long and is parked; see `control-plane webhook list --state parked`"
        );
        return EventState::Parked { reason };
    }
    let next_at = now + gateway.pause(attempts);
    if is_told(event, now, next_at) {
        tracing::error!(
            provider = %event.provider, event.id, event.kind = kind, attempts, age_s, reason,
            "an event cannot be processed"
        );
    } else {
        tracing::info!(
            provider = %event.provider, event.id, event.kind = kind, attempts, reason,
            "an event will be processed again later"
        );
    }
    EventState::Failed { next_at, reason }
}

/// Whether this failure is logged as an error: the fifth one, and then one an hour: the last one before the event's age
/// passes the next full hour. This depends on the event alone, so it holds across several processes.
fn is_told(event: &WebhookEvent, now: Timestamp, next_at: Timestamp) -> bool {
    let periods =
        |at: Timestamp| at.duration_since(event.received_at).as_secs().div_euclid(TOLD_EVERY.as_secs());
    event.attempts == ATTEMPTS_UNREMARKABLE
        || (event.attempts > ATTEMPTS_UNREMARKABLE && periods(next_at) > periods(now))
}

#[cfg(test)]
mod tests {
    use edge_core::provider::Provider;

    use super::*;

    #[test]
    fn an_event_that_goes_on_failing_is_told_once_an_hour() {
        let start = Timestamp::from_second(1_767_225_600).unwrap();
        let mut event = WebhookEvent {
            provider: Provider::Stripe,
            id: "evt_1".to_owned(),
            kind: "payment_intent.succeeded".to_owned(),
            body: Vec::new(),
            body_sha256: None,
            created_at: None,
            received_at: start,
            state: EventState::Received,
            attempts: 0,
        };
        let (mut now, mut told) = (start, Vec::new());
        while now.duration_since(start) < SignedDuration::from_hours(6) {
            event.attempts += 1;
            // From a second to five minutes, like the real pauses.
            let pause = SignedDuration::from_secs((i64::from(event.attempts) * 7).min(299));
            if is_told(&event, now, now + pause) {
                told.push((event.attempts, now.duration_since(start).as_hours()));
            }
            now += pause;
        }
        assert_eq!(told.iter().map(|(_, hour)| *hour).collect::<Vec<_>>(), [0, 0, 1, 2, 3, 4, 5]);
        assert_eq!(told[0].0, 5);
        assert!(event.attempts > 50, "the event was tried much more often");
    }
}
