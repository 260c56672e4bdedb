//! Answers that are lost on their way to the sandbox's checkout page: the gateway has the request, and the page does not know
//! what became of it. The payer sends it again, and has paid once.

use gateway_tests::{Page, shared};
use test_services::skipped;

use crate::checkout_page::{
    BUTTONS, NO_BROWSER, READY, address, choose, click, ends_as, open, open_again, transaction,
};

/// Loses the answers to charges for as long as `isDeaf`; notes the keys that were sent and the payments that were made.
const LOSE_ANSWERS: &str = "(() => {
    Object.assign(window, { isDeaf: true, keys: new Set(), made: new Set() });
    const send = window.fetch;
    window.fetch = async (...call) => {
        const response = await send(...call);
        if (call[0] !== '/_sandbox/shop/pay') return response;
        keys.add(call[1].headers['idempotency-key']);
        const { transactionId } = await response.clone().json();
        if (transactionId) made.add(transactionId);
        if (isDeaf) throw new TypeError('Failed to fetch');
        return response;
    };
})()";

/// Lets the page hear so many answers to charges, and then none, though the gateway has given it; notes whose payment it was.
const HEAR_NO_MORE: &str = "(() => {
    const send = window.fetch;
    window.fetch = async (...call) => {
        const response = await send(...call);
        if (call[0] !== '/_sandbox/shop/pay' || window.hears-- > 0) return response;
        window.made = (await response.json()).transactionId;
        return new Promise(() => {});
    };
})()";

/// Answers the charge that resubmits an order with an error, and keeps it for `sendHeldCharge`.
const REFUSE_RETURNS: &str = "(() => {
    const send = window.fetch;
    window.fetch = async (...call) => {
        const isReturn = call[0] === '/_sandbox/shop/pay' && JSON.parse(call[1].body).paymentMethodId;
        if (!isReturn) return send(...call);
        window.sendHeldCharge = async () => (await send(...call)).status;
        const error = { code: 'INVALID_STATE', message: 'not now', retryable: false };
        return new Response(JSON.stringify({ success: false, error }), { status: 409 });
    };
})()";

/// The page tells the truth, and lets nothing begin but the same request.
async fn is_not_known(page: &mut Page) {
    ends_as(page, "unknown").await;
    assert_eq!(page.evaluate("document.getElementById('status').textContent").await, "Not known yet");
    let offers = "['retry', 'again', 'methods'].filter((id) => !document.getElementById(id).hidden).join()";
    assert_eq!(page.evaluate(offers).await, "retry");
}

async fn try_again(page: &mut Page) {
    page.act("document.getElementById('retry').click()").await;
    ends_as(page, "completed").await;
    let explanation = page.evaluate("document.getElementById('explanation').textContent").await;
    assert_eq!(explanation, "", "what was not known is known");
}

#[tokio::test]
async fn a_payer_whose_answer_is_lost_tries_again_and_has_paid_once() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    // A wallet of PayPal's asks twice: for the order, and for the money.
    for (button, provider, keys) in
        [("pay-card", "stripe", 1), ("stripe-apple_pay", "stripe", 1), ("paypal-google_pay", "paypal", 2)]
    {
        open_again(&mut page, &gateway, None).await;
        choose(&mut page, "paid", provider).await;
        page.evaluate(LOSE_ANSWERS).await;
        click(&mut page, button, 1).await;
        is_not_known(&mut page).await;
        page.screenshot(&format!("unknown-{button}")).await;
        page.evaluate("isDeaf = false").await;
        try_again(&mut page).await;
        let paid = transaction(&mut page).await;
        assert_eq!(page.evaluate("[...made].join()").await, paid.as_str(), "{button}");
        assert_eq!(page.evaluate("keys.size").await, keys, "{button}");
        assert_eq!(gateway.effects(&paid).await, [format!("{provider} charge 4999 EUR")], "{button}");
    }
}

#[tokio::test]
async fn a_page_that_is_loaded_again_before_the_answer_came_asks_for_the_same_payment() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    page.evaluate(LOSE_ANSWERS).await;
    click(&mut page, "pay-card", 1).await;
    is_not_known(&mut page).await;
    let made = page.evaluate("[...made].join()").await;
    page.act("document.body.dataset.ready = 'no more'; location.reload()").await;
    page.wait_for(READY).await;
    is_not_known(&mut page).await;
    try_again(&mut page).await;
    let paid = transaction(&mut page).await;
    assert_eq!(made, paid.as_str());
    assert_eq!(gateway.effects(&paid).await, ["stripe charge 4999 EUR"]);
}

#[tokio::test]
async fn a_tab_that_is_closed_before_the_answer_came_pays_once_by_every_button() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for (button, provider) in BUTTONS {
        open_again(&mut page, &gateway, None).await;
        choose(&mut page, "paid", provider).await;
        // PayPal's order is made first; the answer to the charge that resubmits it is the one that is lost.
        let hears = u8::from(provider == "paypal");
        page.evaluate(&format!("window.hears = {hears}; {HEAR_NO_MORE}")).await;
        click(&mut page, button, 2).await;
        page.wait_for("window.made").await;
        let made = page.evaluate("window.made").await;
        page.close_tab().await;
        page.navigate(&address(&gateway)).await;
        page.wait_for(READY).await;
        if provider == "paypal" {
            // The page knows the payment by its order, and asks what became of it.
            ends_as(&mut page, "completed").await;
        } else {
            is_not_known(&mut page).await;
            try_again(&mut page).await;
        }
        let paid = transaction(&mut page).await;
        assert_eq!(made, paid.as_str(), "{button}");
        assert_eq!(gateway.effects(&paid).await, [format!("{provider} charge 4999 EUR")], "{button}");
    }
}

/// The gateway captures an order that a wallet has confirmed without the page, too.
#[tokio::test]
async fn an_order_whose_return_ends_with_an_error_is_not_called_unpaid() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    open_again(&mut page, &gateway, None).await;
    choose(&mut page, "paid", "paypal").await;
    page.evaluate(REFUSE_RETURNS).await;
    click(&mut page, "paypal-google_pay", 1).await;
    is_not_known(&mut page).await;
    page.screenshot("unknown-return").await;
    let transaction = transaction(&mut page).await;
    // It waits for its payer still.
    page.act("document.getElementById('retry').click()").await;
    is_not_known(&mut page).await;
    assert_eq!(page.evaluate("document.getElementById('retry').textContent").await, "Look again");
    assert_eq!(page.evaluate("sendHeldCharge()").await, 200);
    ends_as(&mut page, "completed").await;
    assert_eq!(page.evaluate("document.getElementById('explanation').textContent").await, "");
    assert_eq!(gateway.effects(&transaction).await, ["paypal charge 4999 EUR"]);
}
