//! Stripe's refusals (docs.stripe.com/api/errors), and what each one proves.

mod codes;

use edge_core::provider::Provider;
use payments::model::provider::{ProviderRef, Refusal, RefusalKind, Uncertainty};
use serde::Deserialize;

use crate::blame::{Blame, blame, invalid, refused};
use crate::provider_result::NotDone;
use crate::transport::ProviderResponse;
use crate::untrusted;

/// The kind of request; the meaning of an error depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
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

/// The object that a refused request leaves behind.
#[derive(Clone, Debug, Deserialize)]
struct Left {
    id: Option<String>,
}

#[derive(Deserialize)]
struct Envelope {
    error: ApiError,
}

/// Whether Stripe itself, not something in between, reports that the object does not exist.
pub(super) fn is_missing(answer: &ProviderResponse) -> bool {
    answer.status == 404 && told(answer).is_some()
}

/// What Stripe itself reports; `None` for an answer that only Stripe would not give.
pub(super) fn told(answer: &ProviderResponse) -> Option<ApiError> {
    let error = answer.json::<Envelope>().ok()?.error;
    error.kind.is_some().then_some(error)
}

/// Reads an answer that is not a success.
pub(super) fn not_done(answer: &ProviderResponse, asked: RequestKind) -> NotDone {
    let not_done = read(answer, asked).after(answer.retry_after);
    let not_done = not_done.of_a_dead_key(answer.is_replayed && answer.status >= 500);
    if asked == RequestKind::Retrieve { not_done.after_reading_only() } else { not_done }
}

fn read(answer: &ProviderResponse, asked: RequestKind) -> NotDone {
    let status = answer.status;
    let error = answer.json::<Envelope>().map(|envelope| envelope.error);
    match (status, error) {
        // Rate limits apply before anything is executed and before the idempotency key is checked.
        (429, _) => NotDone::NotSent(Uncertainty::new(RATE_LIMITED)),
        (401, Ok(error)) => error.refuse(RefusalKind::Configuration),
        (409, _) => NotDone::Unknown(Uncertainty::conflict(IN_USE)),
        // `Stripe-Should-Retry` takes precedence over all rules about the status (docs.stripe.com/error-low-level).
        (400 | 403 | 404, Ok(_)) if answer.should_retry == Some(true) => {
            NotDone::unknown("Stripe wants the same request once more")
        }
        (400 | 402..=404, Ok(error)) if error.kind.as_deref().is_some_and(|kind| kind != "api_error") => {
            not_executed(status, &error, asked)
        }
        (_, Err(problem)) => NotDone::unknown(problem),
        (_, Ok(error)) => {
            let code = error.code().unwrap_or_default();
            NotDone::unknown(format!("Stripe answered with status {status} {code}").trim_end().to_owned())
        }
    }
}

const RATE_LIMITED: &str = "Stripe is rate limiting the gateway";
const IN_USE: &str = "an earlier request with the same key is still being worked on";

/// Codes of requests that Stripe rejected temporarily. They show nothing about the payment.
const TURNED_AWAY: [&str; 4] =
    ["idempotency_key_in_use", "lock_timeout", "payment_intent_rate_limit_exceeded", "rate_limit"];

fn turned_away(code: &str) -> NotDone {
    match code {
        "idempotency_key_in_use" => NotDone::Unknown(Uncertainty::conflict(IN_USE)),
        "lock_timeout" => NotDone::NotSent(Uncertainty::conflict(
            "Stripe is working on the same object for another request",
        )),
        _ => NotDone::NotSent(Uncertainty::new(RATE_LIMITED)),
    }
}

fn not_executed(status: u16, error: &ApiError, asked: RequestKind) -> NotDone {
    if error.kind.as_deref() == Some("idempotency_error") {
        // An earlier request with this key had other parameters, so its effect is not known here.
        tracing::error!(provider = "stripe", "an idempotency key was used for two different requests");
        return NotDone::unknown("an earlier request with the same key differs from this one");
    }
    match error.code.as_deref() {
        Some(code) if TURNED_AWAY.contains(&code) => turned_away(code),
        _ if asked == RequestKind::Charge && error.spent().is_some() => {
            let reason = error.spent().map(str::to_owned);
            error.refuse(invalid(Some("paymentMethodId"))).because(reason)
        }
        _ => error.refuse(error.kind_of_refusal(status, asked)),
    }
}

/// The client's field from which a Stripe parameter was made.
fn our_field(param: &str, asked: RequestKind) -> Option<String> {
    let (name, rest) = param.split_once('[').unwrap_or((param, ""));
    let field = match (asked, name) {
        (RequestKind::Charge, "metadata") => {
            let key = untrusted::code(rest.trim_end_matches(']'));
            return Some(key.map_or_else(|| "metadata".to_owned(), |key| format!("metadata.{key}")));
        }
        (RequestKind::Charge | RequestKind::Refund, "amount")
        | (RequestKind::Capture, "amount_to_capture") => "amount",
        (RequestKind::Charge, "capture_method") => "capture",
        (RequestKind::Charge, "currency") => "currency",
        (RequestKind::Charge, "description" | "statement_descriptor" | "statement_descriptor_suffix") => {
            "description"
        }
        // Stripe enables types by account and currency; the client chooses the one that a charge uses. This gateway
        // sends neither the method's customer nor its mandate, so it cannot charge a method that needs them.
        (
            RequestKind::Charge,
            "payment_method"
            | "confirmation_token"
            | "card"
            | "payment_method_options"
            | "payment_method_types"
            | "customer"
            | "mandate"
            | "mandate_data",
        ) => "paymentMethodId",
        (RequestKind::Charge, "return_url") => "returnUrl",
        _ => return None,
    };
    Some(field.to_owned())
}

