//! PayPal's refusals (developer.paypal.com/api/rest/responses), and what each one is certain of. The `issue`
//! says what happened; the HTTP status says little.

use std::time::Duration;

use serde::Deserialize;

use super::answers::Link;
use crate::domain::provider::{Doubt, Refusal, RefusalKind};
use crate::providers::step::NotDone;
use crate::providers::transport::Answer;
use crate::providers::untrusted;

#[derive(Debug, Default, Deserialize)]
struct ApiError {
    name: Option<String>,
    message: Option<String>,
    #[serde(default)]
    details: Vec<Detail>,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Detail {
    issue: Option<String>,
    field: Option<String>,
    description: Option<String>,
}

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct Problem {
    status: u16,
    retry_after: Option<Duration>,
    error: Result<ApiError, String>,
}

impl Problem {
    pub(super) fn read(answer: &Answer) -> Self {
        Self { status: answer.status, retry_after: answer.retry_after, error: answer.json() }
    }

    /// The first issue, or the error's name where there is none.
    pub(super) fn issue(&self) -> Option<String> {
        let error = self.error.as_ref().ok()?;
        let issue = error.details.first().and_then(|detail| detail.issue.as_deref());
        issue.or(error.name.as_deref()).and_then(untrusted::code)
    }

    /// Where to send the payer, if the error says so.
    pub(super) fn page(&self) -> Option<String> {
        Link::payers_page(&self.error.as_ref().ok()?.links)
    }

    pub(super) fn not_done(&self) -> NotDone {
        self.certainty().after(self.retry_after)
    }

    fn certainty(&self) -> NotDone {
        let issue = self.issue();
        let issue = issue.as_deref().unwrap_or_default();
        match (self.status, &self.error) {
            // Both come before PayPal looks at what is asked.
            (429, _) => NotDone::NotSent(Doubt::new("PayPal is rate limiting the gateway")),
            (401, _) => self.configuration(),
            (409, _) => in_progress(),
            (400 | 403 | 404 | 405 | 415 | 422, Ok(_)) => self.refused(issue),
            (_, Err(problem)) => NotDone::unknown(problem.as_str()),
            (status, Ok(_)) => NotDone::unknown(
                format!("PayPal answered with status {status} {issue}").trim_end().to_owned(),
            ),
        }
    }

    fn refused(&self, issue: &str) -> NotDone {
        if IN_PROGRESS.contains(&issue) {
            return in_progress();
        }
        if issue == "DUPLICATE_INVOICE_ID" {
            // Only refunds carry one, their own id: so this refund was made before, and how it went is open.
            return NotDone::unknown("PayPal has this refund already");
        }
        let kind = if DECLINED.contains(&issue) {
            RefusalKind::Declined
        } else if NOT_IN_THIS_STATE.contains(&issue) {
            RefusalKind::State
        } else if REFUND_EXCEEDS.contains(&issue) {
            RefusalKind::RefundExceeds
        } else if let Some(param) = self.field_at_fault(issue) {
            RefusalKind::Invalid { param: Some(param.to_owned()) }
        } else {
            return self.configuration();
        };
        NotDone::Refused(Box::new(self.refusal(kind)))
    }

    /// Our name of the field that the issue, or the path PayPal gives with it, is about.
    fn field_at_fault(&self, issue: &str) -> Option<&'static str> {
        if BAD_AMOUNT.contains(&issue) {
            return Some("amount");
        }
        if BAD_CURRENCY.contains(&issue) {
            return Some("currency");
        }
        if BAD_METHOD.contains(&issue) {
            return Some("paymentMethodId");
        }
        let path = self.detail()?.field.as_deref()?;
        let fields = [
            ("/currency_code", "currency"),
            ("/amount", "amount"),
            ("/experience_context", "returnUrl"),
            ("/payment_source", "paymentMethodId"),
            ("/description", "description"),
            ("/reference_id", "customerReference"),
        ];
        fields.into_iter().find(|(part, _)| path.contains(part)).map(|(_, field)| field)
    }

    /// Our credentials, account or integration is at fault. The client is told no more than that; the log
    /// says why.
    fn configuration(&self) -> NotDone {
        tracing::error!(
            provider = "paypal",
            status = self.status,
            issue = self.issue(),
            field = self.detail().and_then(|detail| detail.field.as_deref()).map(untrusted::message),
            "paypal refuses the gateway itself: {}",
            self.message()
        );
        let message = "PayPal refuses this gateway's request; its operator has to look into it".to_owned();
        let refusal = self.refusal(RefusalKind::Configuration);
        NotDone::Refused(Box::new(Refusal { message, ..refusal }))
    }

    fn refusal(&self, kind: RefusalKind) -> Refusal {
        Refusal { kind, code: self.issue(), decline_code: None, message: self.message(), reference: None }
    }

