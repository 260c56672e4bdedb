//! Stripe's documented test payment methods and their outcomes (docs.stripe.com/testing).

use serde_json::{Value, json};

use super::{
    errors::StripeError,
    quirks::{self, Quirk},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TestMethod {
    pub(crate) id: &'static str,
    pub(crate) brand: &'static str,
    pub(crate) last4: &'static str,
    pub(crate) behaviour: Behaviour,
    pub(crate) quirk: Option<Quirk>,
    /// The wallet that holds the card.
    pub(crate) wallet: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    Approve,
    Decline(Decline),
    /// 3-D Secure: the customer has to authenticate first.
    Authenticate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decline {
    pub(crate) code: &'static str,
    pub(crate) decline_code: &'static str,
    pub(crate) param: Option<&'static str>,
    pub(crate) advice_code: Option<&'static str>,
    pub(crate) message: &'static str,
}

impl Decline {
    /// Stripe's generic decline, with the issuer's reason in `decline_code`.
    const fn card_declined(decline_code: &'static str, advice_code: Option<&'static str>) -> Self {
        let message = "Your card was declined.";
        Self { code: "card_declined", decline_code, param: None, advice_code, message }
    }

    /// Reasons whose decline code is the error code itself.
    const fn own_code(
        code: &'static str,
        param: Option<&'static str>,
        advice_code: &'static str,
        message: &'static str,
    ) -> Self {
        Self { code, decline_code: code, param, advice_code: Some(advice_code), message }
    }

    pub(crate) fn error(self) -> StripeError {
        let error = StripeError::card(self.code, self.decline_code, self.message).advice(self.advice_code);
        match self.param {
            Some(param) => error.param(param),
            None => error,
        }
    }
}

const TRY_AGAIN: Option<&str> = Some("try_again_later");
const DO_NOT_TRY_AGAIN: Option<&str> = Some("do_not_try_again");

const fn approve(id: &'static str, brand: &'static str, last4: &'static str) -> TestMethod {
    TestMethod { id, brand, last4, behaviour: Behaviour::Approve, quirk: None, wallet: None }
}

const fn decline(id: &'static str, last4: &'static str, decline: Decline) -> TestMethod {
    TestMethod { id, brand: "visa", last4, behaviour: Behaviour::Decline(decline), quirk: None, wallet: None }
}

const fn authenticate(id: &'static str, last4: &'static str) -> TestMethod {
    TestMethod { id, brand: "visa", last4, behaviour: Behaviour::Authenticate, quirk: None, wallet: None }
}

impl TestMethod {
    const fn within(self, wallet: &'static str) -> Self {
        Self { wallet: Some(wallet), ..self }
    }
}

const METHODS: [TestMethod; 26] = [
    approve("pm_card_visa", "visa", "4242"),
    approve("pm_card_visa_debit", "visa", "5556"),
    approve("pm_card_mastercard", "mastercard", "4444"),
    approve("pm_card_mastercard_debit", "mastercard", "8210"),
    approve("pm_card_mastercard_prepaid", "mastercard", "5100"),
    approve("pm_card_amex", "amex", "8431"),
    approve("pm_card_discover", "discover", "9424"),
    approve("pm_card_diners", "diners", "0004"),
    approve("pm_card_jcb", "jcb", "0505"),
    approve("pm_card_unionpay", "unionpay", "0005"),
    approve("pm_card_us", "visa", "4242"),
    decline("pm_card_visa_chargeDeclined", "0002", Decline::card_declined("generic_decline", TRY_AGAIN)),
    decline("pm_card_chargeDeclined", "0002", Decline::card_declined("generic_decline", TRY_AGAIN)),
    decline(
        "pm_card_visa_chargeDeclinedInsufficientFunds",
        "9995",
        Decline {
            message: "Your card has insufficient funds.",
            ..Decline::card_declined("insufficient_funds", TRY_AGAIN)
        },
    ),
    decline(
        "pm_card_visa_chargeDeclinedLostCard",
        "9987",
        Decline::card_declined("lost_card", DO_NOT_TRY_AGAIN),
    ),
    decline(
        "pm_card_visa_chargeDeclinedStolenCard",
        "9979",
        Decline::card_declined("stolen_card", DO_NOT_TRY_AGAIN),
    ),
    decline(
        "pm_card_chargeDeclinedExpiredCard",
        "0069",
        Decline::own_code("expired_card", Some("exp_month"), "confirm_card_data", "Your card has expired."),
    ),
    decline(
        "pm_card_chargeDeclinedIncorrectCvc",
        "0127",
        Decline::own_code(
            "incorrect_cvc",
            Some("cvc"),
            "confirm_card_data",
            "Your card's security code is incorrect.",
        ),
    ),
    decline(
        "pm_card_chargeDeclinedProcessingError",
        "0119",
        Decline::own_code(
            "processing_error",
            None,
            "try_again_later",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    decline("pm_card_chargeDeclinedFraudulent", "0019", Decline::card_declined("fraudulent", None)),
    decline(
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "6975",
        Decline::card_declined("card_velocity_exceeded", None),
    ),
    decline("pm_card_chargeCustomerFail", "0341", Decline::card_declined("generic_decline", TRY_AGAIN)),
    decline("pm_card_radarBlock", "0019", Decline::card_declined("fraudulent", None)),
    authenticate("pm_card_threeDSecure2Required", "3220"),
    authenticate("pm_card_threeDSecureRequired", "3063"),
    authenticate("pm_card_authenticationRequired", "3184"),
];

/// Cards in wallets. Stripe has no such test methods, so the names are the sandbox's own. Apple Pay authenticates the
/// payer on the device, so no bank asks again; of Google Pay's cards, some are not on the device.
const WALLETS: [TestMethod; 6] = [
    approve("pm_card_sandbox_applePay", "visa", "4242").within(APPLE_PAY),
    decline(
        "pm_card_sandbox_applePay_declined",
        "0002",
        Decline::card_declined("generic_decline", TRY_AGAIN),
    )
    .within(APPLE_PAY),
    authenticate("pm_card_sandbox_applePay_authenticate", "3220").within(APPLE_PAY),
    approve("pm_card_sandbox_googlePay", "mastercard", "4444").within(GOOGLE_PAY),
    decline(
        "pm_card_sandbox_googlePay_declined",
        "0002",
        Decline::card_declined("generic_decline", TRY_AGAIN),
    )
    .within(GOOGLE_PAY),
    authenticate("pm_card_sandbox_googlePay_authenticate", "3220").within(GOOGLE_PAY),
];
const APPLE_PAY: &str = "apple_pay";
const GOOGLE_PAY: &str = "google_pay";

impl TestMethod {
    pub(crate) fn find(id: &str) -> Option<&'static Self> {
        METHODS.iter().chain(&WALLETS).chain(&quirks::METHODS).find(|method| method.id == id)
    }

    /// The PaymentMethod object.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "object": "payment_method",
            "type": "card",
            "allow_redisplay": "unspecified",
            "billing_details": billing_details(),
            "card": {
                "brand": self.brand,
                "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
                "country": "US",
                "exp_month": 12,
                "exp_year": 2040,
                "fingerprint": null,
                "funding": "credit",
                "generated_from": null,
                "last4": self.last4,
                "networks": { "available": [self.brand], "preferred": null },
                "three_d_secure_usage": { "supported": true },
                "wallet": self.wallet_view(),
            },
            "created": 1_700_000_000,
            "customer": null,
            "livemode": false,
            "metadata": {},
        })
    }

    /// `payment_method_details` of a charge.
    pub(crate) fn charge_details(&self) -> Value {
        json!({
            "type": "card",
            "card": {
                "brand": self.brand,
                "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
                "country": "US",
                "exp_month": 12,
                "exp_year": 2040,
                "funding": "credit",
                "last4": self.last4,
                "network": self.brand,
                "three_d_secure": null,
                "wallet": self.wallet_view(),
            },
        })
    }

    fn wallet_view(&self) -> Value {
        self.wallet.map_or(Value::Null, |wallet| json!({ "type": wallet, wallet: {}, "dynamic_last4": null }))
    }

    /// `payment_method_preview` of a confirmation token: there is no payment method yet.
    pub(crate) fn preview(&self) -> Value {
        let mut view = self.view();
        if let Some(fields) = view.as_object_mut() {
            fields.retain(|name, _| {
                !matches!(name.as_str(), "id" | "object" | "created" | "livemode" | "metadata")
            });
        }
        view
    }
}

pub(crate) fn billing_details() -> Value {
    json!({
        "address": {
            "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null,
        },
        "email": null,
        "name": null,
        "phone": null,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_has_its_own_id() {
        for method in METHODS.iter().chain(&WALLETS) {
            assert_eq!(
                METHODS.iter().chain(&WALLETS).filter(|other| other.id == method.id).count(),
                1,
                "{}",
                method.id
            );
            assert_eq!(TestMethod::find(method.id), Some(method));
        }
    }
}
