//! Charges or authorizes a payment, or resumes the one that an approved order was made for.

use std::sync::Arc;

use edge_core::request::PaymentMethodId;
use jiff::SignedDuration;

use crate::model::event::{Cause, Event, Initiator};
use crate::model::payment::{ChargeTerms, Payment, ResumedBy, State};
use crate::model::provider::{Outcome, ProviderRef, Refusal, Unacceptable};
use crate::model::transition::InvalidTransition;
use crate::ports::provider::PaymentProvider;
use crate::ports::store::{Change, Mutation, StoreError};
use crate::usecases::OperationError;
use crate::usecases::approval::{Approval, judge, judge_waiting, refused};
use crate::usecases::call::{Call, Decided as _};
use crate::usecases::calls::inline_retry::InlineRetry;
use crate::usecases::calls::send::{begin as send_first, send_and_record};
use crate::usecases::calls::{commit, commit_beside};
use crate::usecases::gateway::{Detached, Gateway};

/// How often to retry when another request, or the gateway, takes the order or the payment between lookup and commit.
const RACES_MAX: usize = 3;

/// Charges or authorizes. The intent is committed before the provider is called. `expires_in`: how long the charge may
/// be sent if it was certainly not executed yet; `None`: the policy's limit.
pub fn charge(
    gateway: Arc<Gateway>,
    request: ChargeTerms,
    expires_in: Option<SignedDuration>,
    call: Call<Payment>,
) -> Detached<Payment> {
    gateway.clone().run_detached(run(gateway, request, expires_in, call))
}

async fn run(
    gateway: Arc<Gateway>,
    request: ChargeTerms,
    expires_in: Option<SignedDuration>,
    call: Call<Payment>,
) -> Result<Payment, OperationError> {
    let provider = gateway.provider(request.provider)?;
    let method = request.payment_method_id.as_ref().map(PaymentMethodId::as_str);
    provider.accepts(request.money()).map_err(OperationError::Unacceptable)?;
    let session = method.and_then(|method| provider.session_in(method));
    let expires_in = expires_in.unwrap_or(gateway.retries.policy().charge_expires);
    let Some(session) = session else {
        return begin(&gateway, &*provider, request, None, expires_in, &call).await;
    };
    let mut lost = OperationError::OrderTaken;
    for _ in 0..RACES_MAX {
        let done = match gateway.store.payment_by_reference(request.provider, &session).await? {
            Some(payment) => resume(&gateway, &*provider, payment, &request, &call).await,
            None => match failed_with_its_order(&gateway, &request, &session).await? {
                Some(failed) => answer_as_it_ended(&gateway, failed, &request, &call).await,
                None => {
                    let (request, session) = (request.clone(), Some(session.clone()));
                    begin(&gateway, &*provider, request, session, expires_in, &call).await
                }
            },
        };
        match done {
            Err(race @ (OperationError::OrderTaken | OperationError::Busy { .. })) => lost = race,
            done => return done,
        }
    }
    Err(lost)
}

async fn begin(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    request: ChargeTerms,
    session: Option<ProviderRef>,
    expires_in: SignedDuration,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    let approval = match &session {
        Some(order) => judge(provider, order, request.wallet, &call.cause.client).await,
        None => Approval::NotJudged,
    };
    let attempt = gateway.new_attempt_id();
    let now = gateway.now();
    let created = Payment::open(gateway.new_payment_id(), call.cause.client.clone(), request, session, now);
    let expires_at = Some(now + expires_in);
    let payment = begun(&created, |p| p.begin_charge(attempt, expires_at, now))?;
    let mut payment = match approval {
        Approval::Refused(refusal) => return open_refused(gateway, &created, payment, refusal, call).await,
        Approval::Acceptable => payment.judged(true),
        Approval::NotJudged => payment,
    };
    gateway.hold_for_call(&mut payment.follow_up);
    let events = vec![
        Event::payment_moved(None, &created, &call.cause),
        Event::payment_moved(Some(&created.state), &payment, &call.cause),
    ];
    let mutation = Mutation::OpenPayment { payment: payment.clone(), events };
    commit(gateway, Change::from(mutation).with_key(call.take(gateway.now())), payment.id).await?;
    send_and_record(gateway, provider, payment, &(), InlineRetry::of_a_request(gateway), call).await
}

/// Records a charge that the gateway itself refuses, for what the payer of the client's order has approved.
async fn open_refused(
    gateway: &Gateway,
    created: &Payment,
    begun: Payment,
    refusal: Refusal,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    let failed = begun.clone().charge_answered(Outcome::Refused(refusal), gateway.now());
    let failed = failed.map_err(|problem| OperationError::state(&begun, problem))?;
    let events = vec![
        Event::payment_moved(None, created, &call.cause),
        Event::payment_moved(Some(&created.state), &begun, &call.cause),
        Event::payment_moved(Some(&begun.state), &failed, &call.cause),
    ];
    let mutation = Mutation::OpenPayment { payment: failed.clone(), events };
    record_decided(gateway, failed, mutation, call).await
}

