//! The status of an order, a capture or a refund, whatever was expected of it.

use edge_core::money::{Amount, Money};
use jiff::Timestamp;
use payments::model::payer_action::PayerAction;
use payments::model::provider::{ProviderRef, Refusal, RefusalKind};
use payments::model::snapshot::{ProviderSnapshot, ProviderStatus, RefundProviderStatus, RefundSnapshot};

use super::{Link, Order, Payments, Transaction, Unit, furthest};
use crate::provider_result::{NotDone, ProviderResult};
use crate::untrusted;

impl Order {
    pub(in crate::paypal) fn snapshot(&self) -> ProviderResult<ProviderSnapshot> {
        let reference = untrusted::reference(&self.id).ok_or_else(super::no_id)?;
        let (payment, money, provider_status) = match self.purchase_units.as_slice() {
            [unit] => {
                let money = unit.amount.as_ref().and_then(super::Sum::money);
                (ours(unit.custom_id.as_deref()), money, self.where_it_stands(unit))
            }
            _ => (None, None, unclear("PayPal's order has another number of purchase units than one")),
        };
        let provider_status = if money.is_some() {
            provider_status
        } else {
            unclear("PayPal's order is over an amount that cannot be one of ours")
        };
        Ok(ProviderSnapshot { reference, payment, money, paid_with: self.paid_with(), provider_status })
    }

    /// The payments in the order decide; its own status shows little.
    fn where_it_stands(&self, unit: &Unit) -> ProviderStatus {
        let payments = &unit.payments;
        let (captures, authorizations) = (&payments.captures, &payments.authorizations);
        let taken: Vec<_> = captures.iter().filter(|capture| capture.is_one_of(&TAKEN)).collect();
        match taken.as_slice() {
            [] => {}
            [capture] => return capture.status_of_capture(),
            several => return taken_in_parts(several),
        }
        let declined = captures.iter().any(|capture| capture.is_one_of(&DECLINED));
        match (furthest(captures), furthest(authorizations)) {
            (Some(capture), _) if capture.status == "PENDING" => ProviderStatus::Processing,
            // The payer may try another instrument as long as the order is open. The authorization may have ended
            // since.
            (Some(capture), Some(held)) if declined && !held.is_one_of(&ENDED) => capture.status_of_capture(),
            (Some(capture), None) if self.status == "COMPLETED" => capture.status_of_capture(),
            // The capture was denied, and the order is open again for another instrument.
            (Some(capture), None) if self.status == "APPROVED" && capture.is_one_of(&DECLINED) => {
                self.approved(capture.refusal())
            }
            (_, Some(authorization)) => authorization.status_of_authorization(),
            _ => self.unpaid_status(),
        }
    }

    /// Whether money was captured, or a capture is in progress.
    pub(in crate::paypal) fn is_captured(&self) -> bool {
        let mut captures = self.purchase_units.iter().flat_map(|unit| &unit.payments.captures);
        captures.any(|capture| !capture.is_one_of(&DECLINED))
    }

    /// Whether the order is completed: its money is captured, authorized, or about to be.
    pub(in crate::paypal) fn is_paid_or_held(&self) -> bool {
        let mut payments = self.purchase_units.iter().map(|unit| &unit.payments);
        let is_held = |held: &Transaction| !held.is_one_of(&ENDED) && !held.is_one_of(&DECLINED);
        let is_empty = |all: &Payments| all.captures.is_empty() && all.authorizations.is_empty();
        // Completed, by a payment that is not shown yet.
        let is_to_be_shown = self.status == "COMPLETED" && payments.clone().all(is_empty);
        self.is_captured() || is_to_be_shown || payments.any(|all| all.authorizations.iter().any(is_held))
    }

