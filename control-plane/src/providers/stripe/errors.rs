//! Stripe's refusals (docs.stripe.com/api/errors), and what each one is certain of.

use serde::Deserialize;

use crate::domain::provider::{Doubt, ProviderRef, Refusal, RefusalKind};
use crate::providers::step::NotDone;
use crate::providers::transport::Answer;
use crate::providers::untrusted;

/// What was asked for; the same error means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Charge,
    Retrieve,
    Capture,
    Cancel,
    Refund,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct ApiError {
    #[serde(rename = "type")]
    kind: Option<String>,
    code: Option<String>,
    decline_code: Option<String>,
    param: Option<String>,
    message: Option<String>,
    payment_intent: Option<Left>,
}

/// What a refused request leaves behind.
#[derive(Clone, Debug, Deserialize)]
struct Left {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    error: ApiError,
}

/// Reads an answer that is not a success.
pub(super) fn not_done(answer: &Answer, asked: Asked) -> NotDone {
    let not_done = read(answer, asked).after(answer.retry_after);
    let not_done = not_done.of_a_dead_key(answer.is_replayed && answer.status >= 500);
    if asked == Asked::Retrieve { not_done.after_reading_only() } else { not_done }
}

fn read(answer: &Answer, asked: Asked) -> NotDone {
    let status = answer.status;
    let error = answer.json::<Envelope>().map(|envelope| envelope.error);
    match (status, error) {
        // Rate limits come before anything is executed and before the idempotency key is looked at.
        (429, _) => NotDone::NotSent(Doubt::new("Stripe is rate limiting the gateway")),
        (401, Ok(error)) => configuration(&error),
        (409, _) => {
            NotDone::Unknown(Doubt::conflict("an earlier request with the same key is still being worked on"))
        }
        // It comes before all rules about the status (docs.stripe.com/error-low-level).
        (400 | 403 | 404, Ok(_)) if answer.should_retry == Some(true) => {
            NotDone::unknown("Stripe wants the same request once more")
        }
        (400 | 402..=404, Ok(error)) => refused(status, &error, asked),
        (_, Err(problem)) => NotDone::unknown(problem),
        (_, Ok(error)) => {
            let code = error.code().unwrap_or_default();
            NotDone::unknown(format!("Stripe answered with status {status} {code}").trim_end().to_owned())
        }
    }
}

fn refused(status: u16, error: &ApiError, asked: Asked) -> NotDone {
    let code = error.code.as_deref().unwrap_or_default();
    if status == 402 || error.kind.as_deref() == Some("card_error") {
        return error.decline();
    }
    if error.kind.as_deref() == Some("idempotency_error") {
        // An earlier request with this key said something else, so what that one did is not known here.
        tracing::error!(provider = "stripe", "an idempotency key was used for two different requests");
        return NotDone::unknown("an earlier request with the same key differs from this one");
    }
    if code == "lock_timeout" {
        return NotDone::NotSent(Doubt::conflict("Stripe is working on the same object for another request"));
    }
    let field = error.param.as_deref().and_then(|param| our_field(param, asked));
    match (asked, code, field) {
        (Asked::Refund, "charge_already_refunded", _) => error.refuse(RefusalKind::RefundExceeds),
        // More than remains: "400, param amount, no code".
        (Asked::Refund, "", Some(field)) if field == "amount" => error.refuse(RefusalKind::RefundExceeds),
        // Not captured yet, disputed, …: said in words only.
        (Asked::Refund, "", None) => error.refuse(RefusalKind::State),
        (_, code, _) if STATE_CODES.contains(&code) => error.refuse(RefusalKind::State),
        (_, _, Some(field)) => error.refuse(RefusalKind::Invalid { param: Some(field) }),
        _ => configuration(error),
    }
}

/// The object is not in a state that allows it.
const STATE_CODES: [&str; 8] = [
    "payment_intent_unexpected_state",
    "charge_already_captured",
    "charge_already_refunded",
    "charge_disputed",
    "charge_expired_for_capture",
    "charge_not_refundable",
    "capture_charge_authorization_expired",
    "refund_disputed_payment",
];

/// Which of our fields a parameter of Stripe's was made from.
fn our_field(param: &str, asked: Asked) -> Option<String> {
    let (name, rest) = param.split_once('[').unwrap_or((param, ""));
    let field = match (asked, name) {
        (Asked::Charge, "metadata") => {
            let key = untrusted::code(rest.trim_end_matches(']'));
            return Some(key.map_or_else(|| "metadata".to_owned(), |key| format!("metadata.{key}")));
        }
        (Asked::Charge | Asked::Refund, "amount") | (Asked::Capture, "amount_to_capture") => "amount",
        (Asked::Charge, "currency") => "currency",
        (Asked::Charge, "payment_method") => "paymentMethodId",
        (Asked::Charge, "return_url") => "returnUrl",
        (Asked::Charge, "description") => "description",
        _ => return None,
    };
    Some(field.to_owned())
}

