//! The sandbox's checkout page for payers who see badly or nothing: the contrast of its texts, and what screen readers
//! learn of its controls.

use std::time::Duration;

use gateway_tests::{AccessibleNode, Page, shared};
use serde_json::json;
use test_services::skipped;
use tokio::time::{Instant, sleep};

use crate::checkout_page::{NO_BROWSER, authenticate, choose, click, ends_as, open, open_again};

/// What has less contrast to its ground than WCAG 2.2 asks at level AA: texts (1.4.3; those of disabled controls are
/// exempt), and the borders of fields (1.4.11). Also in frames.
const CONTRAST: &str = r"(() => {
    const styleOf = (element) => element.ownerDocument.defaultView.getComputedStyle(element);
    const parts = (color) => {
        const [red, green, blue, alpha = 1] = color.match(/[\d.]+/g).map(Number);
        return [red, green, blue, alpha];
    };
    const over = (color, below) => below.map((part, i) => color[i] * color[3] + part * (1 - color[3]));
    const groundOf = (element) => {
        if (!element) return [255, 255, 255];
        const color = parts(styleOf(element).backgroundColor);
        return color[3] === 1 ? color.slice(0, 3) : over(color, groundOf(element.parentElement));
    };
    const channel = (value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
    const luminance = ([red, green, blue]) => 0.2126 * channel(red) + 0.7152 * channel(green) + 0.0722 * channel(blue);
    const contrast = (color, ground) => {
        const [dark, light] = [luminance(over(parts(color), ground)), luminance(ground)].sort((a, b) => a - b);
        return (light + 0.05) / (dark + 0.05);
    };
    const problems = [];
    let seen = 0;
    const judge = (what, color, ground, least) => {
        seen += 1;
        const found = contrast(color, ground);
        if (found < least) problems.push(`${what}: ${found.toFixed(2)}`);
    };
    const isShown = (element) => element.checkVisibility({ visibilityProperty: true }) && !element.closest(':disabled');
    const judgeText = (element, text) => {
        const { color, fontSize, fontWeight } = styleOf(element);
        const isLarge = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && Number(fontWeight) >= 700);
        judge(text, color, groundOf(element), isLarge ? 3 : 4.5);
    };
    const frames = [...document.querySelectorAll('iframe')].map((frame) => frame.contentDocument);
    for (const page of [document, ...frames]) {
        const texts = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
        while (texts.nextNode()) {
            const { data, parentElement } = texts.currentNode;
            if (data.trim() && isShown(parentElement)) judgeText(parentElement, data.trim());
        }
        for (const field of page.querySelectorAll('input:not([type=radio]), select, textarea')) {
            if (!isShown(field)) continue;
            judgeText(field, field.value);
            judge('a border', styleOf(field).borderTopColor, groundOf(field.parentElement), 3);
        }
    }
    return { seen, problems };
})()";

async fn has_contrast(page: &mut Page, place: &str) {
    let judged = page.evaluate(CONTRAST).await;
    assert_eq!(judged["problems"], json!([]), "{place}");
    assert!(judged["seen"].as_u64() > Some(10), "{place}: {judged}");
}

/// A wallet's sheet over the shop's page.
async fn open_sheet(page: &mut Page) {
    page.act("document.getElementById('stripe-apple_pay').click()").await;
    page.wait_for("document.querySelector('dialog[open] [data-sheet=agree]')").await;
}

async fn close_sheet(page: &mut Page) {
    page.act("document.querySelector('dialog [data-sheet=cancel]').click()").await;
    page.wait_for("!document.querySelector('dialog')").await;
}

/// The bank's page in its frame, with its styles.
async fn open_banks_page(page: &mut Page) {
    choose(page, "authenticate", "stripe").await;
    click(page, "pay-card", 1).await;
    let frame = "document.querySelector('dialog iframe').contentDocument";
    page.wait_for(&format!("{frame}.querySelector('button') && {frame}.readyState === 'complete'")).await;
}

async fn pay(page: &mut Page) {
    choose(page, "paid", "stripe").await;
    click(page, "pay-card", 1).await;
    ends_as(page, "completed").await;
    page.wait_for("document.getElementById('paid-with').textContent !== '–'").await;
}

