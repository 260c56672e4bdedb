//! The sandbox's checkout page in a real browser: each button is clicked as a payer clicks it, and the sandbox's ledger
//! judges what happened.

use gateway_tests::{Gateway, Page, shared, until};
use serde_json::Value;
use test_services::skipped;

/// Why nothing is seen here.
const NO_BROWSER: &str = "no chromium on the PATH (Debian: apt-get install chromium)";

/// The buttons, each with the provider that its wallet goes through. Those of wallets show a sheet first.
const BUTTONS: [(&str, &str); 5] = [
    ("stripe-apple_pay", "stripe"),
    ("stripe-google_pay", "stripe"),
    ("paypal-apple_pay", "paypal"),
    ("paypal-google_pay", "paypal"),
    ("pay-card", "stripe"),
];

/// A fresh page. `None` without a browser.
async fn open(gateway: &Gateway<'_>) -> Option<Page> {
    let mut page = Page::open(&address(gateway)).await?;
    page.wait_for("document.body.dataset.ready === 'true'").await;
    Some(page)
}

fn address(gateway: &Gateway<'_>) -> String {
    format!("{}/_sandbox/checkout", gateway.stack().sandbox_url())
}

async fn choose(page: &mut Page, outcome: &str, provider: &str) {
    page.evaluate(&format!("document.querySelector('input[value={outcome}]').click()")).await;
    page.evaluate(&format!("document.querySelector('input[name=provider][value={provider}]').click()")).await;
}

/// Clicks a button so many times at once, and agrees in each sheet that this opens.
async fn click(page: &mut Page, button: &str, times: u32) {
    let click = format!("document.getElementById('{button}').click();").repeat(times as usize);
    page.evaluate(&click).await;
    if button != "pay-card" {
        page.wait_for("document.querySelector('dialog [data-sheet=agree]')").await;
        let agree =
            "document.querySelectorAll('dialog [data-sheet=agree]').forEach(button => button.click())";
        page.evaluate(agree).await;
    }
}

async fn ends_as(page: &mut Page, status: &str) {
    page.wait_for(&format!("document.getElementById('status').dataset.status === '{status}'")).await;
}

/// The payment that the page shows.
async fn transaction(page: &mut Page) -> String {
    page.wait_for("document.getElementById('transaction').textContent.startsWith('txn_')").await;
    let shown: Value = page.evaluate("document.getElementById('transaction').textContent").await;
    shown.as_str().unwrap().to_owned()
}

/// The bank's page in its frame, or PayPal's, is on the same origin.
async fn authenticate(page: &mut Page, outcome: &str) {
    let button = format!(
        "document.querySelector('dialog iframe')?.contentDocument?.querySelector('[value={outcome}]')"
    );
    page.wait_for(&button).await;
    let below_the_edge = "(() => { const frame = document.querySelector('dialog iframe'); \
        return [...frame.contentDocument.querySelectorAll('button')] \
        .filter(button => button.getBoundingClientRect().bottom > frame.clientHeight).length; })()";
    assert_eq!(page.evaluate(below_the_edge).await, 0, "each button is seen without scrolling");
    page.evaluate(&format!("{button}.click()")).await;
}

#[tokio::test]
async fn every_button_pays_once_though_it_is_clicked_twice() {
    let gateway = shared().await;
    for (button, provider) in BUTTONS {
        let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
        page.screenshot("checkout").await;
        choose(&mut page, "paid", provider).await;
        click(&mut page, button, 2).await;
        ends_as(&mut page, "completed").await;
        let transaction = transaction(&mut page).await;
        page.screenshot(&format!("paid-{button}")).await;
        assert_eq!(gateway.effects(&transaction).await, [format!("{provider} charge 4999 EUR")], "{button}");
    }
}

#[tokio::test]
async fn a_decline_is_shown_by_every_button_and_takes_nothing() {
    let gateway = shared().await;
    for (button, provider) in BUTTONS {
        let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
        choose(&mut page, "declined", provider).await;
        click(&mut page, button, 1).await;
        page.wait_for("document.getElementById('status').dataset.kind === 'bad'").await;
        let transaction = transaction(&mut page).await;
        page.screenshot(&format!("declined-{button}")).await;
        assert_eq!(gateway.payment(&transaction).await["status"], "failed", "{button}");
        assert_eq!(gateway.effects(&transaction).await, [""; 0], "{button}");
    }
}

#[tokio::test]
async fn a_payer_whose_bank_asks_pays_after_the_answer_by_every_button() {
    let gateway = shared().await;
    for (button, provider) in BUTTONS {
        let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
        choose(&mut page, "authenticate", provider).await;
        click(&mut page, button, 1).await;
        let outcome = if provider == "stripe" { "succeed" } else { "approve" };
        authenticate(&mut page, outcome).await;
        page.screenshot(&format!("authenticated-{button}")).await;
        ends_as(&mut page, "completed").await;
        let transaction = transaction(&mut page).await;
        assert_eq!(gateway.effects(&transaction).await, [format!("{provider} charge 4999 EUR")], "{button}");
    }
}

#[tokio::test]
async fn a_bank_that_is_not_convinced_lets_nothing_be_taken() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    choose(&mut page, "authenticate", "stripe").await;
    click(&mut page, "stripe-google_pay", 1).await;
    authenticate(&mut page, "fail").await;
    ends_as(&mut page, "failed").await;
    let transaction = transaction(&mut page).await;
    assert_eq!(gateway.effects(&transaction).await, [""; 0]);
}

/// The page's tab is gone before the payer's bank answers, and the page is opened in another one.
#[tokio::test]
async fn a_page_that_is_closed_and_opened_again_shows_the_payment_and_pays_no_second() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    choose(&mut page, "authenticate", "stripe").await;
    click(&mut page, "stripe-apple_pay", 1).await;
    let transaction = transaction(&mut page).await;
    page.close_tab().await;
    let intent = until("the payment at Stripe", async || {
        let payment = gateway.payment(&transaction).await;
        payment["providerReference"].as_str().map(str::to_owned)
    })
    .await;
    let bank = format!("{}/_sandbox/stripe/authenticate/{intent}", gateway.stack().sandbox_url());
    gateway.sandbox.decide(&bank, "succeed").await;
    page.navigate(&address(&gateway)).await;
    ends_as(&mut page, "completed").await;
    assert_eq!(gateway.effects(&transaction).await, ["stripe charge 4999 EUR"]);
}

#[tokio::test]
async fn a_page_forgets_a_payment_that_the_gateway_does_not_know() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    page.evaluate("localStorage.setItem('payment', 'txn_01890000-0000-7000-8000-000000000000')").await;
    page.close_tab().await;
    page.navigate(&address(&gateway)).await;
    page.wait_for("document.body.dataset.ready === 'true'").await;
    let begins = "document.getElementById('result').hidden && localStorage.getItem('payment') === null";
    assert_eq!(page.evaluate(begins).await, true);
}

#[tokio::test]
async fn a_payer_who_approves_on_paypals_page_comes_back_and_has_paid_once() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    page.evaluate("document.getElementById('pay-paypal').click()").await;
    page.wait_for("location.pathname === '/checkoutnow' && document.querySelector('[value=approve]')").await;
    page.evaluate("document.querySelector('[value=approve]').click()").await;
    page.wait_for("document.getElementById('status')").await;
    ends_as(&mut page, "completed").await;
    let transaction = transaction(&mut page).await;
    assert_eq!(gateway.effects(&transaction).await, ["paypal charge 4999 EUR"]);
}
