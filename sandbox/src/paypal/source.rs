//! `payment_source`: the payer's means of payment, and the sandbox's test sources.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::{
    body::Text,
    digital_wallet::{DigitalWallet, DigitalWalletRequest, WalletCard},
    errors::{PaypalError, Result},
};

/// Exactly one of these must be given.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SourceRequest {
    card: Option<CardRequest>,
    token: Option<TokenRequest>,
    paypal: Option<WalletRequest>,
    apple_pay: Option<DigitalWalletRequest>,
    bancontact: Option<IgnoredAny>,
    blik: Option<IgnoredAny>,
    eps: Option<IgnoredAny>,
    giropay: Option<IgnoredAny>,
    google_pay: Option<DigitalWalletRequest>,
    ideal: Option<IgnoredAny>,
    mybank: Option<IgnoredAny>,
    p24: Option<IgnoredAny>,
    sofort: Option<IgnoredAny>,
    trustly: Option<IgnoredAny>,
    venmo: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "documented fields that change nothing are named so that others can be refused")]
struct CardRequest {
    vault_id: Option<Text<255>>,
    /// Detected and never stored.
    number: Option<IgnoredAny>,
    id: Option<IgnoredAny>,
    name: Option<IgnoredAny>,
    expiry: Option<IgnoredAny>,
    security_code: Option<IgnoredAny>,
    last_digits: Option<IgnoredAny>,
    card_type: Option<IgnoredAny>,
    r#type: Option<IgnoredAny>,
    brand: Option<IgnoredAny>,
    billing_address: Option<IgnoredAny>,
    attributes: Option<IgnoredAny>,
    stored_credential: Option<IgnoredAny>,
    network_token: Option<IgnoredAny>,
    experience_context: Option<ExperienceContext>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    id: Text<255>,
    /// Vaulted payment methods are named by `vault_id` instead.
    #[serde(rename = "type")]
    _kind: TokenKind,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum TokenKind {
    BillingAgreement,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "documented fields that change nothing are named so that others can be refused")]
struct WalletRequest {
    vault_id: Option<Text<255>>,
    billing_agreement_id: Option<Text<128>>,
    email_address: Option<IgnoredAny>,
    name: Option<IgnoredAny>,
    phone: Option<IgnoredAny>,
    birth_date: Option<IgnoredAny>,
    tax_info: Option<IgnoredAny>,
    address: Option<IgnoredAny>,
    attributes: Option<IgnoredAny>,
    stored_credential: Option<IgnoredAny>,
    experience_context: Option<ExperienceContext>,
}

/// Where the payer returns to after the approval page.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExperienceContext {
    pub(crate) return_url: Option<Text<4000>>,
    pub(crate) cancel_url: Option<Text<4000>>,
    brand_name: Option<Text<127>>,
    locale: Option<Text<10>>,
    shipping_preference: Option<Text<24>>,
    contact_preference: Option<Text<24>>,
    landing_page: Option<Text<13>>,
    user_action: Option<Text<8>>,
    payment_method_preference: Option<Text<255>>,
    payment_method_selected: Option<Text<255>>,
    payment_method: Option<IgnoredAny>,
    stored_payment_source: Option<IgnoredAny>,
    order_update_callback_config: Option<IgnoredAny>,
}

/// A payment source that the sandbox knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// A PayPal account whose owner has to approve first.
    Wallet,
    VaultedWallet(Vaulted),
    VaultedCard(Vaulted),
    BillingAgreement {
        declined: bool,
    },
    /// The payer's browser is to confirm the order with this wallet. `is_always`: the payer has to authenticate then.
    ToBeConfirmed {
        wallet: DigitalWallet,
        is_always: bool,
    },
    InWallet(WalletCard),
}

/// The vault ids that determine an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vaulted {
    Good,
    Declined,
    /// The payer has to approve or authenticate before it can be used.
    NeedsAction,
    /// The payment stays pending.
    Pending,
    /// It pays, but the merchant's account has no funds for refunds.
    NoFundsForRefunds,
    /// The payer's account is locked or closed.
    Locked,
}

impl SourceRequest {
    /// The source, and the URLs to which the approval page returns.
    pub(crate) fn read(self, field: &str) -> Result<(Source, ExperienceContext)> {
        if let Some(name) = self.unsupported() {
            let description = "This field is not currently supported by the sandbox.";
            return PaypalError::invalid("NOT_SUPPORTED", format!("{field}/{name}"), description).refuse();
        }
        match (self.card, self.token, self.paypal, self.apple_pay, self.google_pay) {
            (Some(card), None, None, None, None) => card.read(field),
            (None, None, None, Some(wallet), None) => Ok(wallet.read(DigitalWallet::ApplePay)),
            (None, None, None, None, Some(wallet)) => Ok(wallet.read(DigitalWallet::GooglePay)),
            (None, Some(token), None, None, None) => Ok((
                agreement(&token.id.into_string(), &format!("{field}/token/id"))?,
                ExperienceContext::default(),
            )),
            (None, None, Some(wallet), None, None) => wallet.read(field),
            (None, None, None, None, None) => {
                PaypalError::invalid("MISSING_REQUIRED_PARAMETER", field, "A required parameter is missing.")
                    .refuse()
            }
            _ => {
                let description = "Exactly one payment source must be given.";
                PaypalError::invalid("INVALID_PARAMETER_VALUE", field, description).refuse()
            }
        }
    }

