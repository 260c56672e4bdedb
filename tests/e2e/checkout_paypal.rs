//! PayPal's own button on the sandbox's checkout page: the payer leaves the page, decides on PayPal's, and comes back.

use gateway_tests::{Page, shared, until};
use test_services::skipped;

use crate::checkout_page::{NO_BROWSER, choose, click, ends_as, open, transaction};

/// PayPal's page, with its two buttons.
const ASKED: &str = "location.pathname === '/checkoutnow' && document.querySelector('[value=approve]')";

async fn decide(page: &mut Page, outcome: &str) {
    page.act(&format!("document.querySelector('[value={outcome}]').click()")).await;
    page.wait_for("document.getElementById('status')").await;
}

#[tokio::test]
async fn a_payer_who_clicks_twice_and_comes_back_twice_has_paid_once() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    click(&mut page, "pay-paypal", 2).await;
    page.wait_for(ASKED).await;
    decide(&mut page, "approve").await;
    ends_as(&mut page, "completed").await;
    let paid = transaction(&mut page).await;
    page.screenshot("paid-pay-paypal").await;
    let back = page.evaluate("location.href").await;
    page.close_tab().await;
    page.navigate(back.as_str().unwrap()).await;
    ends_as(&mut page, "completed").await;
    assert_eq!(transaction(&mut page).await, paid);
    assert_eq!(gateway.effects(&paid).await, ["paypal charge 4999 EUR"]);
}

#[tokio::test]
async fn a_decline_at_paypal_takes_nothing_until_the_payer_has_chosen_otherwise() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    choose(&mut page, "declined", "stripe").await;
    click(&mut page, "pay-paypal", 1).await;
    page.wait_for(ASKED).await;
    let declined = page.evaluate("localStorage.getItem('payment')").await;
    let declined = declined.as_str().unwrap();
    // The button passes the visitor's choice on.
    assert_eq!(page.evaluate("location.search.includes('funding=declined')").await, true);
    page.act("document.querySelector('[value=approve]').click()").await;
    // The checkout page resubmits the order, gets the decline, and sends the payer to PayPal again.
    page.wait_for(&format!("!location.search.includes('funding') && {ASKED}")).await;
    // PayPal's event has the gateway try, too.
    until("the payment's payer", async || {
        (gateway.payment(declined).await["status"] == "requires_action").then_some(())
    })
    .await;
    assert_eq!(gateway.effects(declined).await, [""; 0]);
    decide(&mut page, "approve").await;
    ends_as(&mut page, "completed").await;
    assert_eq!(transaction(&mut page).await, declined);
    assert_eq!(gateway.effects(declined).await, ["paypal charge 4999 EUR"]);
}

#[tokio::test]
async fn a_payer_at_paypal_is_asked_by_paypal_alone_whatever_the_bank_would_ask() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    let told = "document.getElementById('outcome-paypal').textContent.includes('No bank asks there')";
    assert_eq!(page.evaluate(told).await, true);
    choose(&mut page, "authenticate", "paypal").await;
    click(&mut page, "pay-paypal", 1).await;
    page.wait_for(ASKED).await;
    decide(&mut page, "approve").await;
    ends_as(&mut page, "completed").await;
    let paid = transaction(&mut page).await;
    assert_eq!(gateway.effects(&paid).await, ["paypal charge 4999 EUR"]);
}

#[tokio::test]
async fn a_payer_who_cancels_on_paypals_page_pays_nothing() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    click(&mut page, "pay-paypal", 1).await;
    page.wait_for(ASKED).await;
    decide(&mut page, "cancel").await;
    ends_as(&mut page, "requires_action").await;
    let transaction = transaction(&mut page).await;
    page.screenshot("canceled-pay-paypal").await;
    assert_eq!(gateway.effects(&transaction).await, [""; 0]);
}
