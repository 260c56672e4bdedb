//! Requests to Stripe. The same order always makes the same request, key included, so a retry cannot charge twice.

use std::fmt::Display;

use edge_core::request::CaptureMode;
use jiff::Timestamp;
use payments::model::id::AttemptId;
use payments::model::provider::{CancelOrder, CaptureOrder, ChargeOrder, ProviderRef, RefundOrder};
use reqwest::Method;

use crate::transport::{Body, ProviderRequest};

/// The newest version that this adapter was written against. Pinning it keeps the format of answers when the account's
/// default moves.
const API_VERSION: &str = "2026-10-28.endive";

/// What a PaymentIntent is confirmed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Means<'a> {
    PaymentMethod(&'a str),
    /// Made by Stripe's script on the client's page, where the payer also takes a further step if there is one.
    ConfirmationToken(&'a str),
    /// A card's or a wallet's token, of which a payment method has to be made first.
    Token(&'a str),
}

impl<'a> Means<'a> {
    pub(super) fn parse(id: &'a str) -> Self {
        if id.starts_with("ctoken_") {
            Self::ConfirmationToken(id)
        } else if id.starts_with("tok_") {
            Self::Token(id)
        } else {
            Self::PaymentMethod(id)
        }
    }
}

/// Makes a payment method of a card's or a wallet's token. No money moves by it.
pub(super) fn payment_method(attempt: &AttemptId, token: &str) -> ProviderRequest {
    let mut form = Form::default();
    form.set("type", &"card");
    form.set("card[token]", &token);
    post("charge", &["payment_methods"], attempt, "method", form)
}

/// Creates and confirms a PaymentIntent over `units`.
pub(super) fn charge(
    order: &ChargeOrder,
    means: Means<'_>,
    units: u64,
    return_url: Option<&str>,
) -> ProviderRequest {
    let capture_method = match order.capture {
        CaptureMode::Automatic => "automatic",
        CaptureMode::Manual => "manual",
    };
    let mut form = Form::default();
    form.set("amount", &units);
    form.set("currency", &order.money.currency.code().to_ascii_lowercase());
    form.set("confirm", &true);
    match means {
        Means::PaymentMethod(id) | Means::Token(id) => form.set("payment_method", &id),
        Means::ConfirmationToken(id) => form.set("confirmation_token", &id),
    }
    form.set("capture_method", &capture_method);
    form.set("automatic_payment_methods[enabled]", &true);
    if let Some(url) = return_url {
        form.set("return_url", &url);
    } else {
        // The payer could not be redirected, so a payment that needs a redirect is declined at once. With a
        // confirmation token, Stripe's script is on the payer's page and can take any other step there.
        form.set("automatic_payment_methods[allow_redirects]", &"never");
        if !matches!(means, Means::ConfirmationToken(_)) {
            form.set("error_on_requires_action", &true);
        }
    }
    form.set("expand[]", &LATEST_CHARGE);
    if let Some(description) = &order.description {
        form.set("description", description);
    }
    for (key, value) in order.metadata.iter().filter(|(key, _)| !OWN_METADATA.contains(key)) {
        form.set(&format!("metadata[{key}]"), &value);
    }
    form.set("metadata[transactionId]", &order.payment);
    form.set("metadata[attemptId]", &order.attempt);
    form.set(&format!("metadata[{CLIENT}]"), &order.client);
    if let Some(reference) = &order.customer_reference {
        form.set("metadata[customerReference]", reference);
    }
    post("charge", &["payment_intents"], &order.attempt, "charge", form)
}

/// Tells what was paid with.
const LATEST_CHARGE: &str = "latest_charge";

/// Our keys in a PaymentIntent's metadata; a client's own entries under these keys are dropped.
const OWN_METADATA: [&str; 4] = ["transactionId", "attemptId", CLIENT, "customerReference"];
/// The payment's client, in case its record is lost.
pub(super) const CLIENT: &str = "clientId";

pub(super) fn retrieve(intent: &ProviderRef) -> ProviderRequest {
    let mut query = Form::default();
    query.set("expand[]", &LATEST_CHARGE);
    get(&["payment_intents", intent.as_str()], Body::Query(query.0))
}

pub(super) fn retrieve_refund(refund: &ProviderRef) -> ProviderRequest {
    get(&["refunds", refund.as_str()], Body::Empty)
}

/// Stripe's maximum page size.
const PAGE: u32 = 100;

/// A page of the PaymentIntents made between two times, newest first.
pub(super) fn list(from: Timestamp, to: Timestamp, after: Option<&ProviderRef>) -> ProviderRequest {
    let mut query = Form::default();
    query.set("created[gte]", &from.as_second());
    query.set("created[lte]", &to.as_second());
    get(&["payment_intents"], page(query, after))
}

/// A page of the refunds of a PaymentIntent, newest first.
pub(super) fn list_refunds(intent: &ProviderRef, after: Option<&ProviderRef>) -> ProviderRequest {
    let mut query = Form::default();
    query.set("payment_intent", intent);
    get(&["refunds"], page(query, after))
}

fn page(mut query: Form, after: Option<&ProviderRef>) -> Body {
    query.set("limit", &PAGE);
    if let Some(after) = after {
        query.set("starting_after", after);
    }
    Body::Query(query.0)
}

fn get(segments: &[&str], body: Body) -> ProviderRequest {
    ProviderRequest {
        operation: "retrieve",
        method: Method::GET,
        path: path(segments),
        headers: vec![("Stripe-Version", API_VERSION.to_owned())],
        body,
    }
}

/// Sent without a key: registering a domain twice has no further effect.
pub(super) fn register_domain(domain: &str) -> ProviderRequest {
    let mut form = Form::default();
    form.set("domain_name", &domain);
    unkeyed(&["payment_method_domains"], form)
}

pub(super) fn validate_domain(domain: &ProviderRef) -> ProviderRequest {
    unkeyed(&["payment_method_domains", domain.as_str(), "validate"], Form::default())
}

pub(super) fn find_domain(domain: &str) -> ProviderRequest {
    let mut query = Form::default();
    query.set("domain_name", &domain);
    get(&["payment_method_domains"], Body::Query(query.0))
}

fn unkeyed(segments: &[&str], form: Form) -> ProviderRequest {
    ProviderRequest {
        operation: "domain",
        method: Method::POST,
        path: path(segments),
        headers: vec![("Stripe-Version", API_VERSION.to_owned())],
        body: Body::Form(form.0),
    }
}

pub(super) fn capture(order: &CaptureOrder, units: u64) -> ProviderRequest {
    let mut form = Form::default();
    form.set("amount_to_capture", &units);
    let path = ["payment_intents", order.authorization.as_str(), "capture"];
    post("capture", &path, &order.attempt, "capture", form)
}

pub(super) fn cancel(order: &CancelOrder, intent: &ProviderRef) -> ProviderRequest {
    let mut form = Form::default();
    form.set("cancellation_reason", &"requested_by_customer");
    post("cancel", &["payment_intents", intent.as_str(), "cancel"], &order.attempt, "cancel", form)
}

/// Cancels the PaymentIntent of a charge that cannot continue.
pub(super) fn abandon(attempt: &AttemptId, intent: &ProviderRef) -> ProviderRequest {
    let mut form = Form::default();
    form.set("cancellation_reason", &"abandoned");
    post("cancel", &["payment_intents", intent.as_str(), "cancel"], attempt, "abandon", form)
}

pub(super) fn refund(order: &RefundOrder, units: u64) -> ProviderRequest {
    let mut form = Form::default();
    form.set("payment_intent", &order.charge);
    form.set("amount", &units);
    form.set("metadata[transactionId]", &order.payment);
    form.set("metadata[refundId]", &order.refund);
    post("refund", &["refunds"], &order.attempt, "refund", form)
}

fn post(
    operation: &'static str,
    segments: &[&str],
    attempt: &AttemptId,
    step: &str,
    form: Form,
) -> ProviderRequest {
    ProviderRequest {
        operation,
        method: Method::POST,
        path: path(segments),
        headers: vec![
            ("Stripe-Version", API_VERSION.to_owned()),
            ("Idempotency-Key", format!("{attempt}:{step}")),
        ],
        body: Body::Form(form.0),
    }
}

fn path(segments: &[&str]) -> Vec<String> {
    std::iter::once("v1").chain(segments.iter().copied()).map(str::to_owned).collect()
}

#[derive(Default)]
struct Form(Vec<(String, String)>);

impl Form {
    fn set(&mut self, name: &str, value: &dyn Display) {
        self.0.push((name.to_owned(), value.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use edge_core::client::ClientId;
    use edge_core::money::{Amount, Currency, Money};
    use jiff::Timestamp;

    use super::*;
    use payments::model::id::{PaymentId, RefundId};

    fn order() -> ChargeOrder {
        ChargeOrder {
            payment: PaymentId::new(Timestamp::UNIX_EPOCH, [1; 10]),
            client: ClientId::parse("demo").unwrap(),
            attempt: AttemptId::new(Timestamp::UNIX_EPOCH, [2; 10]),
            money: Money {
                amount: Amount::new(4_999).unwrap(),
                currency: Currency::from_code("USD").unwrap(),
            },
            method: Some("pm_card_visa".to_owned()),
            wallet: None,
            verification: None,
            is_judged: false,
            capture: CaptureMode::Automatic,
            description: Some("two chairs".to_owned()),
            customer_reference: Some("customer-7".to_owned()),
            metadata: serde_json::from_str(r#"{"order":"A-1","transactionId":"forged"}"#).unwrap(),
            return_url: None,
        }
    }

    fn show(request: &ProviderRequest) -> String {
        let mut lines = vec![format!("{} /{}", request.method, request.path.join("/"))];
        lines.extend(request.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        if let Body::Form(form) = &request.body {
            lines.extend(form.iter().map(|(name, value)| format!("{name}={value}")));
        }
        lines.join("\n")
    }

    #[test]
    fn a_charge_is_one_confirmed_payment_intent_under_the_attempts_key() {
        insta::assert_snapshot!(show(&charge(&order(), Means::parse("pm_card_visa"), 4_999, Some("https://shop.example/back"))), @"
        POST /v1/payment_intents
        Stripe-Version: 2026-10-28.endive
        Idempotency-Key: att_00000000-0000-7202-8202-020202020202:charge
        amount=4999
        currency=usd
        confirm=true
        payment_method=pm_card_visa
        capture_method=automatic
        automatic_payment_methods[enabled]=true
        return_url=https://shop.example/back
        expand[]=latest_charge
        description=two chairs
        metadata[order]=A-1
        metadata[transactionId]=txn_00000000-0000-7101-8101-010101010101
        metadata[attemptId]=att_00000000-0000-7202-8202-020202020202
        metadata[clientId]=demo
        metadata[customerReference]=customer-7
        ");
    }

    #[test]
    fn without_a_return_url_no_redirect_is_asked_for() {
        let request = charge(
            &ChargeOrder { capture: CaptureMode::Manual, ..order() },
            Means::parse("pm_x"),
            4_999,
            None,
        );
        let shown = show(&request);
        assert!(shown.contains("capture_method=manual"), "{shown}");
        assert!(
            shown.contains("automatic_payment_methods[allow_redirects]=never\nerror_on_requires_action=true")
        );
        assert!(!shown.contains("return_url"), "{shown}");
    }

    #[test]
    fn a_charge_confirms_with_its_confirmation_token_and_stripes_script_does_the_rest() {
        let shown = show(&charge(&order(), Means::parse("ctoken_1"), 4_999, None));
        assert!(
            shown.contains("confirmation_token=ctoken_1") && !shown.contains("payment_method=ctoken"),
            "{shown}"
        );
        assert!(!shown.contains("error_on_requires_action"), "{shown}");
        insta::assert_snapshot!(show(&payment_method(&order().attempt, "tok_1")), @"
        POST /v1/payment_methods
        Stripe-Version: 2026-10-28.endive
        Idempotency-Key: att_00000000-0000-7202-8202-020202020202:method
        type=card
        card[token]=tok_1
        ");
    }

    #[test]
    fn the_same_order_makes_the_same_request() {
        let request = || charge(&order(), Means::parse("pm_x"), 1, None);
        assert_eq!(request(), request());
    }

    #[test]
    fn captures_cancels_and_refunds_name_what_they_are_for() {
        let ChargeOrder { payment, attempt, money, .. } = order();
        let intent = ProviderRef::new("pi_1");
        let capture_order = CaptureOrder { payment, attempt, authorization: intent.clone(), money };
        insta::assert_snapshot!(show(&capture(&capture_order, 1_000)), @"
        POST /v1/payment_intents/pi_1/capture
        Stripe-Version: 2026-10-28.endive
        Idempotency-Key: att_00000000-0000-7202-8202-020202020202:capture
        amount_to_capture=1000
        ");
        let refund_id = RefundId::new(Timestamp::UNIX_EPOCH, [3; 10]);
        let refund_order = RefundOrder { payment, refund: refund_id, attempt, charge: intent.clone(), money };
        insta::assert_snapshot!(show(&refund(&refund_order, 500)), @"
        POST /v1/refunds
        Stripe-Version: 2026-10-28.endive
        Idempotency-Key: att_00000000-0000-7202-8202-020202020202:refund
        payment_intent=pi_1
        amount=500
        metadata[transactionId]=txn_00000000-0000-7101-8101-010101010101
        metadata[refundId]=rfnd_00000000-0000-7303-8303-030303030303
        ");
        insta::assert_snapshot!(show(&abandon(&attempt, &intent)), @"
        POST /v1/payment_intents/pi_1/cancel
        Stripe-Version: 2026-10-28.endive
        Idempotency-Key: att_00000000-0000-7202-8202-020202020202:abandon
        cancellation_reason=abandoned
        ");
        insta::assert_snapshot!(show(&retrieve(&intent)), @"
        GET /v1/payment_intents/pi_1
        Stripe-Version: 2026-10-28.endive
        ");
    }
}