    fn unsupported(&self) -> Option<&'static str> {
        let others = [
            ("bancontact", &self.bancontact),
            ("blik", &self.blik),
            ("eps", &self.eps),
            ("giropay", &self.giropay),
            ("ideal", &self.ideal),
            ("mybank", &self.mybank),
            ("p24", &self.p24),
            ("sofort", &self.sofort),
            ("trustly", &self.trustly),
            ("venmo", &self.venmo),
        ];
        others.into_iter().find(|(_, given)| given.is_some()).map(|(name, _)| name)
    }
}

impl CardRequest {
    fn read(self, field: &str) -> Result<(Source, ExperienceContext)> {
        let Some(vault_id) = self.vault_id else {
            return PaypalError::card_processing_not_enabled().refuse();
        };
        if self.number.is_some() {
            return PaypalError::card_processing_not_enabled().refuse();
        }
        let vaulted = vaulted(&vault_id.into_string(), &format!("{field}/card/vault_id"))?;
        Ok((Source::VaultedCard(vaulted), self.experience_context.unwrap_or_default()))
    }
}

impl WalletRequest {
    fn read(self, field: &str) -> Result<(Source, ExperienceContext)> {
        let source = match (self.vault_id, self.billing_agreement_id) {
            (Some(id), None) => {
                Source::VaultedWallet(vaulted(&id.into_string(), &format!("{field}/paypal/vault_id"))?)
            }
            (None, Some(id)) => {
                agreement(&id.into_string(), &format!("{field}/paypal/billing_agreement_id"))?
            }
            (None, None) => Source::Wallet,
            (Some(_), Some(_)) => {
                let description = "Give either vault_id or billing_agreement_id.";
                return PaypalError::invalid(
                    "INVALID_PARAMETER_VALUE",
                    format!("{field}/paypal"),
                    description,
                )
                .refuse();
            }
        };
        Ok((source, self.experience_context.unwrap_or_default()))
    }
}

fn vaulted(id: &str, field: &str) -> Result<Vaulted> {
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        let description = "The value of a field does not conform to the expected format.";
        return PaypalError::invalid("INVALID_PARAMETER_SYNTAX", field, description).refuse();
    }
    match id {
        "vault-ok" => Ok(Vaulted::Good),
        "vault-declined" => Ok(Vaulted::Declined),
        "vault-action" => Ok(Vaulted::NeedsAction),
        "vault-pending" => Ok(Vaulted::Pending),
        "vault-no-funds-for-refunds" => Ok(Vaulted::NoFundsForRefunds),
        "vault-locked" => Ok(Vaulted::Locked),
        _ => PaypalError::unprocessable("TOKEN_ID_NOT_FOUND").at(field).refuse(),
    }
}

/// Every `B-…` is a valid agreement, except three.
fn agreement(id: &str, field: &str) -> Result<Source> {
    match id {
        "B-CANCELLED" => PaypalError::unprocessable("AGREEMENT_ALREADY_CANCELLED").at(field).refuse(),
        "B-EXPIRED" => PaypalError::unprocessable("TOKEN_EXPIRED").at(field).refuse(),
        id if id.starts_with("B-") => Ok(Source::BillingAgreement { declined: id == "B-DECLINED" }),
        _ => PaypalError::unprocessable("BILLING_AGREEMENT_NOT_FOUND").at(field).refuse(),
    }
}

impl Source {
    /// `payment_source` as shown in responses.
    pub(crate) fn view(self) -> Value {
        match self {
            Self::Wallet | Self::VaultedWallet(_) | Self::BillingAgreement { .. } => json!({
                "paypal": {
                    "email_address": "payer@example.com",
                    "account_id": "QYR5Z8XDVJNXQ",
                    "account_status": "VERIFIED",
                    "name": { "given_name": "Sandbox", "surname": "Payer" },
                },
            }),
            Self::ToBeConfirmed { wallet, .. } => json!({ wallet.name(): {} }),
            Self::InWallet(card) => card.view(),
            Self::VaultedCard(_) => {
                json!({ "card": { "last_digits": "1881", "brand": "VISA", "type": "CREDIT" } })
            }
        }
    }
}
