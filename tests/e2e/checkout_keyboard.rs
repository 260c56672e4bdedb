//! The sandbox's checkout page without a mouse: where the focus is, and what the keys do.

use gateway_tests::{Page, shared};
use test_services::skipped;

use crate::checkout_page::{BUTTONS, NO_BROWSER, choose, ends_as, open, open_again, transaction};

const SHEET: &str = "document.querySelector('dialog[open]')";

async fn focus(page: &mut Page, button: &str) {
    page.evaluate(&format!("document.getElementById('{button}').focus()")).await;
}

async fn has_focus(page: &mut Page, id: &str) {
    page.wait_for(&format!("document.activeElement.id === '{id}'")).await;
}

async fn explains(page: &mut Page, words: &str) {
    page.wait_for(&format!("document.getElementById('explanation').textContent === '{words}'")).await;
    let status = "document.getElementById('explanation').closest('[role=status]') \
        === document.getElementById('status').closest('[role=status]')";
    assert_eq!(page.evaluate(status).await, true, "screen readers tell both");
}

#[tokio::test]
async fn a_wallets_sheet_is_closed_by_escape_and_agreed_to_by_enter() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for (button, provider) in BUTTONS.into_iter().filter(|(button, _)| !button.starts_with("pay-")) {
        open_again(&mut page, &gateway, None).await;
        choose(&mut page, "paid", provider).await;
        focus(&mut page, button).await;
        page.press("Enter").await;
        page.wait_for(SHEET).await;
        page.press("Escape").await;
        page.wait_for(&format!("!{SHEET}")).await;
        has_focus(&mut page, button).await;
        assert_eq!(page.evaluate("document.getElementById('result').hidden").await, true, "{button}");
        page.press("Enter").await;
        page.wait_for(SHEET).await;
        page.press("Enter").await;
        ends_as(&mut page, "completed").await;
        has_focus(&mut page, "result").await;
        let paid = transaction(&mut page).await;
        assert_eq!(gateway.effects(&paid).await, [format!("{provider} charge 4999 EUR")], "{button}");
    }
}

#[tokio::test]
async fn the_banks_sheet_is_closed_by_its_button_or_by_escape_and_nothing_is_taken() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for key in ["Enter", "Escape"] {
        open_again(&mut page, &gateway, None).await;
        choose(&mut page, "authenticate", "stripe").await;
        focus(&mut page, "pay-card").await;
        page.press("Enter").await;
        page.wait_for("document.querySelector('dialog[open] iframe')").await;
        page.wait_for("document.activeElement.textContent === 'Close'").await;
        page.press(key).await;
        explains(&mut page, "The payer closed the sheet.").await;
        has_focus(&mut page, "result").await;
        let waiting = transaction(&mut page).await;
        assert_eq!(gateway.payment(&waiting).await["status"], "requires_action", "{key}");
        assert_eq!(gateway.effects(&waiting).await, [""; 0], "{key}");
    }
}

#[tokio::test]
async fn an_attempt_that_fails_before_it_is_sent_says_why_and_gives_the_focus_back() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    let refuse = "(() => { const send = window.fetch; window.isRefusing = true; \
        window.fetch = async (...call) => (isRefusing && call[0] === '/v1/confirmation_tokens' \
        ? Response.json({ error: { message: 'No token today.' } }, { status: 400 }) : send(...call)); })()";
    page.evaluate(refuse).await;
    focus(&mut page, "pay-card").await;
    page.press("Enter").await;
    explains(&mut page, "No token today.").await;
    has_focus(&mut page, "pay-card").await;
    page.evaluate("isRefusing = false").await;
    page.press("Enter").await;
    ends_as(&mut page, "completed").await;
    let paid = transaction(&mut page).await;
    assert_eq!(gateway.effects(&paid).await, ["stripe charge 4999 EUR"]);
}
