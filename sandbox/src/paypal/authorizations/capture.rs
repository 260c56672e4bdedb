//! `POST /v2/payments/authorizations/{authorization_id}/capture`

use serde::{Deserialize, de::IgnoredAny};

use crate::{
    ids,
    money::Money,
    paypal::{
        authorization::AuthorizationStatus,
        body::{self, Text},
        capture::{Capture, CaptureStatus, REFUSED},
        context::{RequestContext, Success},
        errors::{PaypalError, Result},
        money::MoneyRequest,
        request_ids::Resource,
    },
};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Body {
    amount: Option<MoneyRequest>,
    invoice_id: Option<Text<127>>,
    final_capture: bool,
    note_to_payer: Option<Text<255>>,
    soft_descriptor: Option<Text<22>>,
    payment_instruction: Option<IgnoredAny>,
}

#[derive(Debug)]
pub(crate) struct Request {
    authorization: String,
    /// Absent: the remainder.
    amount: Option<Money>,
    invoice_id: Option<String>,
    /// The final capture: the remainder is released.
    final_capture: bool,
}

impl Request {
    pub(crate) fn read(authorization: &str, body: &[u8]) -> Result<Self> {
        let body: Body = body::read_or_default(body)?;
        Ok(Self {
            authorization: authorization.to_owned(),
            amount: body.amount.map(|amount| amount.read("/amount")).transpose()?,
            invoice_id: body.invoice_id.map(Text::into_string),
            final_capture: body.final_capture,
        })
    }

    /// A capture made in the dashboard.
    pub(crate) fn of_dashboard(authorization: String, amount: Option<Money>) -> Self {
        Self { authorization, amount, invoice_id: None, final_capture: false }
    }

    pub(crate) fn execute(&self, context: &mut RequestContext<'_>) -> Result<Success> {
        let now = context.now;
        let Some(authorization) = context.objects.authorizations.get_mut(&self.authorization) else {
            return PaypalError::not_found().refuse();
        };
        // Captures belong to the reauthorization from then on. What PayPal answers to others is not documented; without
        // a refusal, both could be captured.
        if authorization.is_open() && authorization.reauthorized_by.is_some() {
            return PaypalError::unprocessable("TRANSACTION_REFUSED").refuse();
        }
        match authorization.status {
            AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured
                if now >= authorization.expires =>
            {
                return PaypalError::unprocessable("AUTHORIZATION_EXPIRED").refuse();
            }
            AuthorizationStatus::Created | AuthorizationStatus::PartiallyCaptured => {}
            AuthorizationStatus::Captured => {
                return PaypalError::unprocessable("AUTHORIZATION_ALREADY_CAPTURED").refuse();
            }
            AuthorizationStatus::Voided => {
                return PaypalError::unprocessable("AUTHORIZATION_VOIDED").refuse();
            }
            AuthorizationStatus::Denied | AuthorizationStatus::Pending => {
                return PaypalError::unprocessable("AUTHORIZATION_DENIED").refuse();
            }
        }
        let rest = Money { minor: authorization.rest(), currency: authorization.money.currency };
        let amount = self.amount.unwrap_or(rest);
        if amount.currency != rest.currency {
            return PaypalError::unprocessable("AUTH_CAPTURE_CURRENCY_MISMATCH")
                .at("/amount/currency_code")
                .refuse();
        }
        // PayPal may allow 115 % by agreement with the merchant; without one, the authorized amount is the limit.
        if amount.minor > rest.minor {
            return PaypalError::unprocessable("MAX_CAPTURE_AMOUNT_EXCEEDED").at("/amount/value").refuse();
        }
        if let Some(invoice) = &self.invoice_id
            && authorization.invoice_id.as_ref() != Some(invoice)
            && !context.objects.paid_invoices.insert(invoice.clone())
        {
            return PaypalError::unprocessable("DUPLICATE_INVOICE_ID").at("/invoice_id").refuse();
        }
        let id = ids::paypal();
        authorization.captured += amount.minor;
        authorization.captures.push(id.clone());
        authorization.updated = now;
        let closes = self.final_capture || authorization.rest() == 0;
        authorization.status =
            if closes { AuthorizationStatus::Captured } else { AuthorizationStatus::PartiallyCaptured };
        let capture = Capture {
            id: id.clone(),
            order: authorization.order.clone(),
            authorization: Some(authorization.id.clone()),
            money: amount,
            status: CaptureStatus::Completed { refunded: 0 },
            decline_code: REFUSED,
            final_capture: closes,
            custom_id: authorization.custom_id.clone(),
            invoice_id: self.invoice_id.clone().or_else(|| authorization.invoice_id.clone()),
            request_id: context.request_id.map(str::to_owned),
            refunds: Vec::new(),
            dispute: None,
            created: now,
            updated: now,
        };
        context.add_capture(capture);
        Ok(Success::created(Resource::Capture(id)))
    }
}
