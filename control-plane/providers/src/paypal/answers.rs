//! The meaning of PayPal's answers. A `COMPLETED` order may contain a declined capture: only the capture or
//! authorization in it shows whether money moved, and only for the requested amount.

use edge_core::money::Money;
use edge_core::request::CaptureMode;
use payments::model::id::PaymentId;
use payments::model::paid_with::PaidWith;
use payments::model::provider::{Captured, Charged, ProviderRef, Refunded};
use serde::Deserialize;

use super::currency::Sum;
use super::errors::{Problem, RequestKind};
use super::link::Link;
use crate::provider_result::{NotDone, ProviderResult};
use crate::transport::ProviderResponse;
use crate::untrusted;

/// The values that an answer must match.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) payment: PaymentId,
    pub(super) money: Money,
    pub(super) mode: CaptureMode,
}

/// Statuses and reasons may be newer than this code.
#[derive(Debug, Deserialize)]
pub(super) struct Order {
    id: String,
    pub(super) status: String,
    intent: Option<String>,
    #[serde(default)]
    purchase_units: Vec<Unit>,
    #[serde(default)]
    links: Vec<Link>,
    /// What the payer pays with, by the name of its kind.
    payment_source: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Unit {
    amount: Option<Sum>,
    custom_id: Option<String>,
    #[serde(default)]
    payments: Payments,
}

#[derive(Debug, Default, Deserialize)]
struct Payments {
    #[serde(default)]
    captures: Vec<Transaction>,
    #[serde(default)]
    authorizations: Vec<Transaction>,
    #[serde(default)]
    refunds: Vec<Transaction>,
}

/// A capture, an authorization or a refund.
#[derive(Debug, Deserialize)]
pub(super) struct Transaction {
    id: String,
    status: String,
    amount: Option<Sum>,
    custom_id: Option<String>,
    invoice_id: Option<String>,
    create_time: Option<String>,
    /// An authorization's expiry, which its status does not show.
    expiration_time: Option<String>,
    #[serde(default)]
    links: Vec<Link>,
    status_details: Option<StatusDetails>,
    processor_response: Option<ProcessorResponse>,
    supplementary_data: Option<SupplementaryData>,
}

#[derive(Debug, Deserialize)]
struct StatusDetails {
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ProcessorResponse {
    response_code: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SupplementaryData {
    related_ids: Option<RelatedIds>,
}

#[derive(Debug, Deserialize)]
struct RelatedIds {
    order_id: Option<String>,
}

/// The owner of an order, by the payment id that this gateway sets on its orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    ThisPayment,
    AnotherPayment,
    /// Made by the client itself.
    Client,
}

pub(super) fn order(answer: &ProviderResponse, asked: RequestKind) -> ProviderResult<(ProviderRef, Order)> {
    if !answer.succeeded() {
        return Err(Problem::read(answer).not_done(asked));
    }
    let order: Order = answer.json().map_err(NotDone::unknown)?;
    let id = untrusted::reference(&order.id).ok_or_else(no_id)?;
    Ok((id, order))
}

pub(super) fn transaction(answer: &ProviderResponse, asked: RequestKind) -> ProviderResult<Transaction> {
    if !answer.succeeded() {
        return Err(Problem::read(answer).not_done(asked));
    }
    answer.json().map_err(NotDone::unknown)
}

impl Order {
    /// The field of the client's request that this order contradicts, if any.
    pub(super) fn contradicts(&self, expected: &Expected) -> Option<&'static str> {
        let [unit] = self.purchase_units.as_slice() else { return Some("paymentMethodId") };
        let intent = match expected.mode {
            CaptureMode::Automatic => "CAPTURE",
            CaptureMode::Manual => "AUTHORIZE",
        };
        let amount = unit.amount.as_ref();
        if !amount.is_some_and(|sum| sum.is_in(expected.money.currency)) {
            Some("currency")
        } else if !amount.is_some_and(|sum| sum.is(expected.money)) {
            Some("amount")
        } else if self.intent.as_deref() != Some(intent) {
            Some("capture")
        } else {
            None
        }
    }

    pub(super) fn owner(&self, payment: PaymentId) -> Owner {
        owner(self.purchase_units.first().and_then(|unit| unit.custom_id.as_deref()), payment)
    }

    /// Whether the order can still be paid.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "CREATED" | "SAVED" | "APPROVED" | "PAYER_ACTION_REQUIRED")
    }

    pub(super) fn payers_page(&self) -> Option<String> {
        Link::payers_page(&self.links)
    }

    /// The result of the order's captures or authorizations; `None` if there are none yet.
    pub(super) fn paid(&self, id: &ProviderRef, expected: &Expected) -> Option<ProviderResult<Charged>> {
        let payments = &self.purchase_units.first()?.payments;
        let payment = id.clone();
        Some(match expected.mode {
            CaptureMode::Automatic => {
                furthest(&payments.captures)?.captured(expected).map(|captured| match captured {
                    Captured::Completed { charge } => {
                        Charged::Completed { payment, charge, paid_with: self.paid_with() }
                    }
                    Captured::Pending => Charged::Pending { payment },
                })
            }
            CaptureMode::Manual => {
                furthest(&payments.authorizations)?.authorized(payment, expected, self.paid_with())
            }
        })
    }