    pub(in crate::paypal) fn refunds(&self) -> ProviderResult<Vec<RefundSnapshot>> {
        let payments = || self.purchase_units.iter().map(|unit| &unit.payments);
        let made = payments().flat_map(|all| &all.refunds).map(Transaction::refund_snapshot);
        let made = made.collect::<ProviderResult<Vec<_>>>()?;
        let reversed =
            payments().flat_map(|all| &all.captures).filter(|capture| capture.is_one_of(&[REVERSED]));
        let reversals: Vec<_> = reversed.filter_map(|capture| capture.reversal(&made)).collect();
        Ok(made.into_iter().chain(reversals).collect())
    }

    fn approved(&self, declined: Option<Refusal>) -> ProviderStatus {
        ProviderStatus::Approved { declined: declined.map(Box::new), page: self.payers_page() }
    }

    fn unpaid_status(&self) -> ProviderStatus {
        match self.status.as_str() {
            "APPROVED" => self.approved(None),
            "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED" => self
                .payers_page()
                .map_or(ProviderStatus::Open, |url| ProviderStatus::RequiresAction(PayerAction::Page(url))),
            "VOIDED" => ProviderStatus::Canceled { is_expired: false },
            status => strange(status),
        }
    }
}

/// The status of an order that was captured several times, which only operators do, in PayPal's dashboard. The sum is
/// captured, under the id of the largest part, because a refund belongs to a single capture.
fn taken_in_parts(captures: &[&Transaction]) -> ProviderStatus {
    let mut parts = Vec::new();
    for capture in captures {
        match capture.status_of_capture() {
            ProviderStatus::Captured { charge, money } => parts.push((charge, money)),
            other => return other,
        }
    }
    let Some((charge, largest)) = parts.iter().max_by_key(|(_, money)| money.amount) else {
        return ProviderStatus::Open;
    };
    let is_one_currency = parts.iter().all(|(_, money)| money.currency == largest.currency);
    let total = parts.iter().try_fold(0_u64, |sum, (_, money)| sum.checked_add(money.amount.minor()));
    match total.filter(|_| is_one_currency).and_then(Amount::new) {
        Some(amount) => {
            ProviderStatus::Captured { charge: charge.clone(), money: Money { amount, ..*largest } }
        }
        None => unclear("PayPal's order was captured several times, over amounts that have no sum"),
    }
}

/// PayPal took captured money back from the merchant. Not in the published list of statuses.
const REVERSED: &str = "REVERSED";
const TAKEN: [&str; 4] = ["COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED", REVERSED];
const DECLINED: [&str; 3] = ["DECLINED", "DENIED", "FAILED"];
/// Statuses of an authorization that was voided or has expired.
const ENDED: [&str; 2] = ["VOIDED", "EXPIRED"];

impl Transaction {
    /// The snapshot of a capture alone, if its order can no longer be read.
    pub(in crate::paypal) fn snapshot(&self) -> ProviderResult<Option<ProviderSnapshot>> {
        let id = untrusted::reference(&self.id).ok_or_else(super::no_id)?;
        let Some(reference) = self.order() else {
            return Err(NotDone::unknown("PayPal does not say which order the capture belongs to").about(&id));
        };
        let payment = ours(self.custom_id.as_deref());
        Ok(Some(ProviderSnapshot {
            reference,
            payment,
            money: None,
            paid_with: None,
            provider_status: self.status_of_capture(),
        }))
    }

    fn is_one_of(&self, statuses: &[&str]) -> bool {
        statuses.contains(&self.status.as_str())
    }

    fn status_of_capture(&self) -> ProviderStatus {
        let money = self.amount.as_ref().and_then(super::Sum::money);
        match (self.status.as_str(), untrusted::reference(&self.id), money) {
            (status, Some(charge), Some(money)) if TAKEN.contains(&status) => {
                ProviderStatus::Captured { charge, money }
            }
            ("PENDING", ..) => ProviderStatus::Processing,
            (status, ..) if DECLINED.contains(&status) => self.declined_status(),
            (status, ..) => strange(status),
        }
    }

