//! The meaning of Stripe's answers. An answer counts only if it matches the request: same amount, same currency, our
//! payment's id in its metadata.

use std::collections::BTreeMap;

use edge_core::money::Currency;
use edge_core::request::CaptureMode;
use payments::model::id::{PaymentId, RefundId};
use payments::model::paid_with::PaidWith;
use payments::model::payer_action::{ClientSecret, PayerAction};
use payments::model::provider::{Captured, Charged, ProviderRef, Refunded};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::errors::{ApiError, RequestKind, not_done};
use crate::provider_result::{NotDone, ProviderResult};
use crate::transport::ProviderResponse;
use crate::untrusted;

/// The values that an answer must match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) payment: PaymentId,
    /// The requested amount, in Stripe's units.
    pub(super) units: u64,
    pub(super) currency: Currency,
}

/// The status of a charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IntentOutcome {
    Charged(Charged),
    /// Stripe waits for the payer to act, but names neither a page to send them to nor a step for its script.
    NoWayToAct(ProviderRef),
}

/// A PaymentIntent. Statuses and types may be newer than this code.
#[derive(Debug, Deserialize)]
pub(super) struct Intent {
    id: String,
    status: String,
    amount: u64,
    #[serde(default)]
    amount_received: u64,
    currency: String,
    #[serde(default)]
    capture_method: String,
    metadata: Option<BTreeMap<String, String>>,
    next_action: Option<NextAction>,
    last_payment_error: Option<ApiError>,
    cancellation_reason: Option<String>,
    client_secret: Option<ClientSecret>,
    /// The charge itself where it is expanded, else its id. Most of the answer, and little of it is read.
    latest_charge: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct LatestCharge<'a> {
    /// What was paid with: its kind under `type`, and more under the kind's name.
    #[serde(borrow)]
    payment_method_details: BTreeMap<String, &'a RawValue>,
}

/// The details of a kind. Values of unexpected types are ignored.
#[derive(Default, Deserialize)]
struct Instrument {
    wallet: Option<Value>,
    brand: Option<Value>,
    last4: Option<Value>,
}

#[derive(Debug, Deserialize)]
struct NextAction {
    #[serde(rename = "type", default)]
    kind: String,
    redirect_to_url: Option<Redirect>,
}

#[derive(Debug, Deserialize)]
struct Redirect {
    url: Option<String>,
}

/// Reads the answer to a charge, or to a look-up of one.
pub(super) fn charge(
    answer: &ProviderResponse,
    asked: RequestKind,
    expected: &Expected,
    mode: CaptureMode,
) -> ProviderResult<IntentOutcome> {
    let (payment, intent) = read_intent(answer, asked)?;
    provider_status(&payment, &intent, expected, mode).map_err(|not_done| not_done.about(&payment))
}

/// Reads the answer to the making of a payment method; its id can be charged.
pub(super) fn payment_method(answer: &ProviderResponse) -> ProviderResult<String> {
    if !answer.succeeded() {
        return Err(not_done(answer, RequestKind::Charge));
    }
    #[derive(Deserialize)]
    struct Made {
        id: String,
    }
    let made: Made = answer.json().map_err(NotDone::unknown)?;
    let id = untrusted::reference(&made.id).filter(|id| id.as_str().starts_with("pm_")).ok_or_else(no_id)?;
    Ok(id.as_str().to_owned())
}

