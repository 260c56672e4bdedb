//! The meaning of a `paymentMethodId` at PayPal.

use edge_core::request::{PaymentMethodId, Verification, Wallet};
use payments::model::provider::{ChargeOrder, ProviderRef};
use serde_json::{Value, json};

use super::body::object;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PaymentMethod<'a> {
    /// `card:` and a vault id.
    VaultedCard(&'a str),
    /// A vault id alone: a PayPal account whose owner agreed to charges.
    VaultedWallet(&'a str),
    /// `B-…`
    BillingAgreement(&'a str),
    /// An order that the payer approved at PayPal: 17 capitals and digits.
    ApprovedOrder(ProviderRef),
    /// No id: the payer still has to approve.
    ToBeApproved,
    /// No id, but a wallet: the payer's browser confirms the order with it.
    ToBeConfirmed(Wallet, Option<Verification>),
}

impl<'a> PaymentMethod<'a> {
    pub(super) fn of(order: &'a ChargeOrder) -> Self {
        match (Self::parse(order.method.as_deref()), order.wallet) {
            (Self::ToBeApproved, Some(wallet)) => Self::ToBeConfirmed(wallet, order.verification),
            (method, _) => method,
        }
    }

    pub(super) fn parse(id: Option<&'a str>) -> Self {
        let Some(id) = id else { return Self::ToBeApproved };
        if let Some(vault_id) = id.strip_prefix("card:") {
            Self::VaultedCard(vault_id)
        } else if id.starts_with("B-") {
            Self::BillingAgreement(id)
        } else if PaymentMethodId::is_paypal_order(id) {
            Self::ApprovedOrder(ProviderRef::new(id))
        } else {
            Self::VaultedWallet(id)
        }
    }

    /// Whether the payer agreed beforehand, so that a new order can be paid without asking again.
    pub(super) const fn is_agreed(&self) -> bool {
        matches!(self, Self::VaultedCard(_) | Self::VaultedWallet(_) | Self::BillingAgreement(_))
    }

    /// `payment_source` of an order.
    pub(super) fn source(&self, return_url: Option<&str>) -> Option<Value> {
        let named = |kind: &str, vault_id: Option<&str>, user_action: Option<&str>| {
            let context = return_url.map(|url| {
                object([
                    ("return_url", Some(url.into())),
                    ("cancel_url", Some(url.into())),
                    ("user_action", user_action.map(Into::into)),
                ])
            });
            let source = object([("vault_id", vault_id.map(Into::into)), ("experience_context", context)]);
            json!({ kind: source })
        };
        match self {
            Self::VaultedCard(id) => Some(named("card", Some(id), None)),
            Self::VaultedWallet(id) => Some(named("paypal", Some(id), None)),
            Self::BillingAgreement(id) => Some(json!({ "token": { "id": id, "type": "BILLING_AGREEMENT" } })),
            Self::ToBeApproved if return_url.is_some() => Some(named("paypal", None, Some("PAY_NOW"))),
            // The rest of the source comes with the confirmation.
            Self::ToBeConfirmed(wallet, Some(verification)) => {
                let method = match verification {
                    Verification::Always => "SCA_ALWAYS",
                    Verification::WhenRequired => "SCA_WHEN_REQUIRED",
                };
                Some(json!({ wallet.name(): { "attributes": { "verification": { "method": method } } } }))
            }
            Self::ToBeApproved | Self::ToBeConfirmed(_, None) | Self::ApprovedOrder(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spelling_says_what_it_is() {
        for (id, method) in [
            (Some("card:8kk8451t"), PaymentMethod::VaultedCard("8kk8451t")),
            (Some("8kk8451t"), PaymentMethod::VaultedWallet("8kk8451t")),
            (Some("vault-ok"), PaymentMethod::VaultedWallet("vault-ok")),
            (Some("B-8KK8451T"), PaymentMethod::BillingAgreement("B-8KK8451T")),
            (Some("5O190127TN364715T"), PaymentMethod::ApprovedOrder(ProviderRef::new("5O190127TN364715T"))),
            (Some("5o190127tn364715t"), PaymentMethod::VaultedWallet("5o190127tn364715t")),
            (Some("5O190127TN364715"), PaymentMethod::VaultedWallet("5O190127TN364715")),
            (None, PaymentMethod::ToBeApproved),
        ] {
            assert_eq!(PaymentMethod::parse(id), method, "{id:?}");
        }
    }

    #[test]
    fn each_method_is_another_payment_source() {
        let source = |id, url| PaymentMethod::parse(id).source(url);
        assert_eq!(source(Some("card:v1"), None), Some(json!({ "card": { "vault_id": "v1" } })));
        assert_eq!(source(Some("v1"), None), Some(json!({ "paypal": { "vault_id": "v1" } })));
        assert_eq!(
            source(Some("B-1"), Some("https://shop.example")),
            Some(json!({ "token": { "id": "B-1", "type": "BILLING_AGREEMENT" } }))
        );
        assert_eq!(
            source(None, Some("https://shop.example")),
            Some(json!({ "paypal": { "experience_context": {
                "return_url": "https://shop.example", "cancel_url": "https://shop.example", "user_action": "PAY_NOW",
            } } }))
        );
        assert_eq!(source(None, None), None);
    }

    #[test]
    fn a_wallets_order_says_only_how_the_payer_is_verified() {
        let source = |verification| {
            PaymentMethod::ToBeConfirmed(Wallet::GooglePay, verification).source(Some("https://shop.example"))
        };
        assert_eq!(source(None), None);
        for (verification, method) in
            [(Verification::Always, "SCA_ALWAYS"), (Verification::WhenRequired, "SCA_WHEN_REQUIRED")]
        {
            let asked = json!({ "google_pay": { "attributes": { "verification": { "method": method } } } });
            assert_eq!(source(Some(verification)), Some(asked));
        }
    }
}