/// Refusals that Stripe explains only in the message, without a code or a parameter: a part of the message in lower
/// case, and who has to act. The first match counts.
const WORDED: [(&str, Blame); 9] = [
    ("insufficient", Blame::Payer),
    ("your account", Blame::Gateway),
    ("api key", Blame::Gateway),
    ("return_url", Blame::Field("returnUrl")),
    ("paymentmethod", Blame::Field("paymentMethodId")),
    ("payment method", Blame::Field("paymentMethodId")),
    ("payment_method", Blame::Field("paymentMethodId")),
    ("stripe token", Blame::Field("paymentMethodId")),
    ("currency", Blame::Field("currency")),
];

impl ApiError {
    pub(super) fn decline(&self) -> NotDone {
        self.refuse(RefusalKind::Declined)
    }

    /// Why a token that can be used once cannot pay: `token_used` or `token_expired`. Stripe has a code for the former
    /// of its older tokens; for confirmation tokens, its messages name the token, or the parameter beside them does.
    fn spent(&self) -> Option<&'static str> {
        if self.kind.as_deref() != Some("invalid_request_error") {
            return None;
        }
        if matches!(self.code.as_deref(), Some("token_already_used" | "token_in_use")) {
            return Some("token_used");
        }
        let words = self.message.as_deref().unwrap_or_default().to_lowercase();
        let names = ["confirmation token", "confirmationtoken", "confirmation_token", "stripe token"];
        let is_about_token = matches!(self.param.as_deref(), Some("confirmation_token" | "card[token]"))
            || names.iter().any(|name| words.contains(name));
        let says = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        match is_about_token {
            true if says(&["already been used", "already used", "more than once"]) => Some("token_used"),
            true if says(&["expired"]) => Some("token_expired"),
            _ => None,
        }
    }

    fn kind_of_refusal(&self, status: u16, asked: RequestKind) -> RefusalKind {
        // A look-up, or a request without permission, decides nothing about the payment.
        if asked == RequestKind::Retrieve || status == 403 {
            return RefusalKind::Configuration;
        }
        let named = self.param.as_deref().and_then(|param| our_field(param, asked));
        let blame = self.code.as_deref().and_then(|code| blame(codes::CODES, code));
        if status == 402 || self.kind.as_deref() == Some("card_error") {
            return match blame {
                Some(Blame::Expired) => RefusalKind::Expired,
                _ => RefusalKind::Declined,
            };
        }
        let blame = blame.and_then(|blame| fitting(blame, asked));
        let told = blame.and_then(|blame| blame.kind(named.as_deref()));
        told.unwrap_or_else(|| self.told_otherwise(status, named, asked))
    }

    /// For a code that does not show who has to act, or is newer than the table.
    fn told_otherwise(&self, status: u16, named: Option<String>, asked: RequestKind) -> RefusalKind {
        match (asked, &self.param, named) {
            // More than the remaining amount: "400, param amount, no code".
            (RequestKind::Refund, _, Some(field)) if field == "amount" && self.code.is_none() => {
                RefusalKind::RefundExceeds
            }
            (_, _, Some(field)) => invalid(Some(&field)),
            // A parameter that the client does not control.
            (_, Some(_), None) => RefusalKind::Configuration,
            // No such URL.
            (_, None, None) if status == 404 && self.code.is_none() => RefusalKind::Configuration,
            (_, None, None) => {
                let words = self.message.as_deref().unwrap_or_default().to_lowercase();
                let worded = WORDED.iter().find(|(part, _)| words.contains(part));
                let kind = worded.and_then(|(_, blame)| fitting(*blame, asked)?.kind(None));
                kind.unwrap_or_else(|| nobody_named(asked))
            }
        }
    }

    fn refuse(&self, kind: RefusalKind) -> NotDone {
        let refusal = Refusal {
            code: self.code(),
            decline_code: self.decline_code.as_deref().and_then(untrusted::code),
            message: self.message(),
            reference: self.left_behind(),
            kind,
        };
        refused(Provider::Stripe, refusal, self.param.as_deref())
    }

    fn code(&self) -> Option<String> {
        self.code.as_deref().and_then(untrusted::code)
    }

    pub(super) fn message(&self) -> String {
        self.message.as_deref().map_or_else(|| "Stripe gave no reason".to_owned(), untrusted::message)
    }

    fn left_behind(&self) -> Option<ProviderRef> {
        self.payment_intent.as_ref()?.id.as_deref().and_then(untrusted::reference)
    }
}

/// The blame, adapted to an operation whose request may lack the field.
fn fitting(blame: Blame, asked: RequestKind) -> Option<Blame> {
    if asked == RequestKind::Charge {
        return Some(blame);
    }
    match (blame, asked) {
        // The payment was refunded, or its method, which the request does not name, is no longer usable.
        (Blame::RefundExceeds, RequestKind::Capture | RequestKind::Cancel)
        | (Blame::Field("paymentMethodId"), _) => Some(Blame::State),
        (Blame::Field(field), _) if field != "amount" || asked == RequestKind::Cancel => None,
        _ => Some(blame),
    }
}

/// For a refusal that does not show who has to act. The request was not executed, and most of these are about the
/// client's choices for a charge, or about the payment's state since.
fn nobody_named(asked: RequestKind) -> RefusalKind {
    match asked {
        RequestKind::Charge => invalid(None),
        RequestKind::Capture | RequestKind::Cancel | RequestKind::Refund => RefusalKind::State,
        RequestKind::Retrieve => RefusalKind::Configuration,
    }
}

#[cfg(test)]
mod tests;