    /// Whether the order was to be paid, and every try was declined.
    pub(super) fn is_declined(&self) -> bool {
        let payments = self.purchase_units.first().map(|unit| &unit.payments);
        let all = payments.into_iter().flat_map(|all| all.captures.iter().chain(&all.authorizations));
        let is_declined = |one: &Transaction| matches!(&*one.status, "DECLINED" | "DENIED" | "FAILED");
        let mut all = all.peekable();
        all.peek().is_some() && all.all(is_declined)
    }

    /// A successful capture of exactly this amount, or else one that may still succeed.
    pub(super) fn capture_of(&self, expected: &Expected) -> Option<Captured> {
        let captures = &self.purchase_units.first()?.payments.captures;
        let of_it = captures.iter().filter_map(|capture| capture.captured(expected).ok());
        of_it.max_by_key(|captured| matches!(captured, Captured::Completed { .. }))
    }
}

/// The transaction that got furthest: a success supersedes an earlier decline.
fn furthest(transactions: &[Transaction]) -> Option<&Transaction> {
    transactions.iter().max_by_key(|transaction| match transaction.status.as_str() {
        "DECLINED" | "DENIED" | "FAILED" | "VOIDED" => 0,
        "PENDING" => 1,
        _ => 2,
    })
}

impl Transaction {
    pub(super) fn captured(&self, expected: &Expected) -> ProviderResult<Captured> {
        let charge = self.checked(expected)?;
        match self.status.as_str() {
            // A retry gets the current state, which may be a later one.
            "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED" | "REVERSED" => {
                Ok(Captured::Completed { charge })
            }
            "PENDING" => Ok(Captured::Pending),
            "DECLINED" | "DENIED" | "FAILED" => Err(self.declined()),
            status => Err(unexpected(status)),
        }
    }

    fn authorized(
        &self,
        payment: ProviderRef,
        expected: &Expected,
        paid_with: Option<PaidWith>,
    ) -> ProviderResult<Charged> {
        let authorization = self.checked(expected)?;
        match self.status.as_str() {
            "CREATED" => Ok(Charged::Authorized { payment, authorization, paid_with }),
            "PENDING" => Ok(Charged::Pending { payment }),
            "DENIED" | "VOIDED" => Err(self.declined()),
            status => Err(unexpected(status)),
        }
    }

    pub(super) fn refunded(&self, expected: &Expected) -> ProviderResult<Refunded> {
        let refund = self.checked(expected)?;
        match self.status.as_str() {
            "COMPLETED" => Ok(Refunded::Processed { refund }),
            "PENDING" => Ok(Refunded::Pending { refund }),
            "FAILED" | "CANCELLED" => {
                Err(NotDone::declined("refund_failed", "PayPal could not send the money back")
                    .because(self.reason())
                    .about(&refund))
            }
            status => Err(unexpected(status)),
        }
    }

    /// Whether an authorization is captured in part.
    pub(super) fn is_captured_in_part(&self) -> bool {
        self.status == "PARTIALLY_CAPTURED"
    }

    /// The order of the transaction, named in one of two places.
    pub(super) fn order(&self) -> Option<ProviderRef> {
        let related = self.supplementary_data.as_ref().and_then(|data| data.related_ids.as_ref());
        let order = related.and_then(|related| untrusted::reference(related.order_id.as_deref()?));
        order.or_else(|| self.up("orders"))
    }

    /// The transaction's id, if it is for the requested money and not for another payment.
    fn checked(&self, expected: &Expected) -> ProviderResult<ProviderRef> {
        let id = untrusted::reference(&self.id).ok_or_else(no_id)?;
        if !self.amount.as_ref().is_some_and(|sum| sum.is(expected.money)) {
            return Err(NotDone::unknown("PayPal answered with another amount than was asked for").about(&id));
        }
        if owner(self.custom_id.as_deref(), expected.payment) == Owner::AnotherPayment {
            return Err(NotDone::unknown("PayPal answered with another payment's transaction").about(&id));
        }
        Ok(id)
    }

    fn declined(&self) -> NotDone {
        let code = untrusted::code(&self.status).unwrap_or_default();
        NotDone::declined(&code, "the payment was declined").because(self.reason())
    }

    /// The processor's code, else PayPal's own reason.
    fn reason(&self) -> Option<String> {
        let processor = self.processor_response.as_ref().and_then(|p| p.response_code.as_deref());
        let status = || self.status_details.as_ref().and_then(|details| details.reason.as_deref());
        processor.or_else(status).and_then(untrusted::code)
    }
}

fn owner(custom_id: Option<&str>, payment: PaymentId) -> Owner {
    match custom_id.and_then(|id| id.parse::<PaymentId>().ok()) {
        Some(named) if named == payment => Owner::ThisPayment,
        Some(_) => Owner::AnotherPayment,
        None => Owner::Client,
    }
}

fn no_id() -> NotDone {
    NotDone::unknown("PayPal answered with an object without a usable id")
}

pub(super) fn unexpected(status: &str) -> NotDone {
    NotDone::unknown(format!("PayPal answered with the status `{}`", untrusted::message(status)))
}

pub(super) mod snapshot;
mod source;

pub(super) use self::source::not_as_asked;

#[cfg(test)]
mod tests;