    fn detail(&self) -> Option<&Detail> {
        self.error.as_ref().ok()?.details.first()
    }

    fn message(&self) -> String {
        let described = self.detail().and_then(|detail| detail.description.as_deref());
        let message = described.or_else(|| self.error.as_ref().ok()?.message.as_deref());
        message.map_or_else(|| "PayPal gave no reason".to_owned(), untrusted::message)
    }
}

fn in_progress() -> NotDone {
    NotDone::Unknown(Doubt::conflict("an earlier request for the same is still being worked on"))
}

const IN_PROGRESS: [&str; 2] = ["ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS"];

/// The payer's bank, account or PayPal's risk check said no, or the payer would have to act first.
const DECLINED: [&str; 26] = [
    "AGREEMENT_ALREADY_CANCELLED",
    "ALIAS_DECLINED_BY_PROCESSOR",
    "AUTHORIZATION_DENIED",
    "CARD_EXPIRED",
    "COMPLIANCE_VIOLATION",
    "DECLINED_DUE_TO_RELATED_TXN",
    "DOMESTIC_TRANSACTION_REQUIRED",
    "INSTRUMENT_DECLINED",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
    "ORDER_EXPIRED",
    "ORDER_NOT_APPROVED",
    "PAYEE_BLOCKED_TRANSACTION",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED",
    "PAYER_ACCOUNT_RESTRICTED",
    "PAYER_ACTION_REQUIRED",
    "PAYER_CANNOT_PAY",
    "PAYMENT_SOURCE_CANNOT_BE_USED",
    "PAYMENT_SOURCE_DECLINED_BY_PROCESSOR",
    "PAYMENT_SOURCE_INFO_CANNOT_BE_VERIFIED",
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
    "REFERENCED_CARD_EXPIRED",
    "TOKEN_EXPIRED",
    "TRANSACTION_BLOCKED_BY_PAYEE",
    "TRANSACTION_LIMIT_EXCEEDED",
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED",
    "TRANSACTION_REFUSED",
];

const NOT_IN_THIS_STATE: [&str; 19] = [
    "AUTHORIZATION_ALREADY_CAPTURED",
    "AUTHORIZATION_EXPIRED",
    "AUTHORIZATION_VOIDED",
    "CANNOT_BE_VOIDED",
    "MAX_AUTHORIZATION_COUNT_EXCEEDED",
    "MAX_CAPTURE_COUNT_EXCEEDED",
    "MAX_NUMBER_OF_REFUNDS_EXCEEDED",
    "ORDER_ALREADY_AUTHORIZED",
    "ORDER_ALREADY_CAPTURED",
    "ORDER_COMPLETED_OR_VOIDED",
    "PARTIAL_REFUND_NOT_ALLOWED",
    "PENDING_CAPTURE",
    "PREVIOUSLY_CAPTURED",
    "PREVIOUSLY_VOIDED",
    "REFUND_IS_RESTRICTED",
    "REFUND_NOT_ALLOWED",
    "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK",
    "REFUND_TIME_LIMIT_EXCEEDED",
    "TRANSACTION_DISPUTED",
];

const REFUND_EXCEEDS: [&str; 2] = ["CAPTURE_FULLY_REFUNDED", "REFUND_AMOUNT_EXCEEDED"];

const BAD_AMOUNT: [&str; 7] = [
    "CANNOT_BE_NEGATIVE",
    "CANNOT_BE_ZERO_OR_NEGATIVE",
    "DECIMALS_NOT_SUPPORTED",
    "DECIMAL_PRECISION",
    "MAX_CAPTURE_AMOUNT_EXCEEDED",
    "MAX_VALUE_EXCEEDED",
    "REFUND_AMOUNT_TOO_LOW",
];

const BAD_CURRENCY: [&str; 3] =
    ["CURRENCY_NOT_SUPPORTED_FOR_CARD_TYPE", "CURRENCY_NOT_SUPPORTED_FOR_COUNTRY", "INVALID_CURRENCY_CODE"];

