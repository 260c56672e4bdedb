//! The API's documentation at `/docs`: in a real browser that finds no other host, and as files that Envoy itself serves.

use std::fs;

use gateway_tests::{Gateway, HttpResponse, OwnGateway, Page, rejecting, shared};
use local_stack::DEMO_KEY;
use reqwest::Method;
use serde_json::json;
use test_services::skipped;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs");

/// The paths with the files that they serve, and their types.
const FILES: [(&str, &str, &str); 4] = [
    ("/docs", "page/index.html", "text/html; charset=utf-8"),
    ("/docs/", "page/index.html", "text/html; charset=utf-8"),
    ("/docs/rapidoc-9.3.8.js", "page/rapidoc-min.js.gz", "text/javascript; charset=utf-8"),
    ("/docs/openapi.json", "openapi.json", "application/json"),
];

/// Without a key.
async fn anonymous(gateway: &Gateway<'_>, method: Method, path: &str) -> HttpResponse {
    let url = format!("{}{path}", gateway.stack().gateway_url());
    HttpResponse::of(gateway.http.request(method, url)).await
}

#[tokio::test]
async fn the_documentation_is_for_everybody_and_asks_nothing_of_the_control_plane() {
    let gateway = rejecting().await;
    for (path, file, kind) in FILES {
        let answer = anonymous(&gateway, Method::GET, path).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        assert_eq!(answer.body, fs::read(format!("{DOCS}/{file}")).unwrap(), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
    let page = anonymous(&gateway, Method::GET, "/docs").await;
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    for (method, path) in [(Method::POST, "/docs"), (Method::GET, "/docs/index.html")] {
        let refused = anonymous(&gateway, method.clone(), path).await;
        assert_eq!(refused.status, 401, "{method} {path}");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn readers_of_the_documentation_get_a_few_files_a_second() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    // Ten at once, and ten more in each second that a slow machine takes.
    let mut answers = 0;
    let refused = loop {
        let answer = anonymous(&gateway, Method::GET, "/docs").await;
        if answer.status != 200 {
            break answer;
        }
        answers += 1;
        assert!(answers < 1_000, "nobody is refused");
    };
    assert!(answers >= 10, "{answers}");
    assert_eq!((refused.status, &refused.json()["error"]["code"]), (429, &json!("RATE_LIMITED")));
    gateway
        .charge(&json!({
            "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa",
        }))
        .await
        .succeeds(200, &json!({ "status": "completed" }));
}

/// In the page: where the script draws, and the operation that is shown.
const ROOT: &str = "document.querySelector('rapi-doc').shadowRoot";
const SHOWN: &str = "document.querySelector('rapi-doc').shadowRoot.querySelector('api-request').shadowRoot";

#[tokio::test]
async fn a_browser_without_a_network_shows_the_operations_and_sends_a_request() {
    let gateway = shared().await;
    let url = gateway.stack().gateway_url();
    let Some(mut page) = Page::open(&format!("{url}/docs")).await else {
        return skipped("no chromium on the PATH (Debian: apt-get install chromium)");
    };
    for operation in ["Charge a payment method.", "Refund a payment.", "List or stream events."] {
        page.wait_for(&format!("{ROOT}.textContent.includes('{operation}')")).await;
    }
    page.evaluate("location.hash = '#get-/payments'").await;
    page.wait_for(&format!("{SHOWN}.querySelector('[part~=btn-try]')")).await;
    page.evaluate(&format!("document.querySelector('rapi-doc').setApiKey('clientKey', '{DEMO_KEY}')")).await;
    page.evaluate(&format!("{SHOWN}.querySelector('[part~=btn-try]').click()")).await;
    page.wait_for(&format!("{SHOWN}.textContent.includes('ratelimit-policy')")).await;
    assert_eq!(page.complaints, [""; 0]);
    let paths: Vec<_> =
        page.requested.iter().map(|asked| asked.strip_prefix(&url).unwrap_or(asked)).collect();
    assert_eq!(paths, ["/docs", "/docs/rapidoc-9.3.8.js", "/docs/openapi.json", "/payments"]);
    // What else a script in the page wanted would not be allowed.
    let fetched = page.evaluate("fetch('http://127.0.0.2/').then(() => 'fetched', () => 'refused')").await;
    assert_eq!(fetched, "refused");
    assert!(page.complaints.iter().any(|complaint| complaint.contains("Content Security Policy")));
}
