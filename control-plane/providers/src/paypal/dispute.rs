//! Disputes: an event's claims, and PayPal's own object (developer.paypal.com/api/customer-disputes/v1/#disputes_get).

use jiff::Timestamp;
use payments::model::provider::ProviderRef;
use payments::model::snapshot::{DisputeSnapshot, Found};
use payments::model::webhook::{
    Dispute, DisputeOutcome, DisputeStage, DisputeVerdict, EventRefs, EventSubject,
};
use serde_json::Value;

use super::errors::{Problem, RequestKind};
use super::resource::Resource;
use super::{Paypal, requests};
use crate::provider_result::{NotDone, ProviderResult, found};
use crate::transport::ProviderResponse;

/// Maximum transactions per dispute. A dispute is mostly about one purchase. Each further one costs up to two reads,
/// and another party writes the list, without a limit.
const ABOUT_MAX: usize = 10;

impl Paypal {
    pub(super) async fn look_at_dispute(&self, dispute: &ProviderRef) -> Found<DisputeSnapshot> {
        match self.client.look().send(&requests::look_at_dispute(dispute)).await {
            Ok(answer) if Problem::read(&answer).lacks_permission() => Found::CannotAsk,
            Ok(answer) => found(shown(&answer, dispute)),
            Err(not_done) => Found::Unavailable(not_done.uncertainty()),
        }
    }
}

fn shown(answer: &ProviderResponse, asked: &ProviderRef) -> ProviderResult<Option<DisputeSnapshot>> {
    if Problem::read(answer).is_missing() {
        return Ok(None);
    }
    if !answer.succeeded() {
        return Err(Problem::read(answer).not_done(RequestKind::Look));
    }
    let object: Value = answer.json().map_err(NotDone::unknown)?;
    let resource = Resource(&object);
    let at = resource.time("/update_time").or_else(|| resource.time("/create_time"));
    let dispute = at.and_then(|at| read(&resource, false, at, true));
    match dispute.filter(|dispute| dispute.id == *asked) {
        Some(dispute) => Ok(Some(DisputeSnapshot { dispute, subject: subject(&object) })),
        None => {
            Err(NotDone::unknown("PayPal answered with something else than the dispute that was asked for"))
        }
    }
}

/// The dispute as an event claims it: PayPal signs only a checksum of the event's body.
pub(super) fn claimed(kind: &str, resource: &Resource<'_>, created_at: Option<Timestamp>) -> EventSubject {
    let is_closing = kind == "CUSTOMER.DISPUTE.RESOLVED";
    let dispute = created_at.and_then(|at| read(resource, is_closing, at, false));
    let refs = subject(resource.0).into_iter().next().unwrap_or_default();
    dispute.map_or(EventSubject::Other, |dispute| EventSubject::Dispute(refs, dispute))
}

/// The disputed transactions. One without its capture's id could be anyone's, and is left out.
fn subject(object: &Value) -> Vec<EventRefs> {
    let transactions = object.get("disputed_transactions").and_then(Value::as_array);
    let all_refs = transactions.into_iter().flatten().filter_map(|transaction| {
        let transaction = Resource(transaction);
        let charge = Some(transaction.reference("/seller_transaction_id")?);
        Some(EventRefs { payment: transaction.payment("/custom"), charge, ..EventRefs::default() })
    });
    all_refs.take(ABOUT_MAX).collect()
}

/// The dispute as of `at`.
fn read(resource: &Resource<'_>, is_closing: bool, at: Timestamp, is_verified: bool) -> Option<Dispute> {
    let money = resource.sum("/dispute_amount").and_then(|sum| sum.money());
    let status = resource.code("/status");
    let is_closed = is_closing || status.as_deref() == Some("RESOLVED");
    let stage = match status.as_deref() {
        _ if is_closed => DisputeStage::Closed,
        Some("UNDER_REVIEW") => DisputeStage::Review,
        _ => DisputeStage::Open,
    };
    let code = resource.code("/dispute_outcome/outcome_code").filter(|_| is_closed);
    Some(Dispute {
        id: resource.reference("/dispute_id")?,
        is_verified,
        reason: resource.code("/reason"),
        status,
        amount: money.map(|money| money.amount),
        currency: money.map(|money| money.currency),
        stage,
        outcome: code.map(|code| DisputeOutcome::new(verdict(&code), code)),
        opened_at: resource.time("/create_time"),
        closed_at: is_closed.then_some(at),
        as_of: at,
        changed_at: resource.time("/update_time"),
    })
}

