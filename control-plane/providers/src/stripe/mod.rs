//! Stripe: a payment is one PaymentIntent, from its creation to its capture and refunds.

mod answers;
mod currency;
pub(super) mod domains;
mod errors;
mod inspect;
mod look_up;
mod requests;
mod search;
mod webhook;

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use edge_core::money::Money;
use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};
use payments::model::id::PaymentId;
use payments::model::provider::{
    CancelOrder, CancelTarget, CaptureOrder, Captured, ChargeOrder, Charged, OperationKind, Outcome,
    ProviderRef, RefundOrder, Refunded, Refusal, RefusalKind, ResumeOrder, Unacceptable, Uncertainty,
};
use payments::model::snapshot::{
    Found, ListCursor, ListPart, LookUp, ProviderSnapshot, RefundLookUp, RefundSnapshot,
};
use payments::model::webhook::{NotAnEvent, ParsedEvent};
use payments::ports::clock::Clock;
use payments::ports::provider::PaymentProvider;

use self::answers::{Expected, IntentOutcome};
use self::currency::in_stripe_units;
use self::errors::RequestKind;
use self::requests::Means;
use self::search::Searches;
use super::circuit_broken::Reachable;
use super::provider_result::{NotDone, ProviderResult, found, outcome};
use super::settings::{StripeSettings, Timeouts};
use super::transport::{
    Conversation, Credential, ProviderRequest, ProviderResponse, Transport, TransportError,
};

pub(super) struct Stripe {
    transport: Transport,
    credential: Credential,
    default_return_url: Option<String>,
    clock: Arc<dyn Clock>,
    searches: Searches,
}

impl Stripe {
    pub(super) fn new(
        settings: StripeSettings,
        default_return_url: Option<String>,
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TransportError> {
        let StripeSettings { api_base, secret_key, outgoing } = settings;
        let transport = Transport::new(Provider::Stripe, api_base, "request-id", timeouts, outgoing)?;
        let (credential, searches) = (Credential::Bearer(secret_key), Searches::default());
        Ok(Self { transport, credential, default_return_url, clock, searches })
    }

    async fn send(
        &self,
        talk: &Conversation<'_>,
        request: &ProviderRequest,
    ) -> ProviderResult<ProviderResponse> {
        Ok(talk.send(request, &self.credential).await?)
    }

    async fn run_charge(&self, order: &ChargeOrder) -> ProviderResult<Charged> {
        let expected = expected(order.payment, order.money)?;
        let method = order.method.as_deref().ok_or_else(|| {
            NotDone::invalid("paymentMethodId", "must be a Stripe payment method `pm_…` or a token")
        })?;
        let return_url = order.return_url.as_deref().or(self.default_return_url.as_deref());
        let talk = self.transport.converse(order.attempt);
        let method = match Means::parse(method) {
            Means::Token(token) => Cow::Owned(self.make_method(&talk, token).await?),
            _ => Cow::Borrowed(method),
        };
        let request = requests::charge(order, Means::parse(&method), expected.units, return_url);
        let answer = self.send(&talk, &request).await?;
        match answers::charge(&answer, RequestKind::Charge, &expected, order.capture)? {
            IntentOutcome::Charged(charged) => Ok(charged),
            IntentOutcome::NoWayToAct(intent) => Err(self.give_up(&talk, &intent).await),
        }
    }

    /// A lost answer moved no money: nothing can be paid before the payment method is known, and under the
    /// same key Stripe names it again.
    async fn make_method(&self, talk: &Conversation<'_>, token: &str) -> ProviderResult<String> {
        let sent = self.send(talk, &requests::payment_method(&talk.attempt, token)).await;
        let made = sent.and_then(|answer| answers::payment_method(&answer));
        made.map_err(NotDone::after_reading_only)
    }

    async fn run_resume(&self, order: &ResumeOrder) -> ProviderResult<Charged> {
        let expected = expected(order.payment, order.money)?;
        let talk = self.transport.converse(order.attempt);
        let request = requests::retrieve(&order.session);
        let answer = self.send(&talk, &request).await.map_err(NotDone::after_reading_only)?;
        match answers::charge(&answer, RequestKind::Retrieve, &expected, order.capture)? {
            IntentOutcome::Charged(charged) => Ok(charged),
            IntentOutcome::NoWayToAct(_) => {
                Err(NotDone::NotSent(Uncertainty::new("Stripe is waiting for the payer and names no page")))
            }
        }
    }

    /// Ends the payment: a payer who cannot be sent to a page cannot act. The PaymentIntent is canceled before the
    /// payment is called declined, because an open one could still be paid.
    async fn give_up(&self, talk: &Conversation<'_>, intent: &ProviderRef) -> NotDone {
        let sent = self.send(talk, &requests::abandon(&talk.attempt, intent)).await;
        let not_done = match sent.and_then(|answer| answers::cancel(&answer, RequestKind::Cancel, intent)) {
            Ok(()) => {
                let message = "the payment method needs a step by the payer that this gateway cannot offer";
                NotDone::declined("authentication_required", message)
            }
            Err(not_done) => not_done.leaves_open("could not be canceled"),
        };
        not_done.about(intent)
    }

    async fn run_capture(&self, order: &CaptureOrder) -> ProviderResult<Captured> {
        let expected = expected(order.payment, order.money)?;
        let intent = &order.authorization;
        let talk = self.transport.converse(order.attempt);
        let answer = self.send(&talk, &requests::capture(order, expected.units)).await?;
        let refusal = match answers::capture(&answer, intent, &expected) {
            Err(NotDone::Refused(refusal)) if refusal.kind == RefusalKind::State => refusal,
            read => return read,
        };
        let seen = self.look(&talk, intent, |answer| answers::shows_capture(answer, intent, &expected));
        apply(seen.await?, Captured::Completed { charge: intent.clone() }, refusal)
    }

    async fn run_cancel(&self, order: &CancelOrder) -> ProviderResult<()> {
        let (CancelTarget::Authorization(intent) | CancelTarget::Session(intent)) = &order.target;
        let talk = self.transport.converse(order.attempt);
        let answer = self.send(&talk, &requests::cancel(order, intent)).await?;
        let refusal = match answers::cancel(&answer, RequestKind::Cancel, intent) {
            Err(NotDone::Refused(refusal)) if refusal.kind == RefusalKind::State => refusal,
            read => return read,
        };
        let seen = self.look(&talk, intent, |answer| answers::shows_cancel(answer, intent));
        apply(seen.await?, (), refusal)
    }

    async fn run_refund(&self, order: &RefundOrder) -> ProviderResult<Refunded> {
        let expected = expected(order.payment, order.money)?;
        let talk = self.transport.converse(order.attempt);
        let answer = self.send(&talk, &requests::refund(order, expected.units)).await?;
        answers::refund(&answer, order.refund, &expected)
    }

    /// Looks a PaymentIntent up after its state did not allow the request: perhaps the operation is already done.
    async fn look(
        &self,
        talk: &Conversation<'_>,
        intent: &ProviderRef,
        shows: impl Fn(&ProviderResponse) -> ProviderResult<bool>,
    ) -> ProviderResult<bool> {
        let looked = self.send(talk, &requests::retrieve(intent)).await;
        looked
            .and_then(|answer| shows(&answer))
            .map_err(|not_done| not_done.leaves_open("could not be looked up").about(intent))
    }
}

/// Counts a refused operation as done if the look-up shows that it is.
fn apply<T>(seen: bool, done: T, refusal: Box<Refusal>) -> ProviderResult<T> {
    if seen { Ok(done) } else { Err(NotDone::Refused(refusal)) }
}

fn expected(payment: PaymentId, money: Money) -> ProviderResult<Expected> {
    Ok(Expected { payment, units: in_stripe_units(money)?, currency: money.currency })
}

#[async_trait]
impl PaymentProvider for Stripe {
    fn name(&self) -> Provider {
        Provider::Stripe
    }

