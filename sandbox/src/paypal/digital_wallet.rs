//! Apple Pay and Google Pay as a `payment_source`: their test values, and a card that they hold.

use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Value, json};

use super::{
    body::Text,
    capture::{EXPIRED, REFUSED},
    source::{ExperienceContext, Source},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DigitalWallet {
    ApplePay,
    GooglePay,
}

/// A card that the payer's browser confirmed an order with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WalletCard {
    pub(crate) wallet: DigitalWallet,
    pub(crate) outcome: CardOutcome,
    /// PayPal's value for who bears a chargeback, once the payer's bank was asked to authenticate.
    liability_shift: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CardOutcome {
    Good,
    /// With the processor's code for why.
    Declined(&'static str),
    /// The payer's bank wants to authenticate the payer first.
    NeedsAuthentication,
}

/// `apple_pay` or `google_pay`. The name of the payer decides, as it does with PayPal's test cards.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "documented fields that change nothing are named so that others can be refused")]
pub(super) struct DigitalWalletRequest {
    name: Option<Text<300>>,
    attributes: Option<Attributes>,
    experience_context: Option<ExperienceContext>,
    id: Option<IgnoredAny>,
    email_address: Option<IgnoredAny>,
    phone_number: Option<IgnoredAny>,
    /// Detected and never stored, like the next.
    card: Option<IgnoredAny>,
    decrypted_token: Option<IgnoredAny>,
    assurance_details: Option<IgnoredAny>,
    stored_credential: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "documented fields that change nothing are named so that others can be refused")]
struct Attributes {
    verification: Option<Verification>,
    customer: Option<IgnoredAny>,
    vault: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Verification {
    method: Method,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Method {
    ScaAlways,
    ScaWhenRequired,
}

impl DigitalWalletRequest {
    pub(super) fn read(self, wallet: DigitalWallet) -> (Source, ExperienceContext) {
        let verification = self.attributes.and_then(|attributes| attributes.verification);
        let is_always = verification.is_some_and(|verification| verification.method == Method::ScaAlways);
        let experience = self.experience_context.unwrap_or_default();
        let Some(name) = self.name else { return (Source::ToBeConfirmed { wallet, is_always }, experience) };
        let (outcome, liability_shift) = match name.into_string().as_str() {
            "CCREJECT-REFUSED" => (CardOutcome::Declined(REFUSED), None),
            "CCREJECT-EC" => (CardOutcome::Declined(EXPIRED), None),
            "SCA-REQUIRED" => (CardOutcome::NeedsAuthentication, None),
            "SCA-REJECTED" => (CardOutcome::Good, Some("NO")),
            "SCA-UNKNOWN" => (CardOutcome::Good, Some("UNKNOWN")),
            _ => (CardOutcome::Good, None),
        };
        (Source::InWallet(WalletCard { wallet, outcome, liability_shift }), experience)
    }
}

impl DigitalWallet {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::ApplePay => "apple_pay",
            Self::GooglePay => "google_pay",
        }
    }
}

impl WalletCard {
    /// An order that is to be verified asks for it, unless the card's name decides.
    pub(crate) fn always_verified(self) -> Self {
        match (self.outcome, self.liability_shift) {
            (CardOutcome::Good, None) => Self { outcome: CardOutcome::NeedsAuthentication, ..self },
            _ => self,
        }
    }

    pub(crate) fn authenticated(self) -> Self {
        Self { outcome: CardOutcome::Good, liability_shift: Some("POSSIBLE"), ..self }
    }

    /// The bank did not authenticate the payer.
    pub(crate) fn unauthenticated(self) -> Self {
        Self { outcome: CardOutcome::Good, liability_shift: Some("NO"), ..self }
    }

    pub(super) fn view(self) -> Value {
        let mut card = json!({ "brand": "VISA", "last_digits": "4242", "type": "CREDIT" });
        if let (Some(shift), Some(fields)) = (self.liability_shift, card.as_object_mut()) {
            let status = if shift == "POSSIBLE" { "Y" } else { "N" };
            let result = json!({
                "liability_shift": shift,
                "three_d_secure": { "authentication_status": status, "enrollment_status": "Y" },
            });
            fields.insert("authentication_result".to_owned(), result);
        }
        json!({ self.wallet.name(): { "card": card } })
    }
}
