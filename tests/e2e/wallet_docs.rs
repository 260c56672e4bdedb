//! The lines that docs/wallets.md has a shop write: they run in a real browser against the stand-ins for the providers'
//! scripts, and the sandbox's ledger judges what they did.

use std::time::Duration;

use gateway_tests::{Gateway, Page, shared, until_within};
use serde_json::Value;
use test_services::skipped;

use crate::checkout_page::{NO_BROWSER, authenticate, choose, open, open_again};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/wallets.md");

/// For Stripe's event after an authentication, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The heading of the lines that both providers need.
const BOTH: &str = "One attempt at a time";

/// The heading of the lines, and the buttons that they put on the page.
const WAYS: [(&str, &str, &[&str]); 2] = [
    ("Stripe", "stripe", &["Apple Pay", "Google Pay", "Pay by card"]),
    ("PayPal", "paypal", &["Google Pay", "Apple Pay"]),
];

/// What the guide leaves to the shop: its `/pay`, and what its server got from `GET /wallets/config`.
const SHOP: &str = "(() => {
    window.publishableKey = 'pk_test_sandbox_demo';
    window.clientId = 'a-client-id';
    window.mistakes = [];
    window.calls = 0;
    window.transactions = new Set();
    for (const kind of ['error', 'unhandledrejection']) {
        window.addEventListener(kind, (event) => mistakes.push(String(event.reason ?? event.message)));
    }
    window.pay = async (charge) => {
        window.calls += 1;
        const headers = { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() };
        const body = JSON.stringify({ amount: 4999, currency: 'EUR', ...charge });
        for (let tries = 1; ; tries += 1) {
            const told = await (await fetch('/_sandbox/shop/pay', { method: 'POST', headers, body })).json();
            if (told.error?.retryable && tries < 20) {
                await new Promise((resolve) => { setTimeout(resolve, 500); });
                continue;
            }
            if (told.error?.retryable) throw new Error(JSON.stringify(told.error));
            const made = told.transactionId ?? told.error?.transactionId;
            if (made) transactions.add(made);
            return told;
        }
    };
})()";

/// The code blocks of one language in the section with this heading, in order.
fn blocks(heading: &str, language: &str) -> Vec<String> {
    let guide = std::fs::read_to_string(GUIDE).unwrap();
    let section = guide.split("\n## ").find(|section| section.lines().next() == Some(heading)).unwrap();
    let fence = format!("```{language}\n");
    let blocks = section.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next());
    blocks.map(str::to_owned).collect()
}

/// What both providers need, and then the one's own.
fn blocks_for_page(heading: &str, language: &str) -> String {
    [blocks(BOTH, language), blocks(heading, language)].concat().join("\n")
}

/// The shop's page as the guide has it: its elements, then its lines.
async fn write(page: &mut Page, heading: &str) {
    page.evaluate(SHOP).await;
    // A script that is written like this does not run: the stand-ins are on the page already.
    let elements = Value::String(blocks_for_page(heading, "html"));
    page.evaluate(&format!("document.getElementById('methods').innerHTML = {elements}")).await;
    let lines = blocks_for_page(heading, "js");
    page.act(&format!("(async () => {{\n{lines}\n}})()")).await;
}

fn button(label: &str) -> String {
    format!(
        "[...document.querySelectorAll('#methods button')].find(button => button.textContent === '{label}')"
    )
}

/// Clicks the button so many times at once, and agrees in each sheet of a wallet that this opens.
async fn press(page: &mut Page, label: &str, times: usize) {
    let button = button(label);
    page.wait_for(&button).await;
    page.act(&format!("{button}.click();").repeat(times)).await;
    if label != "Pay by card" {
        page.wait_for("document.querySelector('dialog [data-sheet=agree]')").await;
        let agree =
            "document.querySelectorAll('dialog [data-sheet=agree]').forEach(button => button.click())";
        page.act(agree).await;
    }
}

/// Clicks a button after the payment. Returns whether a sheet opens, late ones included; it is agreed to then.
async fn press_and_agree(page: &mut Page, label: &str) -> bool {
    let press = format!(
        "(async () => {{
            const pause = (time) => new Promise((resolve) => {{ setTimeout(resolve, time); }});
            const find = () => document.querySelector('dialog [data-sheet=agree]');
            {}.click();
            for (let tries = 0; tries < 10 && !find(); tries += 1) await pause(50);
            const agree = find();
            agree?.click();
            await pause(250);
            return Boolean(agree);
        }})()",
        button(label)
    );
    page.evaluate(&press).await == true
}

async fn told(page: &mut Page, words: &str) {
    page.wait_for(&format!(
        "mistakes.length || document.getElementById('message').textContent.startsWith('{words}')"
    ))
    .await;
    assert_eq!(page.evaluate("mistakes.join()").await, "", "{words}");
}

/// The only payment that the page has made, after so many calls of `pay`.
async fn transaction(page: &mut Page, calls: u32) -> String {
    let made = page.evaluate("[calls, ...transactions].join()").await;
    let made = made.as_str().unwrap();
    let transaction = made.strip_prefix(&format!("{calls},")).unwrap_or_default();
    assert!(transaction.starts_with("txn_") && !transaction.contains(','), "{made}");
    transaction.to_owned()
}

