//! What the payer of an order pays with, as the order shows it.

use edge_core::request::Wallet;
use payments::model::paid_with::PaidWith;
use serde_json::Value;

use super::Order;
use crate::liability::LiabilityShifts;
use crate::provider_result::{NotDone, ProviderResult};
use crate::untrusted;

/// Kinds of source that hold a card for the payer, as the documentation has them.
const WALLETS: [&str; 2] = ["apple_pay", "google_pay"];

/// Whether the source is a wallet: one of those, or a newer one, which shows the card in it.
fn is_wallet(kind: &str, data: &Value) -> bool {
    WALLETS.contains(&kind) || data.get("card").is_some_and(Value::is_object)
}

/// PayPal's value for a card whose authentication says nothing of liability. A card without a result says no more.
const UNKNOWN: &str = "UNKNOWN";

impl Order {
    /// The source's kind and its data; an order has one source.
    fn source(&self) -> Option<(&str, &Value)> {
        let (kind, data) = self.payment_source.as_ref()?.as_object()?.iter().next()?;
        Some((kind, data))
    }

    pub(in crate::paypal) fn paid_with(&self) -> Option<PaidWith> {
        let (kind, data) = self.source()?;
        let kind = untrusted::code(kind)?;
        let is_wallet = is_wallet(&kind, data);
        let card = if is_wallet { data.get("card") } else { Some(data) };
        // An order that was made for a wallet names it before the payer has confirmed anything.
        if card.is_none() && !matches!(self.status.as_str(), "APPROVED" | "COMPLETED") {
            return None;
        }
        let text = |name: &str| card.and_then(|card| card.get(name)).and_then(Value::as_str);
        Some(PaidWith {
            wallet: is_wallet.then(|| kind.clone()),
            brand: text("brand").and_then(untrusted::code).map(|brand| brand.to_ascii_lowercase()),
            last4: text("last_digits").and_then(untrusted::last4),
            kind: if is_wallet { "card".to_owned() } else { kind },
        })
    }

    /// Checks an order that is about to be paid: that the payer confirmed it with the wallet that was `asked` for, and that
    /// the party who bears a chargeback of a wallet's card is as `allowed` by the client's policy. Nothing was executed if
    /// it is not.
    pub(in crate::paypal) fn is_confirmed_with(
        &self,
        asked: Option<Wallet>,
        allowed: &LiabilityShifts,
    ) -> ProviderResult<()> {
        let source = self.source().filter(|(kind, data)| is_wallet(kind, data));
        if let Some(asked) = asked
            && source.is_none_or(|(kind, _)| kind != asked.name())
        {
            let problem = format!("the payer did not confirm the order with {asked}; begin a new payment");
            return Err(not_as_asked("wallet", problem));
        }
        let Some((_, data)) = source else { return Ok(()) };
        let shift = match data.pointer("/card/authentication_result/liability_shift") {
            None | Some(Value::Null) => UNKNOWN,
            // What is no text is none of PayPal's values.
            Some(shift) => shift.as_str().unwrap_or_default(),
        };
        if allowed.contain(shift) {
            return Ok(());
        }
        let problem = "the payer's bank did not authenticate the payer as this client's policy requires (WALLET_LIABILITY_SHIFT)";
        Err(not_as_asked("paymentMethodId", problem))
    }
}