    fn accepts(&self, money: Money) -> Result<(), Unacceptable> {
        in_stripe_units(money).map(|_| ())
    }

    /// At Stripe, payers approve nothing that a client could send to this gateway.
    fn session_in(&self, _method: &str) -> Option<ProviderRef> {
        None
    }

    /// Stripe keeps keys for at least 24 hours (docs.stripe.com/api/idempotent_requests).
    fn repeat_within(&self, _: OperationKind) -> SignedDuration {
        SignedDuration::from_hours(22)
    }

    async fn charge(&self, order: &ChargeOrder) -> Outcome<Charged> {
        outcome(self.run_charge(order).await)
    }

    async fn resume(&self, order: &ResumeOrder) -> Outcome<Charged> {
        outcome(self.run_resume(order).await)
    }

    async fn capture(&self, order: &CaptureOrder) -> Outcome<Captured> {
        outcome(self.run_capture(order).await)
    }

    async fn cancel(&self, order: &CancelOrder) -> Outcome<()> {
        outcome(self.run_cancel(order).await)
    }

    async fn refund(&self, order: &RefundOrder) -> Outcome<Refunded> {
        outcome(self.run_refund(order).await)
    }

    async fn look_up(&self, what: &LookUp) -> Found<ProviderSnapshot> {
        found(self.run_look_up(what).await)
    }

    async fn list(&self, from: Timestamp, to: Timestamp, at: Option<&ListCursor>) -> Found<ListPart> {
        found(self.run_list(from, to, at).await.map(Some))
    }

    async fn look_up_refunds(&self, which: &RefundLookUp) -> Found<Vec<RefundSnapshot>> {
        found(self.run_look_up_refunds(which).await)
    }

    fn read_event(&self, body: &[u8]) -> Result<ParsedEvent, NotAnEvent> {
        webhook::read(body)
    }
}

#[async_trait]
impl Reachable for Stripe {
    async fn answers(&self) -> bool {
        self.is_there().await
    }
}
