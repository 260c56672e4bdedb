//! The meaning of Stripe's answers. An answer counts only if it matches the request: same amount, same currency, our
//! payment's id in its metadata.

use std::collections::BTreeMap;

use edge_core::money::Currency;
use edge_core::request::CaptureMode;
use payments::model::id::{PaymentId, RefundId};
use payments::model::provider::{Captured, Charged, ProviderRef, Refunded};
use serde::Deserialize;

use super::errors::{ApiError, Asked, not_done};
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
    /// Stripe waits for the payer to act, but names no page to send them to.
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
}

#[derive(Debug, Deserialize)]
struct NextAction {
    redirect_to_url: Option<Redirect>,
}

#[derive(Debug, Deserialize)]
struct Redirect {
    url: Option<String>,
}

/// Reads the answer to a charge, or to a look-up of one.
pub(super) fn charge(
    answer: &ProviderResponse,
    asked: Asked,
    expected: &Expected,
    mode: CaptureMode,
) -> ProviderResult<IntentOutcome> {
    let (payment, intent) = read_intent(answer, asked)?;
    provider_status(&payment, &intent, expected, mode).map_err(|not_done| not_done.about(&payment))
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
            Charged::Completed { charge: payment.clone(), payment }
        }
        ("requires_capture", CaptureMode::Manual) => {
            Charged::Authorized { authorization: payment.clone(), payment }
        }
        ("requires_action", _) => match intent.page() {
            Some(url) => Charged::RequiresAction { payment, url, declined: false },
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
    let read = read_one(answer, Asked::Capture, intent)?;
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
    let read = read_one(answer, Asked::Retrieve, intent)?;
    read.is_for(expected)?;
    Ok(read.status == "succeeded" && read.amount_received == expected.units)
}

pub(super) fn cancel(answer: &ProviderResponse, asked: Asked, intent: &ProviderRef) -> ProviderResult<()> {
    match read_one(answer, asked, intent)?.status.as_str() {
        "canceled" => Ok(()),
        status => Err(unexpected(status)),
    }
}

/// Whether a look-up of the PaymentIntent shows it canceled.
pub(super) fn shows_cancel(answer: &ProviderResponse, intent: &ProviderRef) -> ProviderResult<bool> {
    Ok(read_one(answer, Asked::Retrieve, intent)?.status == "canceled")
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
    balance_transaction: Option<serde_json::Value>,
}

pub(super) fn refund(
    answer: &ProviderResponse,
    refund: RefundId,
    expected: &Expected,
) -> ProviderResult<Refunded> {
    if !answer.succeeded() {
        return Err(not_done(answer, Asked::Refund));
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

fn read_intent(answer: &ProviderResponse, asked: Asked) -> ProviderResult<(ProviderRef, Intent)> {
    if !answer.succeeded() {
        return Err(not_done(answer, asked));
    }
    let intent: Intent = answer.json().map_err(NotDone::unknown)?;
    let id = untrusted::reference(&intent.id).ok_or_else(no_id)?;
    Ok((id, intent))
}

/// Reads an answer that must be about the PaymentIntent `known`.
fn read_one(answer: &ProviderResponse, asked: Asked, known: &ProviderRef) -> ProviderResult<Intent> {
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

    fn page(&self) -> Option<String> {
        untrusted::page(self.next_action.as_ref()?.redirect_to_url.as_ref()?.url.as_deref()?)
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
