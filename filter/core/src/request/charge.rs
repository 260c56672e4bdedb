//! The body of `POST /payments/charge`.

use serde::{Deserialize, Serialize};

use super::metadata::METADATA;
use super::object::{AMOUNT, Body, Field};
use super::return_url::{RETURN_URL, is_return_url};
use super::{ExpiresIn, InvalidRequest, Metadata, PaymentMethodId, Verification, Wallet};
use crate::money::{Amount, Currency};
use crate::provider::Provider;

/// `POST /payments/charge`
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChargeRequest {
    pub provider: Provider,
    pub amount: Amount,
    pub currency: Currency,
    /// Stripe: `pm_…`, `ctoken_…` or `tok_…`, required; the last two can be used once. PayPal: a vault id (`card:`
    /// before it for a vaulted card), a billing agreement (`B-…`), an approved order's id, or left out to get a link at
    /// which the payer approves or, with `wallet`, an order that the payer's browser confirms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_method_id: Option<PaymentMethodId>,
    /// PayPal only: the wallet that the payer confirms the order with. At Stripe, the token names it. With the id of an
    /// order in `paymentMethodId`, the order has to be confirmed with this wallet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wallet: Option<Wallet>,
    /// PayPal's Google Pay only: whether the payer has to authenticate (3-D Secure) when confirming. Left out, PayPal
    /// decides as with `when_required`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    #[serde(default)]
    pub capture: CaptureMode,
    /// Shown to the payer where the provider can; 1 to 127 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::described::ShortText>))]
    pub description: Option<String>,
    #[serde(default)]
    pub metadata: Metadata,
    /// Where the payer's browser goes after a step outside (3-D Secure, PayPal approval): https, or http to the
    /// payer's own machine; no user's name in it, at most 2,048 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::described::ReturnUrl>))]
    pub return_url: Option<String>,
    /// Your own name for the payer or the order; 1 to 127 characters, passed to the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<crate::described::ShortText>))]
    pub customer_reference: Option<String>,
    /// How many seconds from now the charge may be made, as long as it is certain that it is not made yet (the provider
    /// is away): 1 to 86,400. Left out, the gateway's default counts. It is no part of what is kept of a request:
    /// the moment that follows from it is.
    #[serde(default, skip_serializing_if = "is_not_kept")]
    pub expires_in: Option<ExpiresIn>,
}

impl ChargeRequest {
    /// The limit of `description` and `customerReference`.
    pub const SHORT_TEXT_CHARS_MAX: usize = 127;

    /// Reads the body strictly.
    ///
    /// # Errors
    /// Names the field at fault and what would be right.
    pub fn parse(body: &[u8]) -> Result<Self, InvalidRequest> {
        let mut body = Body::read(body, FIELDS)?;
        let provider = PROVIDER.required(body.text(&PROVIDER, Provider::from_name)?)?;
        let amount = AMOUNT.required(body.amount()?)?;
        let currency = CURRENCY.required(body.text(&CURRENCY, Currency::from_code)?)?;
        let payment_method_id = payment_method(&mut body, provider)?;
        let (wallet, verification) = wallet(&mut body, provider, payment_method_id.as_ref())?;
        Ok(Self {
            provider,
            amount,
            currency,
            payment_method_id,
            wallet,
            verification,
            capture: body.text(&CAPTURE, CaptureMode::from_name)?.unwrap_or_default(),
            description: body.text(&DESCRIPTION, short_text)?,
            metadata: body.raw(&METADATA).map(Metadata::parse).transpose()?.unwrap_or_default(),
            return_url: body.text(&RETURN_URL, return_url)?,
            customer_reference: body.text(&CUSTOMER_REFERENCE, short_text)?,
            expires_in: body.json(&EXPIRES_IN)?,
        })
    }
}

const FIELDS: &[&Field] = &[
    &PROVIDER,
    &AMOUNT,
    &CURRENCY,
    &STRIPE_METHOD,
    &WALLET,
    &VERIFICATION,
    &CAPTURE,
    &DESCRIPTION,
    &METADATA,
    &RETURN_URL,
    &CUSTOMER_REFERENCE,
    &EXPIRES_IN,
];
const EXPIRES_IN: Field =
    Field { name: "expiresIn", rule: "must be a whole number of seconds from 1 to 86400" };
