//! PayPal's refusals (developer.paypal.com/api/rest/responses), and what each one is certain of. The `issue`
//! says what happened; the HTTP status says little.

mod issues;

use std::time::Duration;

use edge_core::provider::Provider;
use payments::model::provider::{Refusal, RefusalKind, Uncertainty};
use serde::Deserialize;

use super::answers::Link;
use crate::blame::{Blame, blame, invalid, refused};
use crate::provider_result::NotDone;
use crate::transport::ProviderResponse;
use crate::untrusted;

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
    /// `names_method`: of what the payer stored or agreed to before.
    MakeOrder {
        names_method: bool,
    },
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
    pub(super) fn read(answer: &ProviderResponse) -> Self {
        Self { status: answer.status, retry_after: answer.retry_after, error: answer.json() }
    }

    /// The first issue, or the error's name where there is none.
    pub(super) fn issue(&self) -> Option<String> {
        let error = self.error.as_ref().ok()?;
        let issue = error.details.first().and_then(|detail| detail.issue.as_deref());
        issue.or(error.name.as_deref()).and_then(untrusted::code)
    }

    /// PayPal itself says that these credentials may not do this: nothing between us and it does.
    pub(super) fn lacks_permission(&self) -> bool {
        self.status == 403 && self.error.as_ref().is_ok_and(|error| error.name.is_some())
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
            (429, _) => NotDone::NotSent(Uncertainty::new("PayPal is rate limiting the gateway")),
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
        let named = self.field_at_fault(asked);
        let blame = blame_of(issue, asked);
        if MISSING.contains(&issue) && blame == Some(Blame::State) {
            tracing::error!(
                provider = "paypal",
                ?asked,
                "PayPal does not have what it made for this account before"
            );
        }
        let told = blame.and_then(|blame| blame.kind(named));
        self.refuse(told.unwrap_or_else(|| self.told_otherwise(blame, named, asked)))
    }

    /// The issue tells nothing, or is newer than the table. Nothing was executed.
    fn told_otherwise(&self, blame: Option<Blame>, named: Option<&str>, asked: Asked) -> RefusalKind {
        match (named, self.status) {
            (Some(_), 400 | 404 | 422) => invalid(named),
            (None, 422) => nobody_named(asked),
            // Malformed in what this gateway wrote, if the issue is one of those that say so.
            (None, 400) if blame.is_none() => nobody_named(asked),
            _ => RefusalKind::Configuration,
        }
    }

    /// Our name of the field that PayPal's path is about, if the request for this has it.
    fn field_at_fault(&self, asked: Asked) -> Option<&'static str> {
        let path = self.detail()?.field.as_deref()?;
        let fields = [
            ("/currency_code", "currency"),
            ("/amount", "amount"),
            ("/experience_context", "returnUrl"),
            ("/payment_source", "paymentMethodId"),
            ("/description", "description"),
            ("/reference_id", "customerReference"),
        ];
        let field = fields.into_iter().find(|(part, _)| path.contains(part)).map(|(_, field)| field);
        field.filter(|field| !asked.is_of_a_payment() || *field == "amount")
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
    NotDone::Unknown(Uncertainty::conflict("an earlier request for the same is still being worked on"))
}

const IN_PROGRESS: [&str; 3] =
    ["ORDER_COMPLETION_IN_PROGRESS", "ORDER_IS_PENDING_APPROVAL", "PREVIOUS_REQUEST_IN_PROGRESS"];

/// Of what this gateway makes, only refunds carry an invoice id, their own: so this refund was made before, and how it
/// went is open. Elsewhere it is the invoice id of an order that the client made, and nothing was executed.
pub(super) const DUPLICATE_INVOICE_ID: &str = "DUPLICATE_INVOICE_ID";

/// What PayPal says of an object that it does not have, or not for this account.
pub(super) const MISSING: [&str; 2] = ["INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND"];

impl Asked {
    /// Whether it is about a payment that was made before: all that the client then says is an amount.
    const fn is_of_a_payment(self) -> bool {
        matches!(self, Self::Capture | Self::Void | Self::Refund)
    }
}

/// Who has to act.
fn blame_of(issue: &str, asked: Asked) -> Option<Blame> {
    let blame = blame(issues::ISSUES, issue)?;
    Some(match (blame, asked) {
        // The one object of PayPal's that such a request names.
        (_, Asked::MakeOrder { names_method: true }) if MISSING.contains(&issue) => {
            Blame::Field("paymentMethodId")
        }
        // PayPal made it and does not show it now: true of another account's credentials too, so it proves nothing about
        // the money. There is nothing that could be captured, released or given back.
        (_, asked) if asked.is_of_a_payment() && MISSING.contains(&issue) => Blame::State,
        // What was chosen for the charge does not allow it.
        (Blame::Field(field), asked) if asked.is_of_a_payment() && field != "amount" => Blame::State,
        _ => blame,
    })
}

/// Nothing tells who has to act: it is about what the client chose for a charge, or about what became of the payment
/// since. Not called a decline, which would count as proof when a call is repeated.
fn nobody_named(asked: Asked) -> RefusalKind {
    match asked {
        Asked::MakeOrder { .. } | Asked::CompleteOrder => invalid(None),
        Asked::Capture | Asked::Void | Asked::Refund => RefusalKind::State,
        Asked::Look => RefusalKind::Configuration,
    }
}

#[cfg(test)]
mod tests;
