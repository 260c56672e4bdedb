//! A capture: money taken, or an attempt to take it.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    money,
    views::{link, time, without_nulls},
};
use crate::{ledger::EffectKind, money::Money};

/// The processor's codes for a card that its bank refuses, and for one that is too old.
pub(crate) const REFUSED: &str = "0500";
pub(crate) const EXPIRED: &str = "5400";

#[derive(Debug, Clone)]
pub(crate) struct Capture {
    pub(crate) id: String,
    pub(crate) order: String,
    /// The authorization that it draws on, if any.
    pub(crate) authorization: Option<String>,
    pub(crate) money: Money,
    pub(crate) status: CaptureStatus,
    /// The processor's code, should it be declined.
    pub(crate) decline_code: &'static str,
    pub(crate) final_capture: bool,
    pub(crate) custom_id: Option<String>,
    pub(crate) invoice_id: Option<String>,
    /// The `PayPal-Request-Id` of the request that created it.
    pub(crate) request_id: Option<String>,
    pub(crate) refunds: Vec<String>,
    /// The latest dispute about it, if any.
    pub(crate) dispute: Option<String>,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CaptureStatus {
    Completed {
        /// Minor units refunded so far.
        refunded: i64,
    },
    /// Under review at PayPal.
    Pending,
    Declined,
}

impl Capture {
    /// Its kind in the ledger: a charge, or the capture of an authorization.
    pub(crate) fn effect(&self) -> EffectKind {
        if self.authorization.is_some() { EffectKind::Capture } else { EffectKind::Charge }
    }

    /// The event that reports its status.
    pub(crate) fn event(&self) -> &'static str {
        match self.status {
            CaptureStatus::Completed { .. } => "PAYMENT.CAPTURE.COMPLETED",
            CaptureStatus::Pending => "PAYMENT.CAPTURE.PENDING",
            CaptureStatus::Declined => "PAYMENT.CAPTURE.DECLINED",
        }
    }

    fn status_name(&self) -> &'static str {
        match self.status {
            CaptureStatus::Completed { refunded: 0 } => "COMPLETED",
            CaptureStatus::Completed { refunded } if refunded == self.money.minor => "REFUNDED",
            CaptureStatus::Completed { .. } => "PARTIALLY_REFUNDED",
            CaptureStatus::Pending => "PENDING",
            CaptureStatus::Declined => "DECLINED",
        }
    }

    pub(crate) fn view(&self, base: &str) -> Value {
        let own = format!("{base}/v2/payments/captures/{}", self.id);
        let up = match &self.authorization {
            Some(authorization) => format!("{base}/v2/payments/authorizations/{authorization}"),
            None => format!("{base}/v2/checkout/orders/{}", self.order),
        };
        let completed = matches!(self.status, CaptureStatus::Completed { .. });
        let declined = self.status == CaptureStatus::Declined;
        let pending = self.status == CaptureStatus::Pending;
        without_nulls(json!({
            "id": self.id,
            "status": self.status_name(),
            "status_details": pending.then(|| json!({ "reason": "PENDING_REVIEW" })),
            "amount": money::view(self.money),
            "final_capture": self.final_capture,
            "custom_id": self.custom_id,
            "invoice_id": self.invoice_id,
            "seller_receivable_breakdown": completed.then(|| json!({
                "gross_amount": money::view(self.money),
                "net_amount": money::view(self.money),
            })),
            "processor_response": declined.then(|| json!({ "response_code": self.decline_code })),
            "supplementary_data": { "related_ids": without_nulls(json!({
                "order_id": self.order,
                "authorization_id": self.authorization,
            })) },
            "links": [
                link(&own, "self", "GET"),
                link(&format!("{own}/refund"), "refund", "POST"),
                link(&up, "up", "GET"),
            ],
            "create_time": time(self.created),
            "update_time": time(self.updated),
        }))
    }
}