/// Who has the money (developer.paypal.com/api/customer-disputes/v1, `dispute_outcome`). With a payout, PayPal itself
/// bears the loss. `NONE`: closed without a decision, because another dispute replaces it.
fn verdict(outcome_code: &str) -> DisputeVerdict {
    match outcome_code {
        "RESOLVED_SELLER_FAVOUR" | "RESOLVED_WITH_PAYOUT" | "DENIED" => DisputeVerdict::Won,
        "RESOLVED_BUYER_FAVOUR" | "ACCEPTED" => DisputeVerdict::Lost,
        "CANCELED_BY_BUYER" => DisputeVerdict::Withdrawn,
        _ => DisputeVerdict::Other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TXN: &str = "txn_00000000-0000-7101-8101-010101010101";

    fn subject_of(kind: &str, resource: &Value) -> EventSubject {
        claimed(kind, &Resource(resource), Some("2026-02-14T21:50:07.940Z".parse().unwrap()))
    }

    #[test]
    fn a_dispute_leads_to_the_capture_it_is_about() {
        let resource = json!({
            "dispute_id": "PP-D-27803", "reason": "MERCHANDISE_OR_SERVICE_NOT_RECEIVED", "status": "RESOLVED",
            "dispute_amount": { "currency_code": "USD", "value": "49.99" },
            "create_time": "2026-02-01T00:00:00.000Z",
            "disputed_transactions": [{ "seller_transaction_id": "C1", "custom": TXN }],
        });
        let EventSubject::Dispute(refs, dispute) = subject_of("CUSTOMER.DISPUTE.RESOLVED", &resource) else {
            panic!()
        };
        assert!(!dispute.is_verified, "it is what the event claims");
        assert_eq!(refs.charge, Some(ProviderRef::new("C1")));
        assert_eq!(dispute.amount.unwrap().minor(), 4_999);
        assert!(dispute.opened_at.is_some() && dispute.closed_at == Some(dispute.as_of));
    }

    #[test]
    fn paypals_outcome_tells_who_has_the_money() {
        for (code, verdict) in [
            ("RESOLVED_SELLER_FAVOUR", DisputeVerdict::Won),
            ("RESOLVED_WITH_PAYOUT", DisputeVerdict::Won),
            ("DENIED", DisputeVerdict::Won),
            ("RESOLVED_BUYER_FAVOUR", DisputeVerdict::Lost),
            ("ACCEPTED", DisputeVerdict::Lost),
            ("CANCELED_BY_BUYER", DisputeVerdict::Withdrawn),
            ("NONE", DisputeVerdict::Other),
            ("A_WORD_OF_NEXT_YEAR", DisputeVerdict::Other),
        ] {
            let resource = json!({ "dispute_id": "PP-D-1", "status": "RESOLVED",
                "dispute_outcome": { "outcome_code": code }, "update_time": "2026-02-14T21:50:07.123Z" });
            let subject = subject_of("CUSTOMER.DISPUTE.RESOLVED", &resource);
            let EventSubject::Dispute(_, told) = subject else { panic!("{code}") };
            assert_eq!(told.outcome, Some(DisputeOutcome::new(verdict, code)));
            assert_eq!(told.changed_at.unwrap().subsec_millisecond(), 123);
        }
    }

    #[test]
    fn a_dispute_that_goes_on_has_no_outcome() {
        for (status, stage) in [
            ("OPEN", DisputeStage::Open),
            ("WAITING_FOR_SELLER_RESPONSE", DisputeStage::Open),
            ("UNDER_REVIEW", DisputeStage::Review),
            ("A_WORD_OF_NEXT_YEAR", DisputeStage::Open),
        ] {
            let resource = json!({ "dispute_id": "PP-D-1", "status": status,
                "dispute_outcome": { "outcome_code": "RESOLVED_BUYER_FAVOUR" } });
            let subject = subject_of("CUSTOMER.DISPUTE.UPDATED", &resource);
            let EventSubject::Dispute(_, told) = subject else { panic!("{status}") };
            assert_eq!((told.stage, told.outcome, told.closed_at), (stage, None, None), "{status}");
        }
    }

    #[test]
    fn a_list_of_transactions_has_an_end_and_none_without_its_capture() {
        let transaction = |n: usize| json!({ "seller_transaction_id": format!("C{n}"), "custom": TXN });
        let mut transactions: Vec<_> = (0..1_000).map(transaction).collect();
        transactions.insert(0, json!({ "custom": TXN }));
        transactions.insert(0, json!("strange"));
        let all_refs = subject(&json!({ "disputed_transactions": transactions }));
        assert_eq!(all_refs.len(), ABOUT_MAX);
        assert_eq!(all_refs[0].charge, Some(ProviderRef::new("C0")));
    }
}