fn provider_status(
    payment: &ProviderRef,
    intent: &Intent,
    expected: &Expected,
    mode: CaptureMode,
) -> ProviderResult<IntentOutcome> {
    intent.is_for(expected)?;
    if intent.amount != expected.units {
        return Err(NotDone::unknown("Stripe answered with another amount than was asked for"));
    }
    let payment = payment.clone();
    let charged = match (intent.status.as_str(), mode) {
        ("succeeded", CaptureMode::Automatic) if intent.amount_received == expected.units => {
            Charged::Completed { charge: payment.clone(), payment, paid_with: intent.paid_with() }
        }
        ("requires_capture", CaptureMode::Manual) => {
            Charged::Authorized { authorization: payment.clone(), payment, paid_with: intent.paid_with() }
        }
        ("requires_action", _) => match intent.action(&payment) {
            Some(action) => Charged::RequiresAction { payment, action, declined: false },
            None => return Ok(IntentOutcome::NoWayToAct(payment)),
        },
        ("processing", _) => Charged::Pending { payment },
        ("requires_payment_method", _) => return Err(intent.declined()),
        ("canceled", _) => {
            return Err(NotDone::declined("canceled", "the payment was canceled at Stripe"));
        }
        (status, _) => return Err(unexpected(status)),
    };
    Ok(IntentOutcome::Charged(charged))
}

pub(super) fn capture(
    answer: &ProviderResponse,
    intent: &ProviderRef,
    expected: &Expected,
) -> ProviderResult<Captured> {
    let read = read_one(answer, RequestKind::Capture, intent)?;
    read.is_for(expected)?;
    match read.status.as_str() {
        "succeeded" if read.amount_received == expected.units => {
            Ok(Captured::Completed { charge: intent.clone() })
        }
        "succeeded" => Err(NotDone::unknown("Stripe captured another amount than was asked for")),
        "processing" => Ok(Captured::Pending),
        status => Err(unexpected(status)),
    }
}

/// Whether a look-up of the PaymentIntent shows that exactly this was captured.
pub(super) fn shows_capture(
    answer: &ProviderResponse,
    intent: &ProviderRef,
    expected: &Expected,
) -> ProviderResult<bool> {
    let read = read_one(answer, RequestKind::Retrieve, intent)?;
    read.is_for(expected)?;
    Ok(read.status == "succeeded" && read.amount_received == expected.units)
}

pub(super) fn cancel(
    answer: &ProviderResponse,
    asked: RequestKind,
    intent: &ProviderRef,
) -> ProviderResult<()> {
    match read_one(answer, asked, intent)?.status.as_str() {
        "canceled" => Ok(()),
        status => Err(unexpected(status)),
    }
}

/// Whether a look-up of the PaymentIntent shows it canceled.
pub(super) fn shows_cancel(answer: &ProviderResponse, intent: &ProviderRef) -> ProviderResult<bool> {
    Ok(read_one(answer, RequestKind::Retrieve, intent)?.status == "canceled")
}

#[derive(Debug, Deserialize)]
pub(super) struct RefundObject {
    id: String,
    status: Option<String>,
    amount: u64,
    currency: String,
    metadata: Option<BTreeMap<String, String>>,
    payment_intent: Option<String>,
    created: Option<i64>,
    failure_reason: Option<String>,
    /// The movement on the account; `null` if there was none.
    balance_transaction: Option<Value>,
}

pub(super) fn refund(
    answer: &ProviderResponse,
    refund: RefundId,
    expected: &Expected,
) -> ProviderResult<Refunded> {
    if !answer.succeeded() {
        return Err(not_done(answer, RequestKind::Refund));
    }
    let object: RefundObject = answer.json().map_err(NotDone::unknown)?;
    let reference = untrusted::reference(&object.id).ok_or_else(no_id)?;
    refunded(&object, &reference, refund, expected).map_err(|not_done| not_done.about(&reference))
}

fn refunded(
    object: &RefundObject,
    reference: &ProviderRef,
    refund: RefundId,
    expected: &Expected,
) -> ProviderResult<Refunded> {
    if object.amount != expected.units || !same_currency(&object.currency, expected.currency) {
        return Err(NotDone::unknown("Stripe refunded another amount than was asked for"));
    }
    if !names(object.metadata.as_ref(), "refundId", &refund.to_string()) {
        return Err(NotDone::unknown("Stripe answered with another refund than was asked for"));
    }
    let refund = reference.clone();
    match object.status.as_deref().unwrap_or_default() {
        "succeeded" => Ok(Refunded::Processed { refund }),
        "pending" | "requires_action" => Ok(Refunded::Pending { refund }),
        "failed" | "canceled" => {
            let reason = object.failure_reason.as_deref().and_then(untrusted::code);
            let message = "Stripe could not send the money back";
            Err(NotDone::declined("refund_failed", message).because(reason))
        }
        status => Err(unexpected(status)),
    }
}

