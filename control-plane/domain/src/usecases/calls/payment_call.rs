//! The calls for payments: charge, resume, capture and cancel.

use std::fmt::Display;

use async_trait::async_trait;
use edge_core::client::ClientId;
use edge_core::money::Money;
use edge_core::provider::Provider;

use crate::model::event::{Cause, Event};
use crate::model::follow_up::FollowUp;
use crate::model::id::PaymentId;
use crate::model::in_flight::InFlight;
use crate::model::payment::{Cancelable, InFlightOperation, Operation, Payment, Session, State};
use crate::model::provider::{
    CancelOrder, CancelTarget, CaptureOrder, ChargeOrder, OperationKind, Refusal, RefusalKind, ResumeOrder,
};
use crate::model::snapshot::{Found, LookUp, ProviderSnapshot};
use crate::model::work::Work;
use crate::ports::provider::PaymentProvider;
use crate::ports::store::{Mutation, Store, StoreError};
use crate::usecases::call::Call;
use crate::usecases::calls::payment_answer::{PaymentAnswer, ProviderAnswer};
use crate::usecases::calls::resolvable::{Phase, Resolvable};
use crate::usecases::gateway::Gateway;
use crate::usecases::provider_sync::{Plan, ProviderSync, SyncError};

#[async_trait]
impl Resolvable for Payment {
    type Context = ();
    type Answer = PaymentAnswer;

    fn id(&self) -> &(dyn Display + Sync) {
        &self.id
    }

    fn client(&self) -> &ClientId {
        &self.client
    }

    fn payment(&self) -> PaymentId {
        self.id
    }

    fn work(&self) -> Work {
        Work::Payment(self.id)
    }

    fn phase(&self) -> Phase {
        match &self.state {
            State::Processing { in_flight, accepted: false } => Phase::Calling(in_flight.call.clone()),
            State::Queued { in_flight, .. } => Phase::Queued(in_flight.call.clone()),
            State::Unknown { in_flight, .. } => Phase::Unknown(in_flight.call.clone()),
            _ => Phase::Other,
        }
    }

    fn operation(&self) -> OperationKind {
        self.state.in_flight().map_or(OperationKind::Charge, |in_flight| in_flight.operation.kind())
    }

    fn provider(&self, (): &()) -> Provider {
        self.request.provider
    }

    fn follow_up(&mut self) -> &mut Option<FollowUp> {
        &mut self.follow_up
    }

    fn mutation(&self, moved: Self, cause: &Cause) -> Mutation {
        let event = Event::payment_moved(Some(&self.state), &moved, cause);
        Mutation::MovePayment { payment: moved, event }
    }

    async fn read_again(&self, store: &dyn Store) -> Result<Option<Self>, StoreError> {
        store.payment(&self.client, self.id).await
    }

    async fn context(&self, _: &dyn Store) -> Result<Option<()>, StoreError> {
        Ok(Some(()))
    }

    fn going_on(&self, cause: Cause, gateway: &Gateway) -> Call<Self> {
        Call::going_on(self, cause, &gateway.renders)
    }

    async fn send(&self, provider: &dyn PaymentProvider, (): &()) -> Option<PaymentAnswer> {
        let in_flight = self.state.in_flight()?;
        let said = call(self, provider, in_flight).await;
        let seen = match said.refusal() {
            Some(Refusal { kind: RefusalKind::State, .. }) => look_once(self, provider).await,
            _ => None,
        };
        Some(PaymentAnswer { attempt: in_flight.call.attempt, said, seen })
    }

    async fn sync_with(self, sync: ProviderSync<'_>, (): (), cause: &Cause) -> Result<bool, SyncError> {
        let mut plan = Plan::new(self, cause.clone());
        sync.fetch_and_apply(&mut plan, None, None).await?;
        plan.commit_what_is_believed(sync.gateway).await
    }
}

/// Reads the payment's current state at the provider. If this read fails, a later one catches up.
async fn look_once(payment: &Payment, provider: &dyn PaymentProvider) -> Option<ProviderSnapshot> {
    let reference = payment.reference.clone()?;
    match provider.look_up(&LookUp::Payment(reference)).await {
        Found::Found(seen) => Some(seen),
        Found::Missing | Found::CannotAsk | Found::Unavailable(_) => None,
    }
}

async fn call(
    payment: &Payment,
    provider: &dyn PaymentProvider,
    in_flight: &InFlightOperation,
) -> ProviderAnswer {
    let (id, attempt) = (payment.id, in_flight.call.attempt);
    match in_flight.operation.clone() {
        Operation::Charge => {
            ProviderAnswer::Charged(provider.charge(&charge_order(payment, &in_flight.call)).await)
        }
        Operation::Resume(session) => {
            let (money, capture) = (payment.money(), payment.request.capture);
            let Session { session, action, .. } = session;
            let (page, wallet) = (action.page().map(str::to_owned), payment.request.wallet);
            let order = ResumeOrder {
                payment: id,
                client: payment.client.clone(),
                attempt,
                money,
                capture,
                session,
                page,
                wallet,
                is_judged: in_flight.call.is_judged,
            };
            ProviderAnswer::Charged(provider.resume(&order).await)
        }
        Operation::Capture { of, amount } => {
            let money = Money { amount, currency: payment.request.currency };
            let order = CaptureOrder { payment: id, attempt, authorization: of.authorization, money };
            ProviderAnswer::Captured(provider.capture(&order).await)
        }
        Operation::Cancel(before) => {
            let target = match before {
                Cancelable::Session(waiting) => CancelTarget::Session(waiting.session),
                Cancelable::Authorization(held) => CancelTarget::Authorization(held.authorization),
            };
            ProviderAnswer::Canceled(provider.cancel(&CancelOrder { payment: id, attempt, target }).await)
        }
    }
}

fn charge_order(payment: &Payment, call: &InFlight) -> ChargeOrder {
    let request = &payment.request;
    ChargeOrder {
        payment: payment.id,
        client: payment.client.clone(),
        attempt: call.attempt,
        is_judged: call.is_judged,
        money: payment.money(),
        method: request.payment_method_id.as_ref().map(|id| id.as_str().to_owned()),
        wallet: request.wallet,
        verification: request.verification,
        capture: request.capture,
        description: request.description.clone(),
        customer_reference: request.customer_reference.clone(),
        metadata: request.metadata.clone(),
        return_url: request.return_url.clone(),
    }
}