    fn status_of_authorization(&self) -> ProviderStatus {
        match (self.status.as_str(), untrusted::reference(&self.id)) {
            ("CREATED", Some(authorization)) => ProviderStatus::Authorized {
                authorization,
                expires: instant(self.expiration_time.as_deref()),
            },
            // Captured, but the capture is not visible yet.
            ("PENDING" | "CAPTURED" | "PARTIALLY_CAPTURED", _) => ProviderStatus::Processing,
            (status, _) if ENDED.contains(&status) => {
                ProviderStatus::Canceled { is_expired: status == "EXPIRED" }
            }
            ("DENIED", _) => self.declined_status(),
            (status, _) => strange(status),
        }
    }

    fn declined_status(&self) -> ProviderStatus {
        self.refusal().map_or_else(|| strange(&self.status), ProviderStatus::Declined)
    }

    fn refusal(&self) -> Option<Refusal> {
        match self.declined() {
            NotDone::Refused(refusal) => Some(*refusal),
            NotDone::NotSent(_) | NotDone::Unknown(_) => None,
        }
    }

    /// The rest of a capture that PayPal took back beside its `refunds`, as a refund made at PayPal. It has no id
    /// there, so it goes by the capture's. `None` if nothing was left.
    fn reversal(&self, refunds: &[RefundSnapshot]) -> Option<RefundSnapshot> {
        let (charge, money) = (untrusted::reference(&self.id)?, self.amount.as_ref()?.money()?);
        let stands = |refund: &&RefundSnapshot| {
            refund.charge.as_ref() == Some(&charge)
                && !matches!(refund.provider_status, RefundProviderStatus::Failed(_))
        };
        let given_back = refunds.iter().filter(stands).filter_map(|refund| refund.money);
        let left =
            given_back.map(|part| part.amount.minor()).try_fold(money.amount.minor(), u64::checked_sub)?;
        Some(RefundSnapshot {
            refund: None,
            payment: ours(self.custom_id.as_deref()),
            reference: charge.clone(),
            charge: Some(charge),
            money: Some(Money { amount: Amount::new(left)?, ..money }),
            is_without_funds: false,
            created: None,
            provider_status: RefundProviderStatus::Processed,
        })
    }

    /// `custom_id` names the payment and `invoice_id` the refund, if we made it.
    pub(in crate::paypal) fn refund_snapshot(&self) -> ProviderResult<RefundSnapshot> {
        let reference = untrusted::reference(&self.id).ok_or_else(super::no_id)?;
        let provider_status = match self.status.as_str() {
            "COMPLETED" => RefundProviderStatus::Processed,
            "PENDING" => RefundProviderStatus::Pending,
            "FAILED" | "CANCELLED" => RefundProviderStatus::Failed(Refusal {
                kind: RefusalKind::Declined,
                code: Some("refund_failed".to_owned()),
                decline_code: self.reason(),
                message: "PayPal could not send the money back".to_owned(),
                reference: Some(reference.clone()),
            }),
            status => RefundProviderStatus::Unclear(format!(
                "PayPal names the status `{}`",
                untrusted::message(status)
            )),
        };
        Ok(RefundSnapshot {
            refund: self.invoice_id.as_deref().and_then(|id| id.parse().ok()),
            payment: ours(self.custom_id.as_deref()),
            charge: self.up("captures"),
            money: self.amount.as_ref().and_then(super::Sum::money),
            is_without_funds: false,
            created: instant(self.create_time.as_deref()),
            reference,
            provider_status,
        })
    }

    pub(super) fn up(&self, kind: &str) -> Option<ProviderRef> {
        Link::to(&self.links, "up", kind)
    }
}

fn instant(time: Option<&str>) -> Option<Timestamp> {
    time?.parse().ok()
}

fn ours(custom_id: Option<&str>) -> Option<payments::model::id::PaymentId> {
    custom_id?.parse().ok()
}

fn unclear(problem: &str) -> ProviderStatus {
    ProviderStatus::Unclear(problem.to_owned())
}

fn strange(status: &str) -> ProviderStatus {
    ProviderStatus::Unclear(format!("PayPal names the status `{}`", untrusted::message(status)))
}