fn read_intent(answer: &ProviderResponse, asked: RequestKind) -> ProviderResult<(ProviderRef, Intent)> {
    if !answer.succeeded() {
        return Err(not_done(answer, asked));
    }
    let intent: Intent = answer.json().map_err(NotDone::unknown)?;
    let id = untrusted::reference(&intent.id).ok_or_else(no_id)?;
    Ok((id, intent))
}

/// Reads an answer that must be about the PaymentIntent `known`.
fn read_one(answer: &ProviderResponse, asked: RequestKind, known: &ProviderRef) -> ProviderResult<Intent> {
    let (id, intent) = read_intent(answer, asked)?;
    if id == *known {
        Ok(intent)
    } else {
        Err(NotDone::unknown("Stripe answered with another PaymentIntent than was asked for"))
    }
}

impl Intent {
    fn is_for(&self, expected: &Expected) -> ProviderResult<()> {
        if !same_currency(&self.currency, expected.currency) {
            return Err(NotDone::unknown("Stripe answered with another currency than was asked for"));
        }
        if !names(self.metadata.as_ref(), "transactionId", &expected.payment.to_string()) {
            return Err(NotDone::unknown("Stripe answered with another merchant's payment"));
        }
        Ok(())
    }

    /// How the payer acts: on a page, or in Stripe's script, which needs the secret.
    fn action(&self, intent: &ProviderRef) -> Option<PayerAction> {
        let next = self.next_action.as_ref()?;
        if next.kind == "use_stripe_sdk" {
            let secret = self.client_secret.as_ref()?.expose();
            return untrusted::client_secret(secret, intent).map(PayerAction::Script);
        }
        untrusted::page(next.redirect_to_url.as_ref()?.url.as_deref()?).map(PayerAction::Page)
    }

    fn paid_with(&self) -> Option<PaidWith> {
        let charge: LatestCharge<'_> = serde_json::from_str(self.latest_charge.as_ref()?.get()).ok()?;
        let details = charge.payment_method_details;
        let kind: String = serde_json::from_str(details.get("type")?.get()).ok()?;
        let kind = untrusted::code(&kind)?;
        let told = details.get(&kind).and_then(|told| serde_json::from_str(told.get()).ok());
        let Instrument { wallet, brand, last4 } = told.unwrap_or_default();
        let text = |value: &Option<Value>| value.as_ref()?.as_str().map(str::to_owned);
        let wallet = text(&wallet.and_then(|wallet| wallet.get("type").cloned()));
        Some(PaidWith {
            wallet: wallet.as_deref().and_then(untrusted::code),
            brand: text(&brand).as_deref().and_then(untrusted::code).map(|brand| brand.to_ascii_lowercase()),
            last4: text(&last4).as_deref().and_then(untrusted::last4),
            kind,
        })
    }

    fn declined(&self) -> NotDone {
        self.last_payment_error.as_ref().map_or_else(
            || NotDone::declined("requires_payment_method", "the payment method was not accepted"),
            ApiError::decline,
        )
    }
}

fn same_currency(code: &str, expected: Currency) -> bool {
    code.eq_ignore_ascii_case(expected.code())
}

fn names(metadata: Option<&BTreeMap<String, String>>, key: &str, value: &str) -> bool {
    metadata.and_then(|pairs| pairs.get(key)).is_some_and(|found| found == value)
}

fn no_id() -> NotDone {
    NotDone::unknown("Stripe answered with an object without a usable id")
}

fn unexpected(status: &str) -> NotDone {
    NotDone::unknown(format!("Stripe answered with the status `{}`", untrusted::message(status)))
}

pub(super) mod snapshot;

#[cfg(test)]
mod tests;