/// The client submits an order that one of its own payments was made for: that payment is resumed, so that one order is
/// always one payment. If it was resumed already, by the gateway or under another key of the client's, the client gets
/// its outcome.
async fn resume(
    gateway: &Gateway,
    provider: &dyn PaymentProvider,
    payment: Payment,
    request: &ChargeTerms,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    continues(&payment, request, &call.cause).map_err(OperationError::Unacceptable)?;
    if is_made(&payment) || is_resumed_by_gateway(gateway, &payment).await? {
        return answer_from_record(gateway, payment, call).await;
    }
    let approval = judge_waiting(provider, &payment).await;
    if let Approval::Refused(refusal) = approval {
        let (failed, mutation) = refused(gateway, &payment, refusal, &call.cause)?;
        return record_decided(gateway, failed, mutation, call).await;
    }
    let (attempt, now) = (gateway.new_attempt_id(), gateway.now());
    let moved = begun(&payment, |p| p.begin_resume(ResumedBy::Client, attempt, now))?;
    let moved = moved.judged(matches!(approval, Approval::Acceptable));
    send_first(gateway, provider, &payment, moved, InlineRetry::of_a_request(gateway), call).await
}

/// The failed payment that this order was made for. Its order pays for no other payment; an order that the client made
/// itself is free again once a payment has failed with it.
async fn failed_with_its_order(
    gateway: &Gateway,
    request: &ChargeTerms,
    order: &ProviderRef,
) -> Result<Option<Payment>, StoreError> {
    let failed = gateway.store.first_failed_by_reference(request.provider, order).await?;
    let made_it = |payment: &Payment| {
        !payment.is_erased && payment.request.payment_method_id != request.payment_method_id
    };
    Ok(failed.filter(made_it))
}

/// The payment that the order was made for has failed: the client that comes back learns how.
async fn answer_as_it_ended(
    gateway: &Gateway,
    failed: Payment,
    request: &ChargeTerms,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    continues(&failed, request, &call.cause).map_err(OperationError::Unacceptable)?;
    answer_from_record(gateway, failed, call).await
}

/// Whether the order has paid.
const fn is_made(payment: &Payment) -> bool {
    matches!(payment.state, State::Completed { .. } | State::Authorized(_) | State::Captured { .. })
}

/// Whether the gateway resumed the payment by itself, and it is under way or was canceled since.
async fn is_resumed_by_gateway(gateway: &Gateway, payment: &Payment) -> Result<bool, OperationError> {
    let is_canceled = matches!(payment.state, State::Canceled { .. });
    if !is_canceled && payment.state.in_flight().is_none() {
        return Ok(false);
    }
    match payment.state.resumed_by() {
        Some(by) => Ok(by == ResumedBy::Gateway),
        None => Ok(last_resume_in_trail(gateway, payment)
            .await?
            .is_some_and(|by| !matches!(by, Initiator::Request(_)))),
    }
}

/// The initiator of the last resume, for payments written by releases that did not store `resumed_by`. Remove after one
/// release.
async fn last_resume_in_trail(gateway: &Gateway, payment: &Payment) -> Result<Option<Initiator>, StoreError> {
    let trail = gateway.store.events(&payment.client, payment.id).await?;
    let resumed = trail.into_iter().rev().find(|event| {
        event.detail.operation.as_deref() == Some("resume")
            && event.from.as_deref() == Some("requires_action")
    });
    Ok(resumed.map(|event| event.cause.initiator))
}

/// Takes the key for a payment that continues or has ended without this request, and answers it in the same commit if
/// the outcome is known; no call is needed. The key names the payment, so that it is kept, with its answer, as long as
/// the payment needs it.
async fn answer_from_record(
    gateway: &Gateway,
    payment: Payment,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    if call.claim().is_none() {
        return payment.outcome_of(call.asked);
    }
    let mutation = Mutation::KeyOf(payment.id);
    record_decided(gateway, payment, mutation, call).await
}

/// Commits a change together with the client's key, answered with the outcome of `payment` if that is known.
async fn record_decided(
    gateway: &Gateway,
    payment: Payment,
    mutation: Mutation,
    call: &Call<Payment>,
) -> Result<Payment, OperationError> {
    let (id, is_decided) = (payment.id, payment.is_decided());
    let result = payment.outcome_of(call.asked);
    let answer = is_decided.then(|| (call.render)(&result, &call.cause.initiator.text()));
    let key = call.take_with(answer, gateway.now());
    commit_beside(gateway, Change::from(mutation).with_key(key), id).await?;
    result
}

/// Checks that the request matches the waiting payment.
fn continues(payment: &Payment, request: &ChargeTerms, cause: &Cause) -> Result<(), Unacceptable> {
    let wrong = |param, message: &str| Err(Unacceptable { param, message: message.to_owned() });
    if payment.client != cause.client {
        return wrong("paymentMethodId", "must be a payment method or an approved order of your own");
    }
    if payment.money() != request.money() {
        return wrong("amount", "must be, with its currency, what the payment for this order was made for");
    }
    if request.wallet.is_some() && payment.request.wallet != request.wallet {
        return wrong("wallet", "must be as in the payment that this order was made for, or be left out");
    }
    if payment.request.capture != request.capture {
        return wrong("capture", "must be as in the payment that this order was made for");
    }
    Ok(())
}

fn begun(
    payment: &Payment,
    begin: impl FnOnce(Payment) -> Result<Payment, InvalidTransition>,
) -> Result<Payment, OperationError> {
    begin(payment.clone()).map_err(|problem| OperationError::state(payment, problem))
}
