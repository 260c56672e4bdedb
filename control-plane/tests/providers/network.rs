//! A network and a peer that behave worse than any provider: whether a request can have arrived is never
//! guessed.

use std::sync::Arc;
use std::time::Duration;

use edge_core::provider::Provider;
use payments::model::provider::{Outcome, Uncertainty};
use payments::ports::clock::SystemClock;
use payments::ports::provider::PaymentProvider;
use payments_providers::{Providers, Settings, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::sandbox_fixture::{Expect, SandboxFixture, settings};

fn stripe(settings: Settings) -> Arc<dyn PaymentProvider> {
    Providers::new(settings, Arc::new(SystemClock)).unwrap().get(Provider::Stripe).unwrap()
}

/// A peer that reads each request and then calls `behave` on the connection.
async fn peer<F, T>(behave: F) -> String
where
    F: Fn(TcpStream) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8_192];
            let _ = stream.read(&mut request).await;
            tokio::spawn(behave(stream));
        }
    });
    format!("http://{address}")
}

async fn charge_at(settings: Settings) -> Outcome<payments::model::provider::Charged> {
    let fixture = SandboxFixture::open().await;
    stripe(settings).charge(&fixture.charge(4_999, "USD", Some("pm_card_visa"))).await
}

#[track_caller]
fn unknown<T: std::fmt::Debug>(answer: Outcome<T>) -> Uncertainty {
    match answer {
        Outcome::Unknown(uncertainty) => uncertainty,
        other => panic!("not unknown: {other:?}"),
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for base in
        [format!("http://{free}"), format!("https://{free}"), "http://no-such-host.invalid".to_owned()]
    {
        let answer = charge_at(settings(&base)).await;
        assert!(matches!(answer, Outcome::NotSent(_)), "{base}: {answer:?}");
    }
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_was_sent_nothing() {
    let base = peer(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let answer = charge_at(settings(&base.replace("http://", "https://"))).await;
    assert!(matches!(answer, Outcome::NotSent(_)), "{answer:?}");
}

#[tokio::test]
async fn silence_is_waited_for_as_long_as_configured_and_then_unknown() {
    let base = peer(|stream| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let mut settings = settings(&base);
    settings.timeouts = Timeouts { call: Duration::from_millis(200), ..Timeouts::default() };
    assert_eq!(unknown(charge_at(settings).await).reason, "no answer within 200 ms");
}

#[tokio::test]
async fn an_answer_that_trickles_in_is_cut_off_in_time() {
    let base = peer(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await;
        while stream.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let mut settings = settings(&base);
    settings.timeouts = Timeouts { call: Duration::from_millis(300), ..Timeouts::default() };
    unknown(charge_at(settings).await);
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let base = peer(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        while stream.write_all(&[b' '; 65_536]).await.is_ok() {}
    })
    .await;
    let reason = unknown(charge_at(settings(&base)).await).reason;
    assert_eq!(reason, "the answer (status 200) was cut: it is larger than 1048576 bytes");
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let base = peer(|mut stream| async move {
        let answer =
            b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
    })
    .await;
    unknown(charge_at(settings(&base)).await);
}

#[tokio::test]
async fn all_steps_of_an_operation_share_one_deadline() {
    let fixture = SandboxFixture::with(|settings| {
        let operation = Duration::from_millis(300);
        settings.timeouts = Timeouts { operation, ..Timeouts::default() };
    })
    .await;
    // An agreement takes a token, an order and a capture; the token is here already.
    fixture.paypal().charge(&fixture.charge(100, "USD", Some("vault-ok"))).await.done();
    let late = |operation: &str| serde_json::json!({ "provider": "paypal", "operation": operation, "fault": "latency", "delayMs": 200 });
    fixture.set_fault(&late("charge")).await;
    let order = fixture.charge(4_999, "USD", Some("B-OK"));
    let began = std::time::Instant::now();
    let uncertainty = unknown(fixture.paypal().charge(&order).await);
    assert!(began.elapsed() < Duration::from_secs(2));
    assert!(uncertainty.reference.is_some(), "the order is known by then: {uncertainty:?}");
}

#[tokio::test]
async fn a_base_url_that_cannot_be_used_is_refused_at_the_start() {
    let mut settings = settings("http://127.0.0.1:9");
    settings.stripe.as_mut().unwrap().api_base = "ftp://127.0.0.1".parse().unwrap();
    let problem = Providers::new(settings, Arc::new(SystemClock)).err().unwrap();
    assert_eq!(problem.to_string(), "the base URL `ftp://127.0.0.1/` must be http or https with a host");
}
