//! Connections to a provider that go silent: something on the way drops what they carry, and nothing closes them.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use edge_core::provider::Provider;
use local_stack::Authority;
use payments_providers::{Outgoing, Providers, Timeouts};
use test_services::proxy::{Mode, Proxy};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::outgoing::acceptor;
use crate::sandbox_fixture::{Expect, SandboxFixture, settings};

/// The most that it costs.
const NOTICED: Duration = Duration::from_secs(10);

/// A sandbox behind TLS that speaks HTTP/2 alone, as real providers do. Returns its port.
async fn encrypted(sandbox: SocketAddr, authority: &Authority) -> u16 {
    let acceptor = acceptor(authority, &[b"h2"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                copy_bidirectional(&mut stream, &mut TcpStream::connect(sandbox).await?).await
            });
        }
    });
    port
}

/// Calls under way end in time, though they might wait longer, and later calls have new connections.
async fn is_noticed(provider: Provider, method: &str) {
    let (fixture, authority) = (SandboxFixture::open().await, Authority::new().unwrap());
    let sandbox = fixture.url("")["http://".len()..].parse().unwrap();
    let way = Proxy::to_port(encrypted(sandbox, &authority).await).await;
    let mut settings = settings(&format!("https://localhost:{}", way.address().port()));
    let outgoing = Outgoing::default().trusting(authority.pem().as_bytes()).unwrap();
    settings.stripe.as_mut().unwrap().outgoing = outgoing.clone();
    settings.paypal.as_mut().unwrap().outgoing = outgoing;
    settings.timeouts = Timeouts::of_calls(Duration::from_secs(60));
    let provider = Providers::new(settings, fixture.clock.clone()).unwrap().get(provider).unwrap();
    let order = || fixture.charge(4_999, "USD", Some(method));
    for _ in 0..4 {
        provider.charge(&order()).await.done();
    }
    let before = way.opened();
    assert!(before > 1, "there is more than one connection");
    way.set(Mode::Silence);
    let (begun, [first, second]) = (Instant::now(), [order(), order()]);
    tokio::join!(provider.charge(&first), provider.charge(&second));
    assert!(begun.elapsed() < NOTICED, "{:?}", begun.elapsed());
    for _ in 0..4 {
        provider.charge(&order()).await.done();
    }
    assert!(begun.elapsed() < NOTICED, "{:?}", begun.elapsed());
    assert!(way.opened() > before);
}

#[tokio::test]
async fn connections_to_stripe_that_go_silent_cost_ten_seconds_at_most() {
    is_noticed(Provider::Stripe, "pm_card_visa").await;
}

#[tokio::test]
async fn connections_to_paypal_that_go_silent_cost_ten_seconds_at_most() {
    is_noticed(Provider::Paypal, "vault-ok").await;
}
