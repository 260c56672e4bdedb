//! What providers report by webhook: from the endpoint to the effect.

mod approved;
mod claimed;
mod command;
mod disputes;
mod intake;
mod model;
mod parked;
mod payment_events;
mod refunds;

use edge_core::money::{Amount, Currency, Money};
use edge_core::provider::Provider;
use payments::model::event::Event;
use payments::model::id::PaymentId;
use payments::model::payment::Payment;
use payments::model::provider::{ProviderRef, Refusal, RefusalKind};
use payments::model::snapshot::{Found, ProviderSnapshot, ProviderStatus};
use payments::model::webhook::{EventBody, WebhookEvent};
use payments::ports::provider::PaymentProvider;
use payments::usecases::gateway::Gateway;
use payments::usecases::webhook::receive;

use crate::common::*;

/// Stores an event of Stripe's.
async fn told(test: &TestGateway, id: &str, subject: &str, payment: PaymentId) {
    let body = format!(r#"{{"id":"{id}","about":"{subject}","payment":"{payment}"}}"#);
    told_raw(test, Provider::Stripe, &body).await;
}

async fn told_raw(test: &TestGateway, provider: Provider, body: &str) {
    let parsed = test.provider.read_event(body.as_bytes()).unwrap();
    receive(&test.gateway, provider, parsed, EventBody::of(body.as_bytes())).await.unwrap();
}

/// Works off the next event, which has to be there.
async fn worked_off(gateway: &Gateway) -> WebhookEvent {
    next_event(gateway).await.unwrap()
}

async fn nothing_is_due(gateway: &Gateway) {
    assert_eq!(next_event(gateway).await, None);
}

fn usd(minor: u64) -> Money {
    Money { amount: Amount::new(minor).unwrap(), currency: Currency::from_code("USD").unwrap() }
}

fn snapshot(payment: &Payment, provider_status: ProviderStatus) -> ProviderSnapshot {
    let reference = payment.reference.clone();
    ProviderSnapshot {
        reference: reference.unwrap_or_else(|| ProviderRef::new(format!("pi_{}", payment.id))),
        payment: Some(payment.id),
        money: Some(payment.money()),
        paid_with: None,
        provider_status,
    }
}

fn captured(minor: u64) -> ProviderStatus {
    ProviderStatus::Captured { charge: ProviderRef::new("CHARGE"), money: usd(minor) }
}

fn declined() -> Refusal {
    Refusal {
        kind: RefusalKind::Declined,
        code: Some("card_declined".to_owned()),
        decline_code: None,
        message: "no".to_owned(),
        reference: None,
    }
}

/// From now on that is what is read at the provider.
fn shows(test: &TestGateway, payment: &Payment, provider_status: ProviderStatus) {
    *test.provider.seen.lock().unwrap() = vec![Found::Found(snapshot(payment, provider_status))];
}

async fn stored(test: &TestGateway, id: PaymentId) -> Payment {
    test.gateway.store.payment(&client("demo"), id).await.unwrap().unwrap()
}

async fn trail(test: &TestGateway, id: PaymentId) -> Vec<Event> {
    test.gateway.store.events(&client("demo"), id).await.unwrap()
}

async fn kinds(test: &TestGateway, id: PaymentId) -> Vec<String> {
    trail(test, id).await.iter().map(Event::kind).collect()
}
