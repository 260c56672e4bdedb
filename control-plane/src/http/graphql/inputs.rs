//! The inputs of mutations. They become the bodies of the same requests over REST, whose parsers check them.

use async_graphql::{ID, InputObject, MaybeUndefined};
use edge_core::error::ErrorCode;
use edge_core::request::{Verification, Wallet};
use serde_json::{Map, Value, json};

use super::enums::{CaptureName, ProviderName, VerificationName, WalletName};
use super::scalars::MinorUnits;
use crate::http::error::ApiError;

/// One of a payment's metadata.
#[derive(InputObject)]
pub(super) struct MetadataInput {
    key: String,
    value: String,
}

/// What to charge.
#[derive(InputObject)]
pub(super) struct ChargePaymentInput {
    provider: ProviderName,
    amount: MinorUnits,
    /// The ISO 4217 code in capitals.
    currency: String,
    /// Stripe: `pm_…`, required. PayPal: a vault id, a billing agreement, an approved order's id, or left out to get a
    /// link at which the payer approves.
    payment_method_id: Option<String>,
    /// PayPal only: the wallet that the payer confirms the order with. At Stripe, the token names it.
    wallet: MaybeUndefined<WalletName>,
    /// For a new order with `GOOGLE_PAY`; Apple Pay authenticates the payer itself.
    verification: MaybeUndefined<VerificationName>,
    // Null is refused, because a capture that went missing on the way would otherwise take the money at once.
    capture: MaybeUndefined<CaptureName>,
    /// Shown to the payer where the provider can; 1 to 127 characters.
    description: Option<String>,
    metadata: Option<Vec<MetadataInput>>,
    /// Where the payer's browser goes after a step outside.
    return_url: Option<String>,
    /// Your own name for the payer or the order; 1 to 127 characters.
    customer_reference: Option<String>,
    /// How many seconds from now the charge may be made, as long as it is certain that it is not made yet: 1 to 86400.
    expires_in: MaybeUndefined<i32>,
}

impl ChargePaymentInput {
    /// The body of `POST /payments/charge`.
    pub(super) fn body(self) -> Result<Vec<u8>, ApiError> {
        let Self {
            provider,
            amount,
            currency,
            payment_method_id,
            wallet,
            verification,
            capture,
            description,
            metadata,
            return_url,
            customer_reference,
            expires_in,
        } = self;
        let mut body = Map::new();
        let provider = match provider {
            ProviderName::Stripe => "stripe",
            ProviderName::Paypal => "paypal",
        };
        body.insert("provider".to_owned(), provider.into());
        body.insert("amount".to_owned(), amount.0.into());
        body.insert("currency".to_owned(), currency.into());
        let capture = given(capture, |capture| match capture {
            CaptureName::Automatic => json!("automatic"),
            CaptureName::Manual => json!("manual"),
        });
        for (name, value) in [
            ("paymentMethodId", payment_method_id.map(Value::from)),
            ("wallet", given(wallet, |wallet| Wallet::from(wallet).name().into())),
            ("verification", given(verification, |asked| Verification::from(asked).name().into())),
            ("capture", capture),
            ("description", description.map(Value::from)),
            ("metadata", metadata.map(object).transpose()?.map(Value::from)),
            ("returnUrl", return_url.map(Value::from)),
            ("customerReference", customer_reference.map(Value::from)),
            ("expiresIn", given(expires_in, Value::from)),
        ] {
            body.extend(value.map(|value| (name.to_owned(), value)));
        }
        Ok(Value::from(body).to_string().into_bytes())
    }
}

fn object(entries: Vec<MetadataInput>) -> Result<Map<String, Value>, ApiError> {
    let mut object = Map::new();
    for MetadataInput { key, value } in entries {
        if object.insert(key, value.into()).is_some() {
            let message = "`metadata` has a key twice; give each key once";
            return Err(ApiError::new(ErrorCode::InvalidRequest, message).about("metadata"));
        }
    }
    Ok(object)
}

/// What to refund.
#[derive(InputObject)]
pub(super) struct RefundPaymentInput {
    pub(super) payment_id: ID,
    /// Left out: all that is not refunded yet. Null is refused, because an amount that went missing on the way would
    /// otherwise refund all.
    amount: MaybeUndefined<MinorUnits>,
}

impl RefundPaymentInput {
    /// The body of `POST /payments/refund`.
    pub(super) fn body(self) -> Vec<u8> {
        let mut body = amount_alone(self.amount);
        body.insert("transactionId".to_owned(), self.payment_id.as_str().into());
        Value::from(body).to_string().into_bytes()
    }
}

/// What to capture.
#[derive(InputObject)]
pub(super) struct CapturePaymentInput {
    pub(super) payment_id: ID,
    /// Left out: all that is authorized; the rest is released. Null is refused.
    amount: MaybeUndefined<MinorUnits>,
}

impl CapturePaymentInput {
    /// The body of `POST /payments/{id}/capture`.
    pub(super) fn body(&self) -> Vec<u8> {
        Value::from(amount_alone(self.amount)).to_string().into_bytes()
    }
}

/// What to cancel.
#[derive(InputObject)]
pub(super) struct CancelPaymentInput {
    pub(super) payment_id: ID,
}

fn amount_alone(amount: MaybeUndefined<MinorUnits>) -> Map<String, Value> {
    let amount = given(amount, |MinorUnits(amount)| amount.into());
    amount.map(|amount| ("amount".to_owned(), amount)).into_iter().collect()
}

/// The member of a body. Null stays null, which the parser refuses: what went missing on the way, such as a variable
/// without a value, must not get the default.
fn given<T>(value: MaybeUndefined<T>, write: impl FnOnce(T) -> Value) -> Option<Value> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(Value::Null),
        MaybeUndefined::Value(value) => Some(write(value)),
    }
}