/// What the payer confirmed is not what the client's policy asks for; `problem` says in what.
pub(in crate::paypal) fn not_as_asked(field: &str, problem: impl Into<String>) -> NotDone {
    NotDone::invalid(field, problem).because(Some("authentication_failed".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn order(source: &Value) -> Order {
        let order = json!({ "id": "5O190127TN364715T", "status": "APPROVED", "payment_source": source });
        serde_json::from_value(order).unwrap()
    }

    #[test]
    fn what_was_paid_with_is_read_where_it_is_told() {
        let card = json!({ "brand": "VISA", "last_digits": "4242", "type": "CREDIT" });
        let wallet = |name: &str| PaidWith {
            kind: "card".to_owned(),
            wallet: Some(name.to_owned()),
            brand: Some("visa".to_owned()),
            last4: Some("4242".to_owned()),
        };
        for name in WALLETS {
            assert_eq!(order(&json!({ name: { "card": card } })).paid_with(), Some(wallet(name)));
        }
        let kind = |kind: &str| PaidWith { kind: kind.to_owned(), wallet: None, brand: None, last4: None };
        assert_eq!(
            order(&json!({ "card": card })).paid_with(),
            Some(PaidWith { wallet: None, ..wallet("") })
        );
        assert_eq!(order(&json!({ "paypal": { "email_address": "a@b" } })).paid_with(), Some(kind("paypal")));
        assert_eq!(order(&json!({ "of_next_year": {} })).paid_with(), Some(kind("of_next_year")));
        assert_eq!(order(&json!({ "new_pay": { "card": card } })).paid_with(), Some(wallet("new_pay")));
        let partly = json!({ "card": { "brand": "a b", "last_digits": "42424" } });
        assert_eq!(order(&partly).paid_with(), Some(kind("card")));
        for nothing in [json!(null), json!({}), json!("x"), json!({ "a b": {} })] {
            assert_eq!(order(&nothing).paid_with(), None, "{nothing}");
        }
    }

    #[test]
    fn a_wallet_whose_card_is_not_told_is_told_once_the_payer_has_confirmed_it() {
        for name in WALLETS {
            let wallet =
                PaidWith { kind: "card".to_owned(), wallet: Some(name.to_owned()), brand: None, last4: None };
            let with = |status: &str, data: &Value| {
                Order { status: status.to_owned(), ..order(&json!({ name: data })) }.paid_with()
            };
            for data in [json!({}), json!({ "card": null }), json!({ "card": {} })] {
                assert_eq!(with("APPROVED", &data), Some(wallet.clone()), "{data}");
                assert_eq!(with("COMPLETED", &data), Some(wallet.clone()), "{data}");
            }
            assert_eq!(with("CREATED", &json!({})), None, "asked for, and not confirmed");
        }
    }

    #[test]
    fn only_the_asked_wallet_with_an_allowed_liability_is_taken() {
        let allowed = LiabilityShifts::default();
        let with = |shift: &Value| {
            let card = json!({ "authentication_result": shift });
            order(&json!({ "google_pay": { "card": card } }))
                .is_confirmed_with(Some(Wallet::GooglePay), &allowed)
        };
        for fine in ["POSSIBLE", "UNKNOWN"] {
            assert_eq!(with(&json!({ "liability_shift": fine })), Ok(()));
        }
        assert_eq!(with(&json!(null)), Ok(()), "not authenticated");
        assert_eq!(with(&json!({})), Ok(()), "authenticated, with an unknown liability");
        assert_eq!(with(&json!({ "liability_shift": null })), Ok(()), "the same");
        for wrong in
            [json!("NO"), json!("SOMETHING_NEW"), json!("possible"), json!(""), json!(true), json!([])]
        {
            let Err(NotDone::Refused(refusal)) = with(&json!({ "liability_shift": wrong })) else {
                panic!("{wrong}")
            };
            assert_eq!(refusal.reason().map(String::as_str), Some("authentication_failed"));
        }
        for other in [json!({ "apple_pay": {} }), json!({ "paypal": {} }), json!({}), json!(null)] {
            let checked = order(&other).is_confirmed_with(Some(Wallet::GooglePay), &allowed);
            let Err(NotDone::Refused(refusal)) = checked else { panic!("{other}") };
            assert_eq!(refusal.reason().map(String::as_str), Some("authentication_failed"));
            assert!(refusal.message.contains("google_pay"), "{}", refusal.message);
        }
    }

    /// An order that was made for no wallet may be confirmed with one.
    #[test]
    fn the_liability_is_checked_whatever_wallet_was_asked_for() {
        let allowed = LiabilityShifts::default();
        for wallet in ["apple_pay", "google_pay", "new_pay"] {
            let card = json!({ "authentication_result": { "liability_shift": "NO" } });
            assert!(order(&json!({ wallet: { "card": card } })).is_confirmed_with(None, &allowed).is_err());
            assert_eq!(order(&json!({ wallet: {} })).is_confirmed_with(None, &allowed), Ok(()));
        }
        assert_eq!(order(&json!({ "paypal": {} })).is_confirmed_with(None, &allowed), Ok(()));
    }

    #[test]
    fn a_stricter_policy_refuses_what_is_unknown_and_a_card_that_nobody_authenticated() {
        let strict = LiabilityShifts::of(["POSSIBLE"]).unwrap();
        let with = |data: &Value| {
            order(&json!({ "google_pay": data })).is_confirmed_with(Some(Wallet::GooglePay), &strict)
        };
        let result = |result: &Value| json!({ "card": { "authentication_result": result } });
        assert_eq!(with(&result(&json!({ "liability_shift": "POSSIBLE" }))), Ok(()));
        assert!(with(&result(&json!({ "liability_shift": "UNKNOWN" }))).is_err());
        assert!(with(&result(&json!({}))).is_err());
        assert!(with(&result(&json!(null))).is_err());
        assert!(with(&json!({ "card": { "last_digits": "4242" } })).is_err());
        assert!(with(&json!({})).is_err());
        // A PayPal account has no bank that authenticates.
        assert_eq!(order(&json!({ "paypal": {} })).is_confirmed_with(None, &strict), Ok(()));
    }
}
