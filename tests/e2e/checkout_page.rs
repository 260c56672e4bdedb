//! The sandbox's checkout page in a real browser: each button is clicked as a payer clicks it, and the sandbox's ledger
//! judges what happened.

use gateway_tests::{Gateway, Page, shared};
use serde_json::Value;
use test_services::skipped;

/// Why nothing is seen here.
pub(crate) const NO_BROWSER: &str = "no chromium on the PATH (Debian: apt-get install chromium)";

/// The buttons, each with the provider that its wallet goes through. Those of wallets show a sheet first. PayPal's own
/// button leaves the page: see `checkout_paypal`.
pub(crate) const BUTTONS: [(&str, &str); 5] = [
    ("stripe-apple_pay", "stripe"),
    ("stripe-google_pay", "stripe"),
    ("paypal-apple_pay", "paypal"),
    ("paypal-google_pay", "paypal"),
    ("pay-card", "stripe"),
];

pub(crate) const READY: &str = "document.body.dataset.ready === 'true'";

/// A fresh page. `None` without a browser.
pub(crate) async fn open(gateway: &Gateway<'_>) -> Option<Page> {
    let mut page = Page::open(&address(gateway)).await?;
    page.wait_for(READY).await;
    Some(page)
}

pub(crate) fn address(gateway: &Gateway<'_>) -> String {
    format!("{}/_sandbox/checkout", gateway.stack().sandbox_url())
}

/// The page as a payer sees it who has `payment` under way, or none.
pub(crate) async fn open_again(page: &mut Page, gateway: &Gateway<'_>, payment: Option<&str>) {
    // A file of the same origin, which shares what the page stores.
    page.navigate(&format!("{}/checkout.css", address(gateway))).await;
    page.wait_for("location.pathname.endsWith('.css')").await;
    page.evaluate("localStorage.clear()").await;
    if let Some(payment) = payment {
        page.evaluate(&format!("localStorage.setItem('payment', '{payment}')")).await;
    }
    page.navigate(&address(gateway)).await;
    page.wait_for(READY).await;
}

pub(crate) async fn choose(page: &mut Page, outcome: &str, provider: &str) {
    page.evaluate(&format!("document.querySelector('input[value={outcome}]').click()")).await;
    page.evaluate(&format!("document.querySelector('input[name=provider][value={provider}]').click()")).await;
}

/// Clicks a button so many times at once, and agrees in each sheet that this opens.
pub(crate) async fn click(page: &mut Page, button: &str, times: u32) {
    let click = format!("document.getElementById('{button}').click();").repeat(times as usize);
    page.act(&click).await;
    if !button.starts_with("pay-") {
        page.wait_for("document.querySelector('dialog [data-sheet=agree]')").await;
        let agree =
            "document.querySelectorAll('dialog [data-sheet=agree]').forEach(button => button.click())";
        page.act(agree).await;
    }
}

pub(crate) async fn ends_as(page: &mut Page, status: &str) {
    page.wait_for(&format!("document.getElementById('status').dataset.status === '{status}'")).await;
}

/// The payment that the page shows.
pub(crate) async fn transaction(page: &mut Page) -> String {
    page.wait_for("document.getElementById('transaction').textContent.startsWith('txn_')").await;
    let shown: Value = page.evaluate("document.getElementById('transaction').textContent").await;
    shown.as_str().unwrap().to_owned()
}

/// The bank's page in its frame, or PayPal's, is on the same origin.
pub(crate) async fn authenticate(page: &mut Page, outcome: &str) {
    let button = format!(
        "document.querySelector('dialog iframe')?.contentDocument?.querySelector('[value={outcome}]')"
    );
    page.wait_for(&button).await;
    let below_the_edge = "(() => { const frame = document.querySelector('dialog iframe'); \
        return [...frame.contentDocument.querySelectorAll('button')] \
        .filter(button => button.getBoundingClientRect().bottom > frame.clientHeight).length; })()";
    assert_eq!(page.evaluate(below_the_edge).await, 0, "each button is seen without scrolling");
    page.act(&format!("{button}.click()")).await;
}

#[tokio::test]
async fn every_button_pays_once_though_it_is_clicked_twice() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for (button, provider) in BUTTONS {
        open_again(&mut page, &gateway, None).await;
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
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for (button, provider) in BUTTONS {
        open_again(&mut page, &gateway, None).await;
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
async fn a_payer_whose_bank_asks_pays_once_after_the_answer_by_every_button() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for (button, provider) in BUTTONS {
        open_again(&mut page, &gateway, None).await;
        choose(&mut page, "authenticate", provider).await;
        click(&mut page, button, 2).await;
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
    for (button, provider) in BUTTONS {
        open_again(&mut page, &gateway, None).await;
        choose(&mut page, "authenticate", provider).await;
        click(&mut page, button, 1).await;
        authenticate(&mut page, "fail").await;
        page.wait_for("document.getElementById('status').dataset.kind === 'bad'").await;
        let transaction = transaction(&mut page).await;
        let payment = gateway.payment(&transaction).await;
        assert_eq!(payment["status"], "failed", "{button}: {payment}");
        if provider == "paypal" {
            // The liability shift is `NO` then, which no default policy takes.
            assert_eq!(payment["failure"]["declineCode"], "authentication_failed", "{button}: {payment}");
        }
        assert_eq!(gateway.effects(&transaction).await, [""; 0], "{button}");
    }
}

#[tokio::test]
async fn a_payer_who_closes_the_banks_page_pays_nothing() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for (button, provider) in BUTTONS {
        open_again(&mut page, &gateway, None).await;
        choose(&mut page, "authenticate", provider).await;
        click(&mut page, button, 1).await;
        page.wait_for("document.querySelector('dialog iframe')").await;
        page.act("document.querySelector('dialog iframe').closest('dialog').close()").await;
        page.wait_for("document.getElementById('explanation').textContent === 'The payer closed the sheet.'")
            .await;
        let transaction = transaction(&mut page).await;
        assert_eq!(gateway.payment(&transaction).await["status"], "requires_action", "{button}");
        assert_eq!(gateway.effects(&transaction).await, [""; 0], "{button}");
    }
}

#[tokio::test]
async fn a_page_forgets_a_payment_that_the_gateway_does_not_know() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    open_again(&mut page, &gateway, Some("txn_01890000-0000-7000-8000-000000000000")).await;
    let begins = "document.getElementById('result').hidden && localStorage.getItem('payment') === null";
    assert_eq!(page.evaluate(begins).await, true);
}

#[tokio::test]
async fn a_page_whose_ticket_expires_while_it_cannot_connect_stops_watching() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    // To a page, a ticket that is refused is a connection that cannot be made.
    let watched = "(async () => {
        const { watch } = await import('/_sandbox/checkout/watch.js');
        const { gateway } = await (await fetch('/_sandbox/shop/config')).json();
        return new Promise((ends) => {
            watch(gateway, 'evtk_a', 0, () => {}, () => ends('expired'));
            setTimeout(() => ends('watches on'), 10000);
        });
    })()";
    assert_eq!(page.evaluate(watched).await, "expired");
}