#[tokio::test]
async fn every_text_has_the_contrast_of_wcag_in_light_and_in_the_dark() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        page.prefer_scheme(scheme).await;
        open_again(&mut page, &gateway, None).await;
        grounds.push(page.evaluate("getComputedStyle(document.body).backgroundColor").await);
        has_contrast(&mut page, &format!("the shop, {scheme}")).await;
        open_sheet(&mut page).await;
        has_contrast(&mut page, &format!("a wallet's sheet, {scheme}")).await;
        close_sheet(&mut page).await;
        open_banks_page(&mut page).await;
        has_contrast(&mut page, &format!("the bank's page, {scheme}")).await;
        page.screenshot(&format!("bank-{scheme}")).await;
        authenticate(&mut page, "fail").await;
        page.wait_for("document.getElementById('status').dataset.kind === 'bad'").await;
        has_contrast(&mut page, &format!("a decline, {scheme}")).await;
        open_again(&mut page, &gateway, None).await;
        pay(&mut page).await;
        has_contrast(&mut page, &format!("a payment, {scheme}")).await;
        page.screenshot(&format!("paid-{scheme}")).await;
    }
    assert_ne!(grounds[0], grounds[1], "the page has a scheme for the dark");

    page.evaluate("document.documentElement.style.setProperty('--soft', 'var(--card)')").await;
    let problems = page.evaluate(CONTRAST).await["problems"].clone();
    assert!(problems.to_string().contains("Paid with: 1.00"), "what cannot be read is found: {problems}");
}

const PATIENCE: Duration = Duration::from_secs(5);
const CONTROLS: [&str; 13] = [
    "button",
    "checkbox",
    "combobox",
    "dialog",
    "Iframe",
    "link",
    "listbox",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "switch",
    "textbox",
];

/// The controls of the shop's page, ordered by role and by the beginning of the name.
const SHOP: [(&str, &str); 10] = [
    ("button", "Apple Pay"),
    ("button", "Google Pay"),
    ("button", "Pay by card"),
    ("button", "PayPal"),
    ("radio", "PayPal"),
    ("radio", "Stripe"),
    ("radio", "The bank asks the payer first"),
    ("radio", "The bank declines"),
    ("radio", "The payer’s bank agrees"),
    ("textbox", "Card"),
];
const SHEET: [(&str, &str); 3] =
    [("button", "Cancel"), ("button", "Pay with Apple Pay"), ("dialog", "Apple Pay")];
const BANK: [(&str, &str); 5] = [
    ("Iframe", "Your bank asks"),
    ("button", "Close"),
    ("button", "Complete authentication"),
    ("button", "Fail authentication"),
    ("dialog", "Your bank asks"),
];
/// The radio buttons of the shop's page are still there.
const PAID: [(&str, &str); 7] = [
    ("button", "Order again"),
    ("link", "What the provider’s ledger shows"),
    ("radio", "PayPal"),
    ("radio", "Stripe"),
    ("radio", "The bank asks the payer first"),
    ("radio", "The bank declines"),
    ("radio", "The payer’s bank agrees"),
];

/// The page has these controls and no others, and whatever takes the focus has a name. A dialog that closes takes a
/// moment to leave the tree.
async fn has_controls(page: &mut Page, wanted: &[(&str, &str)]) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let told = page.told().await;
        let nameless: Vec<_> = told.iter().filter(|one| one.is_focusable && one.name.is_empty()).collect();
        assert!(nameless.is_empty(), "{nameless:?}");
        let is_control = |one: &&AccessibleNode| CONTROLS.contains(&one.role.as_str());
        let mut controls: Vec<_> =
            told.iter().filter(is_control).map(|one| (one.role.as_str(), one.name.as_str())).collect();
        controls.sort_unstable();
        let are_wanted =
            controls.iter().zip(wanted).all(|(one, wanted)| one.0 == wanted.0 && one.1.starts_with(wanted.1));
        if are_wanted && controls.len() == wanted.len() {
            return;
        }
        assert!(Instant::now() < deadline, "{controls:?} for {wanted:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn every_control_tells_screen_readers_its_role_and_its_name() {
    let gateway = shared().await;
    let Some(mut page) = open(&gateway).await else { return skipped(NO_BROWSER) };
    open_again(&mut page, &gateway, None).await;
    has_controls(&mut page, &SHOP).await;
    let told = page.told().await;
    for (role, name) in [
        ("RootWebArea", "Checkout"),
        ("main", ""),
        ("region", "Your order"),
        ("region", "Pay"),
        ("group", "What should happen?"),
        ("group", "Wallets go through"),
    ] {
        assert!(told.iter().any(|one| one.role == role && one.name == name), "{role} {name}: {told:?}");
    }
    open_sheet(&mut page).await;
    has_controls(&mut page, &SHEET).await;
    close_sheet(&mut page).await;
    open_banks_page(&mut page).await;
    has_controls(&mut page, &BANK).await;
    authenticate(&mut page, "succeed").await;
    ends_as(&mut page, "completed").await;
    has_controls(&mut page, &PAID).await;

    page.evaluate("document.getElementById('again').textContent = ''").await;
    let told = page.told().await;
    let is_nameless = |one: &AccessibleNode| one.role == "button" && one.name.is_empty() && one.is_focusable;
    assert!(told.iter().any(is_nameless), "what has no name is found: {told:?}");
}