const PROVIDER: Field = Field { name: "provider", rule: "must be `stripe` or `paypal`" };
const CURRENCY: Field =
    Field { name: "currency", rule: "must be an ISO 4217 currency code in capitals, e.g. `USD`" };
const STRIPE_METHOD: Field = Field {
    name: "paymentMethodId",
    rule: "must be a Stripe payment method `pm_…`, confirmation token `ctoken_…` or token `tok_…`",
};
const PAYPAL_METHOD: Field = Field {
    name: "paymentMethodId",
    rule: "must be a PayPal vault id (`card:` before it for a card), a billing agreement `B-…`, an approved \
           order's id, or be left out",
};
const WALLET_ORDER: Field = Field {
    name: "paymentMethodId",
    rule: "must, with `wallet`, be the id of a PayPal order that the payer confirmed, or be left out",
};
const WALLET: Field = Field { name: "wallet", rule: "must be `apple_pay` or `google_pay`" };
const STRIPE_WALLET: Field = Field {
    name: "wallet",
    rule: "is for PayPal; at Stripe, the token in `paymentMethodId` names the wallet",
};
const VERIFICATION: Field = Field { name: "verification", rule: "must be `when_required` or `always`" };
const GOOGLE_VERIFICATION: Field = Field {
    name: "verification",
    rule: "is for a new order with `\"wallet\":\"google_pay\"`; Apple Pay authenticates the payer itself",
};
const CAPTURE: Field = Field { name: "capture", rule: "must be `automatic` or `manual`" };
const DESCRIPTION: Field = Field { name: "description", rule: SHORT_TEXT };
pub(super) const CUSTOMER_REFERENCE: Field = Field { name: "customerReference", rule: SHORT_TEXT };
const SHORT_TEXT: &str = "must be a text of 1 to 127 characters without control characters";

/// Always. With `skip_serializing` the field would be missing in the API's description.
const fn is_not_kept<T>(_: &T) -> bool {
    true
}

/// Which ids fit depends on the provider; only PayPal lets the payer choose later.
fn payment_method(
    body: &mut Body<'_>,
    provider: Provider,
) -> Result<Option<PaymentMethodId>, InvalidRequest> {
    let read = |id: &str| PaymentMethodId::parse(provider, id);
    match provider {
        Provider::Stripe => STRIPE_METHOD.required(body.text(&STRIPE_METHOD, read)?).map(Some),
        Provider::Paypal => body.text(&PAYPAL_METHOD, read),
    }
}

/// A wallet is for an order that it confirms, and its verification is decided when the order is made.
fn wallet(
    body: &mut Body<'_>,
    provider: Provider,
    method: Option<&PaymentMethodId>,
) -> Result<(Option<Wallet>, Option<Verification>), InvalidRequest> {
    let wallet = body.text(&WALLET, Wallet::from_name)?;
    let verification = body.text(&VERIFICATION, Verification::from_name)?;
    if wallet.is_some() && provider != Provider::Paypal {
        return Err(STRIPE_WALLET.refused());
    }
    if wallet.is_some() && method.is_some_and(|id| !PaymentMethodId::is_paypal_order(id.as_str())) {
        return Err(WALLET_ORDER.refused());
    }
    let is_new_order = wallet == Some(Wallet::GooglePay) && method.is_none();
    if verification.is_some() && !is_new_order {
        return Err(GOOGLE_VERIFICATION.refused());
    }
    Ok((wallet, verification))
}

pub(super) fn short_text(text: &str) -> Option<String> {
    let fits = (1..=ChargeRequest::SHORT_TEXT_CHARS_MAX).contains(&text.chars().count())
        && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

fn return_url(url: &str) -> Option<String> {
    is_return_url(url).then(|| url.to_owned())
}

/// Whether the money moves at once or is only authorized, to be captured later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum CaptureMode {
    #[default]
    Automatic,
    Manual,
}

impl CaptureMode {
    fn from_name(name: &str) -> Option<Self> {
        match name {
            "automatic" => Some(Self::Automatic),
            "manual" => Some(Self::Manual),
            _ => None,
        }
    }
}
