//! What Stripe's answers mean. An answer counts only if it is about what was asked: same amount, same
//! currency, our payment's id in its metadata.

use std::collections::BTreeMap;

use edge_core::money::Currency;
use edge_core::request::CaptureMode;
use payments::model::id::{PaymentId, RefundId};
use payments::model::provider::{Captured, Charged, ProviderRef, Refunded};
use serde::Deserialize;

use super::errors::{ApiError, Asked, not_done};
use crate::step::{NotDone, Step};
use crate::transport::Answer;
use crate::untrusted;

/// What an answer has to agree with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) payment: PaymentId,
    /// The amount asked for, in Stripe's units.
    pub(super) units: u64,
    pub(super) currency: Currency,
}

/// Where a charge stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum IntentOutcome {
    Charged(Charged),
    /// Stripe wants the payer to act, but names no page to send them to.
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

/// Reads the answer to a charge, or to a look at one.
pub(super) fn charge(
    answer: &Answer,
    asked: Asked,
    expected: &Expected,
    mode: CaptureMode,
) -> Step<IntentOutcome> {
    let (payment, intent) = read_intent(answer, asked)?;
    provider_status(&payment, &intent, expected, mode).map_err(|not_done| not_done.about(&payment))
}

fn provider_status(
    payment: &ProviderRef,
    intent: &Intent,
    expected: &Expected,
    mode: CaptureMode,
) -> Step<IntentOutcome> {
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

pub(super) fn capture(answer: &Answer, intent: &ProviderRef, expected: &Expected) -> Step<Captured> {
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

/// Whether a look at the PaymentIntent shows that just this was captured.
pub(super) fn shows_capture(answer: &Answer, intent: &ProviderRef, expected: &Expected) -> Step<bool> {
    let read = read_one(answer, Asked::Retrieve, intent)?;
    read.is_for(expected)?;
    Ok(read.status == "succeeded" && read.amount_received == expected.units)
}

pub(super) fn cancel(answer: &Answer, asked: Asked, intent: &ProviderRef) -> Step<()> {
    match read_one(answer, asked, intent)?.status.as_str() {
        "canceled" => Ok(()),
        status => Err(unexpected(status)),
    }
}

/// Whether a look at the PaymentIntent shows it canceled.
pub(super) fn shows_cancel(answer: &Answer, intent: &ProviderRef) -> Step<bool> {
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
    /// The movement on the account; `null` where there was none.
    balance_transaction: Option<serde_json::Value>,
}

pub(super) fn refund(answer: &Answer, refund: RefundId, expected: &Expected) -> Step<Refunded> {
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
) -> Step<Refunded> {
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

fn read_intent(answer: &Answer, asked: Asked) -> Step<(ProviderRef, Intent)> {
    if !answer.succeeded() {
        return Err(not_done(answer, asked));
    }
    let intent: Intent = answer.json().map_err(NotDone::unknown)?;
    let id = untrusted::reference(&intent.id).ok_or_else(no_id)?;
    Ok((id, intent))
}

/// Reads an answer about one PaymentIntent that is known already.
fn read_one(answer: &Answer, asked: Asked, known: &ProviderRef) -> Step<Intent> {
    let (id, intent) = read_intent(answer, asked)?;
    if id == *known {
        Ok(intent)
    } else {
        Err(NotDone::unknown("Stripe answered with another PaymentIntent than was asked for"))
    }
}

impl Intent {
    fn is_for(&self, expected: &Expected) -> Step<()> {
        if !same_currency(&self.currency, expected.currency) {
            return Err(NotDone::unknown("Stripe answered with another currency than was asked for"));
        }
        if !names(self.metadata.as_ref(), "transactionId", &expected.payment.to_string()) {
            return Err(NotDone::unknown("Stripe answered with the payment of somebody else"));
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
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use payments::model::provider::RefusalKind;

    const TXN: &str = "txn_00000000-0000-7101-8101-010101010101";

    fn expected() -> Expected {
        Expected {
            payment: PaymentId::new(Timestamp::UNIX_EPOCH, [1; 10]),
            units: 4_999,
            currency: Currency::from_code("USD").unwrap(),
        }
    }

    fn intent(status: &str, more: &Value) -> Answer {
        let mut intent = json!({
            "id": "pi_1", "object": "payment_intent", "status": status, "amount": 4_999, "currency": "usd",
            "metadata": { "transactionId": TXN }, "next_action": null, "last_payment_error": null,
            "something_new": { "nested": [1] },
        });
        for (key, value) in more.as_object().unwrap() {
            intent[key] = value.clone();
        }
        Answer::of(200, intent.to_string())
    }

    fn charged(answer: &Answer, mode: CaptureMode) -> Step<IntentOutcome> {
        charge(answer, Asked::Charge, &expected(), mode)
    }

    fn pi() -> ProviderRef {
        ProviderRef::new("pi_1")
    }

    #[test]
    fn each_status_of_a_charge_has_its_meaning() {
        let received = json!({ "amount_received": 4_999 });
        let page = json!({ "next_action": { "type": "redirect_to_url", "redirect_to_url": { "url": "https://bank.example/3ds" } } });
        let cases = [
            (
                "succeeded",
                &received,
                CaptureMode::Automatic,
                Charged::Completed { payment: pi(), charge: pi() },
            ),
            (
                "requires_capture",
                &json!({}),
                CaptureMode::Manual,
                Charged::Authorized { payment: pi(), authorization: pi() },
            ),
            (
                "requires_action",
                &page,
                CaptureMode::Automatic,
                Charged::RequiresAction {
                    payment: pi(),
                    url: "https://bank.example/3ds".to_owned(),
                    declined: false,
                },
            ),
            ("processing", &json!({}), CaptureMode::Manual, Charged::Pending { payment: pi() }),
        ];
        for (status, more, mode, meaning) in cases {
            assert_eq!(charged(&intent(status, more), mode), Ok(IntentOutcome::Charged(meaning)), "{status}");
        }
    }

    #[test]
    fn an_action_without_a_page_on_the_web_is_no_way_to_act() {
        let sdk = json!({ "next_action": { "type": "use_stripe_sdk", "use_stripe_sdk": {} } });
        let script = json!({ "next_action": { "redirect_to_url": { "url": "javascript:alert(1)" } } });
        for more in [sdk, script] {
            let provider_status = charged(&intent("requires_action", &more), CaptureMode::Automatic);
            assert_eq!(provider_status, Ok(IntentOutcome::NoWayToAct(pi())));
        }
    }

    #[test]
    fn a_failed_authentication_is_a_decline_with_its_reason() {
        let more = json!({ "last_payment_error": {
            "type": "invalid_request_error", "code": "payment_intent_authentication_failure", "message": "No."
        } });
        let Err(NotDone::Refused(refusal)) =
            charged(&intent("requires_payment_method", &more), CaptureMode::Automatic)
        else {
            panic!("not refused")
        };
        assert_eq!(refusal.kind, RefusalKind::Declined);
        assert_eq!(refusal.code.as_deref(), Some("payment_intent_authentication_failure"));
        assert_eq!(refusal.reference, Some(pi()));
    }

    #[test]
    fn an_answer_about_something_else_is_never_believed() {
        let full = |more: &Value| {
            let mut all = json!({ "amount_received": 4_999 });
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            intent("succeeded", &all)
        };
        let answers = [
            full(&json!({ "amount": 5_000 })),
            full(&json!({ "amount_received": 4_998 })),
            full(&json!({ "currency": "eur" })),
            full(&json!({ "metadata": {} })),
            full(&json!({ "metadata": { "transactionId": "txn_00000000-0000-7101-8101-020202020202" } })),
            full(&json!({ "id": "../refunds" })),
            intent("a_status_of_next_year", &json!({})),
            intent("requires_capture", &json!({})),
            Answer::of(200, "<html>ok</html>"),
            Answer::of(200, ""),
        ];
        for answer in answers {
            let provider_status = charged(&answer, CaptureMode::Automatic);
            assert!(
                matches!(provider_status, Err(NotDone::Unknown(_))),
                "{answer:?} gave {provider_status:?}"
            );
        }
    }

    #[test]
    fn a_capture_counts_only_with_the_amount_that_was_asked_for() {
        let wanted = Expected { units: 1_000, ..expected() };
        let captured = |received: u64| intent("succeeded", &json!({ "amount_received": received }));
        assert_eq!(capture(&captured(1_000), &pi(), &wanted), Ok(Captured::Completed { charge: pi() }));
        assert!(matches!(capture(&captured(4_999), &pi(), &wanted), Err(NotDone::Unknown(_))));
        assert!(matches!(
            capture(&captured(1_000), &ProviderRef::new("pi_2"), &wanted),
            Err(NotDone::Unknown(_))
        ));
        assert_eq!(shows_capture(&captured(1_000), &pi(), &wanted), Ok(true));
        assert_eq!(shows_capture(&captured(999), &pi(), &wanted), Ok(false));
    }

    #[test]
    fn a_refund_is_processed_pending_or_failed() {
        let id = RefundId::new(Timestamp::UNIX_EPOCH, [3; 10]);
        let answer = |status: &str, amount: u64| {
            let body = json!({
                "id": "re_1", "status": status, "amount": amount, "currency": "usd",
                "metadata": { "refundId": id.to_string() }, "failure_reason": "lost_or_stolen_card",
            });
            Answer::of(200, body.to_string())
        };
        let re = ProviderRef::new("re_1");
        let read = |status, amount| refund(&answer(status, amount), id, &expected());
        assert_eq!(read("succeeded", 4_999), Ok(Refunded::Processed { refund: re.clone() }));
        assert_eq!(read("pending", 4_999), Ok(Refunded::Pending { refund: re.clone() }));
        assert!(matches!(read("succeeded", 1), Err(NotDone::Unknown(_))));
        let Err(NotDone::Refused(refusal)) = read("failed", 4_999) else { panic!("not refused") };
        assert_eq!(refusal.decline_code.as_deref(), Some("lost_or_stolen_card"));
        let other = RefundId::new(Timestamp::UNIX_EPOCH, [4; 10]);
        assert!(matches!(refund(&answer("succeeded", 4_999), other, &expected()), Err(NotDone::Unknown(_))));
    }
}
