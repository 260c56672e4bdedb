//! A shop's page in a real browser watches a payment with a ticket. The page has another origin than the gateway.

use std::time::Duration;

use gateway_tests::{Browser, Gateway, OwnGateway, shared};
use serde_json::{Value, json};
use test_services::skipped;
use tokio::time::{Instant, sleep};

use crate::event_stream::BEGINNING;
use crate::event_tickets::{held, ticket_for};

/// Begins with the constants that the page needs.
fn script(gateway: &Gateway<'_>, ticket: &str, rest: &str) -> String {
    let address = gateway.address();
    format!(
        "const gateway = '{address}', ticket = '{ticket}', beginning = '{BEGINNING}';\n\
         const kinds = ['created', 'processing', 'authorized', 'captured'].map(kind => 'payment.' + kind);\n{rest}"
    )
}

/// Watches by EventSource: reports at `kind`, and when the browser gives up.
const EVENT_SOURCE: &str = "
    const seen = []; let opens = 0, errors = 0;
    const source = new EventSource(`http://${gateway}/events?after=${beginning}&ticket=${ticket}`);
    source.onopen = () => { opens += 1; };
    source.onerror = () => {
        errors += 1;
        if (source.readyState === EventSource.CLOSED) report({ at: 'closed', seen, opens, errors });
    };
    for (const kind of kinds) source.addEventListener(kind, message => {
        const event = JSON.parse(message.data);
        seen.push({ id: message.lastEventId, type: event.type, status: event.status, fields: Object.keys(event) });
        report({ at: kind, seen, opens, errors });
    });";

/// The same by WebSocket, with the ticket as its second protocol.
const WEB_SOCKET: &str = "
    const seen = [];
    const socket = new WebSocket(`ws://${gateway}/events/socket`, ['gateway.events.v1', ticket]);
    socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', after: beginning }));
    socket.onmessage = message => {
        const said = JSON.parse(message.data);
        if (said.type === 'event') seen.push(said.event.type);
    };
    socket.onclose = close => report({ protocol: socket.protocol, code: close.code, reason: close.reason, seen });";

async fn opened(script: &str) -> Option<Browser> {
    let browser = Browser::open(script).await;
    if browser.is_none() {
        skipped("no chromium on the PATH (Debian: apt-get install chromium)");
    }
    browser
}

/// The next report of this kind; others are skipped.
async fn report_at(browser: &mut Browser, at: &str) -> Value {
    loop {
        let report = browser.report().await;
        if report["at"] == at {
            return report;
        }
        assert!(report["error"].is_null(), "{report}");
    }
}

fn types(report: &Value) -> Vec<&str> {
    report["seen"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect()
}

/// The capture is processed, too.
const ALL: [&str; 5] =
    ["payment.created", "payment.processing", "payment.authorized", "payment.processing", "payment.captured"];

#[tokio::test]
async fn a_page_watches_its_payment_and_stops_when_its_ticket_expires() {
    let gateway = shared().await;
    let payment = held(&gateway).await;
    let ticket = ticket_for(&gateway, &payment, 30).await;
    let Some(mut browser) = opened(&script(&gateway, &ticket, EVENT_SOURCE)).await else { return };
    report_at(&mut browser, "payment.authorized").await;
    gateway.capture(&payment, None).await.succeeds(200, &json!({}));
    let report = report_at(&mut browser, "payment.captured").await;
    assert_eq!(types(&report), ALL);
    for event in report["seen"].as_array().unwrap() {
        assert!(event["id"].as_str().unwrap().starts_with("evt_"), "{event}");
        assert!(!event["fields"].as_array().unwrap().contains(&json!("client")), "{event}");
    }
    assert_eq!(report["seen"][4]["status"], "captured");
    // The browser comes back once, is refused, and gives up instead of trying again for ever.
    let closed = report_at(&mut browser, "closed").await;
    assert_eq!((&closed["opens"], &closed["errors"]), (&json!(1), &json!(2)), "{closed}");
}

#[tokio::test]
async fn a_page_that_has_to_come_back_sees_each_event_once() {
    let own = OwnGateway::start(&[("EVENT_STREAM_SECONDS", "2")]).await;
    let gateway = own.gateway();
    let payment = held(&gateway).await;
    let ticket = ticket_for(&gateway, &payment, 120).await;
    let Some(mut browser) = opened(&script(&gateway, &ticket, EVENT_SOURCE)).await else { return };
    report_at(&mut browser, "payment.authorized").await;
    sleep(Duration::from_secs(7)).await;
    gateway.capture(&payment, None).await.succeeds(200, &json!({}));
    let captured = Instant::now();
    let report = report_at(&mut browser, "payment.captured").await;
    assert_eq!(types(&report), ALL);
    assert!(report["opens"].as_u64().unwrap() >= 3, "{report}");
    assert!(captured.elapsed() < Duration::from_secs(5), "{:?}", captured.elapsed());
}

#[tokio::test]
async fn a_browser_gives_up_at_once_with_a_ticket_that_is_none() {
    let gateway = shared().await;
    let Some(mut browser) = opened(&script(&gateway, "evtk_abcd", EVENT_SOURCE)).await else { return };
    let closed = report_at(&mut browser, "closed").await;
    assert_eq!((&closed["opens"], &closed["errors"]), (&json!(0), &json!(1)), "{closed}");
}

#[tokio::test]
async fn a_pages_socket_is_opened_by_a_ticket_and_closed_with_it() {
    let gateway = shared().await;
    let payment = held(&gateway).await;
    let ticket = ticket_for(&gateway, &payment, 15).await;
    let Some(mut browser) = opened(&script(&gateway, &ticket, WEB_SOCKET)).await else { return };
    let report = browser.report().await;
    assert_eq!(report["protocol"], "gateway.events.v1", "{report}");
    assert_eq!(report["code"], 4401, "{report}");
    assert_eq!(report["seen"], json!(["payment.created", "payment.processing", "payment.authorized"]));
}
