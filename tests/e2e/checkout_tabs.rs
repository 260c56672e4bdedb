//! Payers who close the tab of the sandbox's checkout page, or PayPal's, while they are asked: the payment continues
//! without it.

use std::time::Duration;

use gateway_tests::{Gateway, Page, shared, until_within};
use serde_json::Value;
use test_services::skipped;

use crate::checkout_page::{BUTTONS, NO_BROWSER, choose, click, ends_as, open, open_again};

/// The gateway leaves an order that a wallet has confirmed to its page for 15 seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A payment whose payer is asked, and has no tab any more.
struct Deserted {
    button: &'static str,
    provider: &'static str,
    transaction: String,
}

impl Deserted {
    async fn by(
        page: &mut Page,
        gateway: &Gateway<'_>,
        button: &'static str,
        provider: &'static str,
    ) -> Self {
        open_again(page, gateway, None).await;
        choose(page, "authenticate", provider).await;
        click(page, button, 1).await;
        page.wait_for("location.pathname === '/checkoutnow' || document.querySelector('dialog iframe')")
            .await;
        // PayPal's page has the same origin here, so both show it.
        let transaction = page.evaluate("localStorage.getItem('payment')").await;
        page.close_tab().await;
        Self { button, provider, transaction: transaction.as_str().unwrap().to_owned() }
    }

    /// The payer agrees elsewhere: in the bank's app, or in PayPal's.
    async fn is_agreed_to(&self, gateway: &Gateway<'_>) {
        let payment = gateway.payment(&self.transaction).await;
        let sandbox = gateway.stack().sandbox_url();
        let text = |pointer| payment.pointer(pointer).and_then(Value::as_str);
        let (page, outcome) = match (text("/nextAction/url"), text("/nextAction/orderId")) {
            (Some(page), _) => (page.to_owned(), "approve"),
            (None, Some(order)) => (format!("{sandbox}/checkoutnow?token={order}"), "approve"),
            (None, None) => {
                let intent =
                    text("/providerReference").unwrap_or_else(|| panic!("{}: {payment}", self.button));
                (format!("{sandbox}/_sandbox/stripe/authenticate/{intent}"), "succeed")
            }
        };
        gateway.sandbox.decide(&page, outcome).await;
    }

    /// Also on the page that the payer opens later.
    async fn is_paid_once(&self, page: &mut Page, gateway: &Gateway<'_>) {
        let Self { button, provider, transaction } = self;
        until_within(PATIENCE, button, async || {
            (gateway.payment(transaction).await["status"] == "completed").then_some(())
        })
        .await;
        open_again(page, gateway, Some(transaction)).await;
        ends_as(page, "completed").await;
        assert_eq!(gateway.effects(transaction).await, [format!("{provider} charge 4999 EUR")], "{button}");
    }
}

#[tokio::test]
async fn a_tab_that_is_closed_while_the_payer_is_asked_loses_no_payment_of_any_button() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    let mut deserted = Vec::new();
    for (button, provider) in BUTTONS.into_iter().chain([("pay-paypal", "paypal")]) {
        let payment = Deserted::by(&mut page, &gateway, button, provider).await;
        payment.is_agreed_to(&gateway).await;
        deserted.push(payment);
    }
    for payment in deserted {
        payment.is_paid_once(&mut page, &gateway).await;
    }
}
