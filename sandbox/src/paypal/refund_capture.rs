//! `POST /v2/payments/captures/{capture_id}/refund`

use serde::{Deserialize, de::IgnoredAny};

use super::{
    body::{self, Text},
    capture::{Capture, CaptureStatus},
    context::{RequestContext, Success},
    dispute::Dispute,
    errors::{PaypalError, Result},
    events::EventContent,
    money::MoneyRequest,
    refund::{Refund, RefundStatus},
    request_ids::Resource,
    source::{Source, Vaulted},
};
use crate::{ids, ledger::EffectKind, money::Money};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Body {
    amount: Option<MoneyRequest>,
    custom_id: Option<Text<127>>,
    invoice_id: Option<Text<127>>,
    note_to_payer: Option<Text<255>>,
    #[serde(rename = "payment_instruction")]
    _payment_instruction: Option<IgnoredAny>,
}

#[derive(Debug)]
pub(crate) struct Request {
    capture: String,
    /// Absent: everything that was not refunded yet.
    amount: Option<Money>,
    custom_id: Option<String>,
    invoice_id: Option<String>,
    note_to_payer: Option<String>,
}

impl Request {
    pub(crate) fn read(capture: &str, body: &[u8]) -> Result<Self> {
        let body: Body = body::read_or_default(body)?;
        Ok(Self {
            capture: capture.to_owned(),
            amount: body.amount.map(|amount| amount.read("/amount")).transpose()?,
            custom_id: body.custom_id.map(Text::into_string),
            invoice_id: body.invoice_id.map(Text::into_string),
            note_to_payer: body.note_to_payer.map(Text::into_string),
        })
    }

    /// A refund made in the dashboard.
    pub(crate) fn of_dashboard(capture: String, amount: Option<Money>) -> Self {
        Self { capture, amount, custom_id: None, invoice_id: None, note_to_payer: None }
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Success> {
        let now = context.now;
        let Some(capture) = context.objects.captures.get_mut(&self.capture) else {
            return PaypalError::not_found().refuse();
        };
        // An open or lost dispute already holds the money.
        let dispute = capture.dispute.as_deref().and_then(|id| context.objects.disputes.get(id));
        if dispute.is_some_and(Dispute::holds_money) {
            return PaypalError::unprocessable("TRANSACTION_DISPUTED").refuse();
        }
        let source = context.objects.orders.get(&capture.order).and_then(|order| order.source);
        if source == Some(Source::VaultedWallet(Vaulted::NoFundsForRefunds)) {
            return PaypalError::unprocessable("REFUND_FAILED_INSUFFICIENT_FUNDS").refuse();
        }
        let (amount, refunded) = self.check(capture)?;
        if let Some(invoice) = &self.invoice_id
            && !context.objects.refunded_invoices.insert(invoice.clone())
        {
            return PaypalError::unprocessable("DUPLICATE_INVOICE_ID").at("/invoice_id").refuse();
        }
        let id = ids::paypal();
        capture.status = CaptureStatus::Completed { refunded };
        capture.updated = now;
        capture.refunds.push(id.clone());
        let custom_id = self.custom_id.clone().or_else(|| capture.custom_id.clone());
        let refund = Refund {
            id: id.clone(),
            capture: self.capture.clone(),
            money: amount,
            custom_id: custom_id.clone(),
            invoice_id: self.invoice_id.clone(),
            note_to_payer: self.note_to_payer.clone(),
            status: RefundStatus::Completed,
            created: now,
            updated: now,
        };
        context.objects.refunds.insert(id.clone(), refund.clone());
        context.record(EffectKind::Refund, amount, &id, custom_id.as_deref());
        context.announce("PAYMENT.CAPTURE.REFUNDED", EventContent::Refund(Box::new(refund)));
        Ok(Success::created(Resource::Refund(id)))
    }

    /// The amount to refund, and the total refunded including it.
    fn check(&self, capture: &Capture) -> Result<(Money, i64)> {
        let refunded = match capture.status {
            CaptureStatus::Completed { refunded } => refunded,
            CaptureStatus::Pending => return PaypalError::unprocessable("PENDING_CAPTURE").refuse(),
            CaptureStatus::Declined => return PaypalError::unprocessable("REFUND_NOT_ALLOWED").refuse(),
        };
        let rest = capture.money.minor - refunded;
        if rest == 0 {
            return PaypalError::unprocessable("CAPTURE_FULLY_REFUNDED").refuse();
        }
        let amount = self.amount.unwrap_or(Money { minor: rest, currency: capture.money.currency });
        if amount.currency != capture.money.currency {
            return PaypalError::unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH")
                .at("/amount/currency_code")
                .refuse();
        }
        if amount.minor > rest {
            return PaypalError::unprocessable("REFUND_AMOUNT_EXCEEDED").at("/amount/value").refuse();
        }
        Ok((amount, refunded + amount.minor))
    }
}
