//! The status of a PaymentIntent or a refund, whatever was expected of it.

use std::collections::BTreeMap;
use std::str::FromStr;

use edge_core::client::ClientId;
use edge_core::request::CaptureMode;
use jiff::Timestamp;
use payments::model::provider::{ProviderRef, Refusal, RefusalKind};
use payments::model::snapshot::{
    ListedPayment, Origin, ProviderSnapshot, ProviderStatus, RefundProviderStatus, RefundSnapshot,
};
use serde::Deserialize;

use super::{Intent, RefundObject};
use crate::provider_result::{NotDone, ProviderResult};
use crate::stripe::currency::from_stripe_units;
use crate::stripe::errors;
use crate::stripe::requests::CLIENT;
use crate::transport::ProviderResponse;
use crate::untrusted;

/// A page of a list.
#[derive(Deserialize)]
pub(in crate::stripe) struct List<T> {
    pub(in crate::stripe) data: Vec<T>,
    #[serde(default)]
    pub(in crate::stripe) has_more: bool,
}

/// The object in an answer; `None` if it does not exist.
pub(in crate::stripe) fn object<T: serde::de::DeserializeOwned>(
    answer: &ProviderResponse,
) -> ProviderResult<Option<T>> {
    if errors::is_missing(answer) {
        return Ok(None);
    }
    if !answer.succeeded() {
        return Err(NotDone::unknown(format!("Stripe answered with status {}", answer.status)));
    }
    answer.json().map(Some).map_err(NotDone::unknown)
}

impl Intent {
    pub(in crate::stripe) fn listed(&self) -> ProviderResult<ListedPayment> {
        Ok(ListedPayment { seen: self.snapshot()?, origin: self.origin() })
    }

    fn origin(&self) -> Option<Origin> {
        let client = ClientId::parse(self.metadata.as_ref()?.get(CLIENT)?)?;
        let capture = match self.capture_method.as_str() {
            "automatic" | "automatic_async" => CaptureMode::Automatic,
            "manual" => CaptureMode::Manual,
            _ => return None,
        };
        Some(Origin { client, capture })
    }

    pub(in crate::stripe) fn snapshot(&self) -> ProviderResult<ProviderSnapshot> {
        let reference = untrusted::reference(&self.id).ok_or_else(super::no_id)?;
        let money = from_stripe_units(self.amount, &self.currency);
        let provider_status = match money {
            Some(_) => self.where_it_stands(&reference),
            None => ProviderStatus::Unclear("Stripe names an amount that cannot be one of ours".to_owned()),
        };
        Ok(ProviderSnapshot {
            payment: ours(self.metadata.as_ref(), "transactionId"),
            reference,
            money,
            paid_with: self.paid_with(),
            provider_status,
        })
    }

    fn where_it_stands(&self, intent: &ProviderRef) -> ProviderStatus {
        let unclear = |problem: &str| ProviderStatus::Unclear(problem.to_owned());
        match self.status.as_str() {
            "succeeded" => match from_stripe_units(self.amount_received, &self.currency) {
                Some(money) => ProviderStatus::Captured { charge: intent.clone(), money },
                None => unclear("Stripe succeeded with an amount that cannot be one of ours"),
            },
            "requires_capture" => ProviderStatus::Authorized { authorization: intent.clone(), expires: None },
            "requires_action" => {
                self.action(intent).map_or(ProviderStatus::Open, ProviderStatus::RequiresAction)
            }
            "processing" => ProviderStatus::Processing,
            // Until the first confirmation is decided, the status is the same, but without the error.
            "requires_payment_method" if self.last_payment_error.is_some() => {
                match self.declined().about(intent) {
                    NotDone::Refused(refusal) => ProviderStatus::Declined(*refusal),
                    _ => ProviderStatus::Open,
                }
            }
            "requires_payment_method" | "requires_confirmation" => ProviderStatus::Open,
            // Stripe cancels an authorization by itself after some days.
            "canceled" => ProviderStatus::Canceled {
                is_expired: matches!(self.cancellation_reason.as_deref(), Some("automatic" | "expired")),
            },
            status => {
                ProviderStatus::Unclear(format!("Stripe names the status `{}`", untrusted::message(status)))
            }
        }
    }
}

impl RefundObject {
    pub(in crate::stripe) fn snapshot(&self) -> ProviderResult<RefundSnapshot> {
        let reference = untrusted::reference(&self.id).ok_or_else(super::no_id)?;
        let provider_status = match self.status.as_deref().unwrap_or_default() {
            "succeeded" => RefundProviderStatus::Processed,
            "pending" | "requires_action" => RefundProviderStatus::Pending,
            "failed" | "canceled" => RefundProviderStatus::Failed(Refusal {
                kind: RefusalKind::Declined,
                code: Some("refund_failed".to_owned()),
                decline_code: self.failure_reason.as_deref().and_then(untrusted::code),
                message: "Stripe could not send the money back".to_owned(),
                reference: Some(reference.clone()),
            }),
            status => RefundProviderStatus::Unclear(format!(
                "Stripe names the status `{}`",
                untrusted::message(status)
            )),
        };
        Ok(RefundSnapshot {
            reference,
            refund: ours(self.metadata.as_ref(), "refundId"),
            payment: ours(self.metadata.as_ref(), "transactionId"),
            charge: self.payment_intent.as_deref().and_then(untrusted::reference),
            money: from_stripe_units(self.amount, &self.currency),
            is_without_funds: self.balance_transaction.is_none(),
            created: self.created.and_then(|at| Timestamp::from_second(at).ok()),
            provider_status,
        })
    }
}

fn ours<T: FromStr>(metadata: Option<&BTreeMap<String, String>>, key: &str) -> Option<T> {
    metadata?.get(key)?.parse().ok()
}