/// How often one attempt asks the shop's server: PayPal's order is made first, and then resubmitted.
fn calls(provider: &str) -> u32 {
    if provider == "paypal" { 2 } else { 1 }
}

async fn pays_once(page: &mut Page, gateway: &Gateway<'_>, provider: &str, label: &str) {
    page.wait_for(&format!("mistakes.length || (calls >= {} && transactions.size)", calls(provider))).await;
    assert_eq!(page.evaluate("mistakes.join()").await, "", "{provider} {label}");
    let transaction = transaction(page, calls(provider)).await;
    until_within(PATIENCE, label, async || {
        (gateway.payment(&transaction).await["status"] == "completed").then_some(())
    })
    .await;
    assert_eq!(page.evaluate("mistakes.join()").await, "", "{provider} {label}");
    let effects = gateway.effects(&transaction).await;
    assert_eq!(effects, [format!("{provider} charge 4999 EUR")], "{label}");
}

#[tokio::test]
async fn the_lines_of_the_guide_for_shops_pay_by_every_wallet_of_each_provider() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for (heading, provider, labels) in WAYS {
        for label in labels {
            open_again(&mut page, &gateway, None).await;
            choose(&mut page, "paid", provider).await;
            write(&mut page, heading).await;
            press(&mut page, label, 1).await;
            pays_once(&mut page, &gateway, provider, label).await;
        }
    }
}

#[tokio::test]
async fn the_lines_of_the_guide_for_shops_let_the_payers_bank_ask() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for ((heading, provider, labels), outcome) in WAYS.into_iter().zip(["succeed", "approve"]) {
        for label in labels {
            open_again(&mut page, &gateway, None).await;
            choose(&mut page, "authenticate", provider).await;
            write(&mut page, heading).await;
            press(&mut page, label, 1).await;
            authenticate(&mut page, outcome).await;
            pays_once(&mut page, &gateway, provider, label).await;
        }
    }
}

#[tokio::test]
async fn the_lines_of_the_guide_for_shops_pay_once_for_a_double_click() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for (heading, provider, labels) in WAYS {
        for label in labels {
            open_again(&mut page, &gateway, None).await;
            choose(&mut page, "paid", provider).await;
            write(&mut page, heading).await;
            press(&mut page, label, 2).await;
            told(&mut page, "Paid.").await;
            pays_once(&mut page, &gateway, provider, label).await;
            // A paid order asks for nothing. Stripe's own buttons open their sheets by themselves, and nothing follows.
            let is_asked = press_and_agree(&mut page, label).await;
            assert_eq!(is_asked, provider == "stripe" && *label != "Pay by card", "{provider} {label}");
            told(&mut page, "Paid.").await;
            pays_once(&mut page, &gateway, provider, label).await;
        }
    }
}

#[tokio::test]
async fn the_lines_of_the_guide_for_shops_tell_of_a_decline_and_let_the_payer_try_again() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    for (heading, provider, labels) in WAYS {
        for label in labels {
            open_again(&mut page, &gateway, None).await;
            choose(&mut page, "declined", provider).await;
            write(&mut page, heading).await;
            press(&mut page, label, 2).await;
            told(&mut page, "Not paid: ").await;
            let declined = transaction(&mut page, calls(provider)).await;
            assert_eq!(gateway.payment(&declined).await["status"], "failed", "{label}");
            assert_eq!(gateway.effects(&declined).await, [""; 0], "{label}");
            choose(&mut page, "paid", provider).await;
            page.evaluate("calls = 0; transactions.clear()").await;
            press(&mut page, label, 1).await;
            told(&mut page, "Paid.").await;
            pays_once(&mut page, &gateway, provider, label).await;
        }
    }
}

/// Answers a charge that resubmits an order with an error, and does not send it.
const REFUSE_RETURNS: &str = "(() => {
    const send = window.pay;
    const error = { code: 'INVALID_STATE', message: 'not now' };
    window.pay = async (charge) => (charge.paymentMethodId ? { success: false, error } : send(charge));
})()";

/// The gateway captures such an order without the page.
#[tokio::test]
async fn the_lines_of_the_guide_for_shops_do_not_call_a_confirmed_order_unpaid() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    let (heading, provider, labels) = WAYS[1];
    for label in labels {
        open_again(&mut page, &gateway, None).await;
        choose(&mut page, "paid", provider).await;
        write(&mut page, heading).await;
        page.evaluate(REFUSE_RETURNS).await;
        press(&mut page, label, 1).await;
        page.wait_for("document.getElementById('message').textContent.startsWith('We do not know yet')")
            .await;
        assert!(
            !press_and_agree(&mut page, label).await,
            "{label}: another attempt would be another payment"
        );
        let transaction = transaction(&mut page, 1).await;
        assert_ne!(gateway.payment(&transaction).await["status"], "failed", "{label}");
    }
}

#[test]
fn the_guide_has_lines_for_each_provider() {
    for heading in WAYS.map(|(heading, _, _)| heading).into_iter().chain([BOTH]) {
        let count = |language| blocks(heading, language).len();
        assert!(count("html") == 1 && count("js") >= 1, "{heading}");
    }
}