const BAD_METHOD: [&str; 9] = [
    "ACTION_DOES_NOT_MATCH_INTENT",
    "BILLING_AGREEMENT_ID_MISMATCH",
    "BILLING_AGREEMENT_NOT_FOUND",
    "CARD_BRAND_NOT_SUPPORTED",
    "IDENTIFIER_NOT_FOUND",
    "MISMATCHED_VAULT_ID_TO_PAYMENT_SOURCE",
    "PAYMENT_SOURCE_MISMATCH",
    "PAYMENT_SOURCE_NOT_SUPPORTED",
    "TOKEN_ID_NOT_FOUND",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problem(status: u16, name: &str, issue: Option<&str>, field: Option<&str>) -> Problem {
        let details: Vec<_> = issue
            .iter()
            .map(|issue| json!({ "issue": issue, "field": field, "description": "Because." }))
            .collect();
        let body =
            json!({ "name": name, "message": "Refused.", "debug_id": "d", "details": details, "links": [] });
        Problem::read(&Answer::of(status, body.to_string()))
    }

    fn kind(status: u16, issue: &str, field: Option<&str>) -> RefusalKind {
        match problem(status, "UNPROCESSABLE_ENTITY", Some(issue), field).not_done() {
            NotDone::Refused(refusal) => refusal.kind,
            other => panic!("{issue}: {other:?}"),
        }
    }

    fn invalid(param: &str) -> RefusalKind {
        RefusalKind::Invalid { param: Some(param.to_owned()) }
    }

    #[test]
    fn each_issue_belongs_to_whoever_can_do_something_about_it() {
        for (issue, expected) in [
            ("INSTRUMENT_DECLINED", RefusalKind::Declined),
            ("AGREEMENT_ALREADY_CANCELLED", RefusalKind::Declined),
            ("CAPTURE_FULLY_REFUNDED", RefusalKind::RefundExceeds),
            ("REFUND_AMOUNT_EXCEEDED", RefusalKind::RefundExceeds),
            ("PENDING_CAPTURE", RefusalKind::State),
            ("AUTHORIZATION_VOIDED", RefusalKind::State),
            ("TOKEN_ID_NOT_FOUND", invalid("paymentMethodId")),
            ("INVALID_CURRENCY_CODE", invalid("currency")),
            ("MAX_CAPTURE_AMOUNT_EXCEEDED", invalid("amount")),
            ("PAYEE_ACCOUNT_RESTRICTED", RefusalKind::Configuration),
            ("AN_ISSUE_OF_NEXT_YEAR", RefusalKind::Configuration),
        ] {
            assert_eq!(kind(422, issue, None), expected, "{issue}");
        }
    }

    #[test]
    fn a_path_leads_to_the_field_the_client_knows() {
        for (path, field) in [
            ("/purchase_units/@reference_id=='default'/amount/value", "amount"),
            ("/purchase_units/0/amount/currency_code", "currency"),
            ("/payment_source/card/vault_id", "paymentMethodId"),
            ("/payment_source/paypal/experience_context/return_url", "returnUrl"),
            ("/purchase_units/0/description", "description"),
            ("/purchase_units/0/reference_id", "customerReference"),
        ] {
            assert_eq!(kind(400, "INVALID_PARAMETER_SYNTAX", Some(path)), invalid(field), "{path}");
        }
        assert_eq!(kind(400, "INVALID_PARAMETER_SYNTAX", Some("/intent")), RefusalKind::Configuration);
    }

    #[test]
    fn the_clients_message_is_paypals_description_unless_it_is_about_us() {
        let NotDone::Refused(declined) = problem(422, "X", Some("INSTRUMENT_DECLINED"), None).not_done()
        else {
            panic!("not refused")
        };
        assert_eq!(
            (declined.code.as_deref(), declined.message.as_str()),
            (Some("INSTRUMENT_DECLINED"), "Because.")
        );
        let NotDone::Refused(ours) =
            problem(403, "NOT_AUTHORIZED", Some("PERMISSION_DENIED"), None).not_done()
        else {
            panic!("not refused")
        };
        assert_eq!(ours.kind, RefusalKind::Configuration);
        assert!(!ours.message.contains("Because"));
    }

    #[test]
    fn what_was_not_executed_and_what_may_have_been_are_kept_apart() {
        let limited = problem(429, "RATE_LIMIT_REACHED", None, None);
        assert!(matches!(limited.not_done(), NotDone::NotSent(_)));
        let html = |status| Problem::read(&Answer::of(status, "<html>no</html>"));
        let doubts = [
            problem(409, "RESOURCE_CONFLICT", Some("PREVIOUS_REQUEST_IN_PROGRESS"), None),
            problem(422, "UNPROCESSABLE_ENTITY", Some("ORDER_COMPLETION_IN_PROGRESS"), None),
            problem(422, "UNPROCESSABLE_ENTITY", Some("DUPLICATE_INVOICE_ID"), None),
            problem(500, "INTERNAL_SERVER_ERROR", None, None),
            problem(503, "SERVICE_UNAVAILABLE", None, None),
            html(200),
            html(400),
            html(502),
        ];
        for doubt in doubts {
            assert!(matches!(doubt.not_done(), NotDone::Unknown(_)), "{doubt:?}");
        }
    }

    #[test]
    fn every_issue_is_in_one_class_only() {
        let classes: [&[&str]; 7] = [
            &IN_PROGRESS,
            &DECLINED,
            &NOT_IN_THIS_STATE,
            &REFUND_EXCEEDS,
            &BAD_AMOUNT,
            &BAD_CURRENCY,
            &BAD_METHOD,
        ];
        let mut all: Vec<_> = classes.concat();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
