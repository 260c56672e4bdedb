//! PayPal's refusals (developer.paypal.com/api/rest/responses), and what each one is certain of. The `issue`
//! says what happened; the HTTP status says little.

mod issues;

use std::time::Duration;

use edge_core::provider::Provider;
use serde::Deserialize;

use super::answers::Link;
use crate::domain::provider::{Doubt, Refusal, RefusalKind};
use crate::providers::blame::{Blame, blame, invalid, refused};
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

/// What was asked for; the same issue means different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Look,
    MakeOrder,
    /// Capturing or authorizing an order.
    CompleteOrder,
    /// Capturing what is held.
    Capture,
    Void,
    Refund,
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

    pub(super) fn not_done(&self, asked: Asked) -> NotDone {
        self.certainty(asked).after(self.retry_after)
    }

    fn certainty(&self, asked: Asked) -> NotDone {
        let issue = self.issue();
        let issue = issue.as_deref().unwrap_or_default();
        match (self.status, &self.error) {
            // Both come before PayPal looks at what is asked.
            (429, _) => NotDone::NotSent(Doubt::new("PayPal is rate limiting the gateway")),
            (401, _) => self.refuse(RefusalKind::Configuration),
            (409, _) => in_progress(),
            (400 | 403 | 404 | 405 | 415 | 422, Ok(_)) => self.refused(issue, asked),
            (_, Err(problem)) => NotDone::unknown(problem.as_str()),
            (status, Ok(_)) => NotDone::unknown(
                format!("PayPal answered with status {status} {issue}").trim_end().to_owned(),
            ),
        }
    }

    fn refused(&self, issue: &str, asked: Asked) -> NotDone {
        if IN_PROGRESS.contains(&issue) {
            return in_progress();
        }
        if (asked, issue) == (Asked::Refund, DUPLICATE_INVOICE_ID) {
            return NotDone::unknown("PayPal has this refund already");
        }
        let named = self.field_at_fault();
        let blame = blame(issues::ISSUES, issue).map(|blame| fitting(blame, asked));
        let told = blame.and_then(|blame| blame.kind(named));
        self.refuse(told.unwrap_or_else(|| self.told_otherwise(named)))
    }

    /// The issue tells nothing, or is newer than the table.
    fn told_otherwise(&self, named: Option<&str>) -> RefusalKind {
        match (named, self.status) {
            (Some(_), 400 | 404 | 422) => invalid(named),
            // Well-formed and not executed: about what the client chose, or what became of the payment since. Not
            // called a decline, which would count as proof when a call is repeated.
            (None, 422) => invalid(None),
            _ => RefusalKind::Configuration,
        }
    }

    /// Our name of the field that PayPal's path is about.
    fn field_at_fault(&self) -> Option<&'static str> {
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

    fn refuse(&self, kind: RefusalKind) -> NotDone {
        let (code, message) = (self.issue(), self.message());
        let refusal = Refusal { kind, code, decline_code: None, message, reference: None };
        refused(Provider::Paypal, refusal, self.detail().and_then(|detail| detail.field.as_deref()))
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

const IN_PROGRESS: [&str; 3] =
    ["ORDER_COMPLETION_IN_PROGRESS", "ORDER_IS_PENDING_APPROVAL", "PREVIOUS_REQUEST_IN_PROGRESS"];

/// Of what this gateway makes, only refunds carry an invoice id, their own: so this refund was made before, and how it
/// went is open. Elsewhere it is the invoice id of an order that the client made, and nothing was executed.
pub(super) const DUPLICATE_INVOICE_ID: &str = "DUPLICATE_INVOICE_ID";

/// The blame, where a request for this names no payment method: it lies with what was made of the method before.
fn fitting(blame: Blame, asked: Asked) -> Blame {
    match (blame, asked) {
        (Blame::Field("paymentMethodId"), Asked::Capture | Asked::Void | Asked::Refund) => Blame::State,
        _ => blame,
    }
}

#[cfg(test)]
mod tests;