/// Our key, account or integration is at fault. The client is told no more than that; the log says why.
fn configuration(error: &ApiError) -> NotDone {
    tracing::error!(
        provider = "stripe",
        code = error.code(),
        param = error.param.as_deref().map(untrusted::message),
        "stripe refuses the gateway itself: {}",
        error.message()
    );
    let message = "Stripe refuses this gateway's request; its operator has to look into it".to_owned();
    let refusal = error.refusal(RefusalKind::Configuration);
    NotDone::Refused(Box::new(Refusal { message, ..refusal }))
}

impl ApiError {
    pub(super) fn decline(&self) -> NotDone {
        self.refuse(RefusalKind::Declined)
    }

    fn refuse(&self, kind: RefusalKind) -> NotDone {
        NotDone::Refused(Box::new(self.refusal(kind)))
    }

    fn refusal(&self, kind: RefusalKind) -> Refusal {
        Refusal {
            kind,
            code: self.code(),
            decline_code: self.decline_code.as_deref().and_then(untrusted::code),
            message: self.message(),
            reference: self.left_behind(),
        }
    }

    fn code(&self) -> Option<String> {
        self.code.as_deref().and_then(untrusted::code)
    }

    fn message(&self) -> String {
        self.message.as_deref().map_or_else(|| "Stripe gave no reason".to_owned(), untrusted::message)
    }

    fn left_behind(&self) -> Option<ProviderRef> {
        self.payment_intent.as_ref()?.id.as_deref().and_then(untrusted::reference)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn answer(status: u16, error: &Value) -> Answer {
        Answer::of(status, json!({ "error": error }).to_string())
    }

    fn refusal(status: u16, error: &Value, asked: Asked) -> Refusal {
        match not_done(&answer(status, error), asked) {
            NotDone::Refused(refusal) => *refusal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_decline_carries_the_banks_reason_and_what_it_left_behind() {
        let error = json!({
            "type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.", "payment_intent": { "id": "pi_9", "status": "x" },
        });
        let refusal = refusal(402, &error, Asked::Charge);
        assert_eq!(refusal.kind, RefusalKind::Declined);
        assert_eq!(refusal.code.as_deref(), Some("card_declined"));
        assert_eq!(refusal.decline_code.as_deref(), Some("insufficient_funds"));
        assert_eq!(refusal.message, "Your card has insufficient funds.");
        assert_eq!(refusal.reference, Some(ProviderRef::new("pi_9")));
    }

    #[test]
    fn parameters_at_fault_are_named_as_the_client_knows_them() {
        for (param, asked, field) in [
            ("amount", Asked::Charge, "amount"),
            ("amount_to_capture", Asked::Capture, "amount"),
            ("currency", Asked::Charge, "currency"),
            ("payment_method", Asked::Charge, "paymentMethodId"),
            ("return_url", Asked::Charge, "returnUrl"),
            ("metadata[order]", Asked::Charge, "metadata.order"),
        ] {
            let error =
                json!({ "type": "invalid_request_error", "code": "parameter_invalid", "param": param });
            let kind = RefusalKind::Invalid { param: Some(field.to_owned()) };
            assert_eq!(refusal(400, &error, asked).kind, kind, "{param}");
        }
    }

    #[test]
    fn more_than_remains_cannot_be_refunded() {
        let exceeding = json!({ "type": "invalid_request_error", "param": "amount", "message": "too much" });
        let again = json!({ "type": "invalid_request_error", "code": "charge_already_refunded" });
        let uncaptured = json!({ "type": "invalid_request_error", "message": "no successful charge" });
        assert_eq!(refusal(400, &exceeding, Asked::Refund).kind, RefusalKind::RefundExceeds);
        assert_eq!(refusal(400, &again, Asked::Refund).kind, RefusalKind::RefundExceeds);
        assert_eq!(refusal(400, &uncaptured, Asked::Refund).kind, RefusalKind::State);
    }

    #[test]
    fn a_fault_of_our_own_is_not_explained_to_the_client() {
        let error = json!({ "type": "invalid_request_error", "message": "Invalid API Key: sk_test_abc" });
        for (status, asked) in [(401, Asked::Charge), (403, Asked::Refund), (404, Asked::Retrieve)] {
            let mut error = error.clone();
            error["code"] = json!("resource_missing");
            let refusal = refusal(status, &error, asked);
            assert_eq!(refusal.kind, RefusalKind::Configuration);
            assert!(!refusal.message.contains("sk_test"), "{}", refusal.message);
        }
    }

    #[test]
    fn what_was_not_executed_and_what_may_have_been_are_kept_apart() {
        let error = |kind: &str, code: &str| json!({ "type": kind, "code": code });
        let limited = answer(429, &error("invalid_request_error", "rate_limit"));
        let locked = answer(400, &error("invalid_request_error", "lock_timeout"));
        for answer in [limited, locked] {
            assert!(matches!(not_done(&answer, Asked::Charge), NotDone::NotSent(_)), "{answer:?}");
        }
        let html = |status| Answer::of(status, "<html>no</html>");
        let doubts = [
            answer(409, &error("invalid_request_error", "idempotency_key_in_use")),
            answer(400, &error("idempotency_error", "")),
            answer(500, &error("api_error", "")),
            answer(302, &error("api_error", "")),
            html(502),
            html(400),
            html(401),
        ];
        for answer in doubts {
            assert!(matches!(not_done(&answer, Asked::Charge), NotDone::Unknown(_)), "{answer:?}");
        }
    }
}
