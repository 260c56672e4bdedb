//! PayPal's refusals (developer.paypal.com/api/rest/responses), and what each one proves. The `issue` shows what
//! happened; the HTTP status shows little.

mod issues;

use std::time::Duration;

use edge_core::provider::Provider;
use payments::model::provider::{Refusal, RefusalKind, Uncertainty};
use serde::Deserialize;

pub(super) use self::issues::DECLINED_FOR_NOW;
use super::link::Link;
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

/// The kind of request; the meaning of an issue depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RequestKind {
    Look,
    /// `names_method`: one that the payer stored or agreed to before.
    MakeOrder {
        names_method: bool,
    },
    /// Capturing or authorizing an order.
    CompleteOrder,
    /// Capturing an authorization.
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

    /// The first issue, or the error's name if there is none.
    pub(super) fn issue(&self) -> Option<String> {
        let error = self.error.as_ref().ok()?;
        let issue = error.details.first().and_then(|detail| detail.issue.as_deref());
        issue.or(error.name.as_deref()).and_then(untrusted::code)
    }

    /// Whether PayPal itself, not something in between, refuses for lack of permission.
    pub(super) fn lacks_permission(&self) -> bool {
        self.status == 403 && self.error.as_ref().is_ok_and(|error| error.name.is_some())
    }

    /// Whether PayPal itself, not something in between, reports that the object does not exist.
    pub(super) fn is_missing(&self) -> bool {
        self.status == 404 && self.issue().is_some()
    }

    /// Whether PayPal itself refuses because it does not show such an object to this account.
    pub(super) fn is_unknown_object(&self) -> bool {
        matches!(self.status, 400 | 403 | 404 | 422)
            && self.issue().is_some_and(|issue| MISSING.contains(&issue.as_str()))
    }

    /// Whether PayPal itself refuses because the object is another account's.
    pub(super) fn is_of_another_account(&self) -> bool {
        self.status == 403 && self.issue().as_deref() == Some("PERMISSION_DENIED")
    }

    /// The page to send the payer to, if the error names one.
    pub(super) fn page(&self) -> Option<String> {
        Link::payers_page(&self.error.as_ref().ok()?.links)
    }

    pub(super) fn not_done(&self, asked: RequestKind) -> NotDone {
        self.certainty(asked).after(self.retry_after)
    }

    fn certainty(&self, asked: RequestKind) -> NotDone {
        let issue = self.issue();
        let issue = issue.as_deref().unwrap_or_default();
        match (self.status, &self.error) {
            // PayPal sends both before it processes the request.
            (429, _) => NotDone::NotSent(Uncertainty::new("PayPal is rate limiting the gateway")),
            (401, _) => self.refuse(RefusalKind::Configuration),
            (409, _) => in_progress(),
            // Without either, it need not be PayPal that refuses.
            (400 | 403 | 404 | 405 | 415 | 422, Ok(_)) if !issue.is_empty() => self.refused(issue, asked),
            (_, Err(problem)) => NotDone::unknown(problem.as_str()),
            (status, Ok(_)) => NotDone::unknown(
                format!("PayPal answered with status {status} {issue}").trim_end().to_owned(),
            ),
        }
    }

    fn refused(&self, issue: &str, asked: RequestKind) -> NotDone {
        if IN_PROGRESS.contains(&issue) {
            return in_progress();
        }
        if (asked, issue) == (RequestKind::Refund, DUPLICATE_INVOICE_ID) {
            return NotDone::unknown("PayPal has this refund already");
        }
        let named = self.field_at_fault(asked);
        let blame = blame_of(issue, asked);
        if MISSING.contains(&issue) && blame == Some(Blame::State) {
            tracing::error!(
                provider = "paypal",
                ?asked,
                "PayPal no longer has an object that it made for this account"
            );
        }
        let told = blame.and_then(|blame| blame.kind(named));
        self.refuse(told.unwrap_or_else(|| self.told_otherwise(blame, named, asked)))
    }

    /// For an issue that does not show who has to act, or is newer than the table. Nothing was executed.
    fn told_otherwise(&self, blame: Option<Blame>, named: Option<&str>, asked: RequestKind) -> RefusalKind {
        match (named, self.status) {
            (Some(_), 400 | 404 | 422) => invalid(named),
            (None, 422) => nobody_named(asked),
            // A known issue means that this gateway wrote something malformed.
            (None, 400) if blame.is_none() => nobody_named(asked),
            _ => RefusalKind::Configuration,
        }
    }

    /// Our name for the field that PayPal's path refers to, if this kind of request has it.
    fn field_at_fault(&self, asked: RequestKind) -> Option<&'static str> {
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

/// This gateway sets an invoice id only on refunds, a unique one each. On a refund, this issue means that the refund
/// was made before, with an unknown outcome. Elsewhere it concerns the invoice id of an order that the client made, and
/// nothing was executed.
pub(super) const DUPLICATE_INVOICE_ID: &str = "DUPLICATE_INVOICE_ID";

/// The issues for an object that does not exist, or not for this account.
pub(super) const MISSING: [&str; 2] = ["INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND"];

impl RequestKind {
    /// Whether the request is about an existing payment, for which the client sends only an amount.
    const fn is_of_a_payment(self) -> bool {
        matches!(self, Self::Capture | Self::Void | Self::Refund)
    }
}

/// Who has to act.
fn blame_of(issue: &str, asked: RequestKind) -> Option<Blame> {
    let blame = blame(issues::ISSUES, issue)?;
    Some(match (blame, asked) {
        // The only PayPal object that such a request names.
        (_, RequestKind::MakeOrder { names_method: true }) if MISSING.contains(&issue) => {
            Blame::Field("paymentMethodId")
        }
        // PayPal made the object and does not show it now. Another account's credentials have the same effect, so this
        // proves nothing about the money. There is nothing to capture, void or refund.
        (_, asked) if asked.is_of_a_payment() && MISSING.contains(&issue) => Blame::State,
        // A choice made for the charge does not allow it.
        (Blame::Field(field), asked) if asked.is_of_a_payment() && field != "amount" => Blame::State,
        _ => blame,
    })
}

/// For a refusal that does not show who has to act: it is about the client's choices for a charge, or about the
/// payment's state since. It is not called a decline, which would count as proof after a retry.
fn nobody_named(asked: RequestKind) -> RefusalKind {
    match asked {
        RequestKind::MakeOrder { .. } | RequestKind::CompleteOrder => invalid(None),
        RequestKind::Capture | RequestKind::Void | RequestKind::Refund => RefusalKind::State,
        RequestKind::Look => RefusalKind::Configuration,
    }
}

#[cfg(test)]
mod tests;
