//! What is found of the providers.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use provider_sandbox::{Config, start};

use super::check;

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_tried_at_each_provider() {
    let paypal_credentials = Some(("client".to_owned(), "right".to_owned()));
    let stripe_secret_key = Some("sk_test_right".to_owned());
    let listen = "127.0.0.1:0".parse().unwrap();
    let sandbox =
        start(Config { listen, paypal_credentials, stripe_secret_key, ..Config::default() }).await.unwrap();
    let url = sandbox.url();
    let with = |key: &'static str, secret: &'static str| {
        let settings = [
            ("STRIPE_SECRET_KEY", key),
            ("STRIPE_API_BASE", &url),
            ("PAYPAL_CLIENT_ID", "client"),
            ("PAYPAL_CLIENT_SECRET", secret),
            ("PAYPAL_API_BASE", &url),
            // Other programs read these; only OUTGOING_PROXY counts here.
            ("HTTP_PROXY", "http://127.0.0.1:9"),
            ("HTTPS_PROXY", "http://127.0.0.1:9"),
            ("ALL_PROXY", "http://127.0.0.1:9"),
        ];
        tokio::task::block_in_place(|| check(&settings))
    };
    let (worked, text) = with("sk_test_right", "right");
    assert!(
        worked && text.contains("takes the test credentials") && text.contains("ok       PayPal"),
        "{text}"
    );
    let (worked, text) = with("sk_test_wrong", "false");
    let wrong = |about: &str| text.lines().any(|line| line.starts_with("wrong") && line.contains(about));
    assert!(!worked && wrong("STRIPE_SECRET_KEY") && wrong("PAYPAL_CLIENT_SECRET"), "{text}");
    assert!(!text.contains("sk_test_wrong") && !text.contains("false"), "{text}");
    assert!(sandbox_is_untouched(&url).await);
    sandbox.stop().await;
}

async fn sandbox_is_untouched(url: &str) -> bool {
    let ledger =
        reqwest::get(format!("{url}/_sandbox/ledger?summary=1")).await.unwrap().text().await.unwrap();
    !ledger.contains("\"charge\"")
}

/// Answers every request with `status` and `body`.
pub(super) fn stranger(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 4096]);
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
    });
    format!("http://{address}")
}

#[test]
fn what_is_not_the_provider_is_told_by_its_address_and_not_by_the_credentials() {
    for (status, body) in [
        ("404 Not Found", "<h1>not found</h1>"),
        ("404 Not Found", "{}"),
        ("404 Not Found", r#"{"error":"no such page"}"#),
        ("200 OK", "{}"),
        ("401 Unauthorized", ""),
        ("301 Moved Permanently", ""),
    ] {
        let url = stranger(status, body);
        let (worked, text) = check(&[
            ("STRIPE_SECRET_KEY", "sk_test_1"),
            ("STRIPE_API_BASE", &url),
            ("PAYPAL_CLIENT_ID", "client"),
            ("PAYPAL_CLIENT_SECRET", "secret"),
            ("PAYPAL_API_BASE", &url),
        ]);
        assert!(!worked, "{status}: {text}");
        assert!(text.contains("wrong    Stripe      STRIPE_API_BASE: "), "{status} {body}: {text}");
        // A page of JSON with an error is what OAuth 2 servers answer; which credentials are wrong is then open.
        if !body.contains("no such page") {
            assert!(text.contains("wrong    PayPal      PAYPAL_API_BASE: "), "{status} {body}: {text}");
        }
        assert!(text.contains("'s API"), "{status} {body}: {text}");
    }
}

#[test]
fn a_provider_that_fails_at_the_moment_says_nothing_of_the_credentials() {
    let url = stranger("503 Service Unavailable", "");
    let (worked, text) = check(&[("STRIPE_SECRET_KEY", "sk_test_1"), ("STRIPE_API_BASE", &url)]);
    assert!(!worked && text.contains("STRIPE_API_BASE: ") && text.contains("try again"), "{text}");
    assert!(!text.contains("STRIPE_SECRET_KEY"), "{text}");
}
