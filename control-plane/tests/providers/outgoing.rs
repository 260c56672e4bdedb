//! The way out: through a proxy, and to whom an own bundle of authorities leads.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use local_stack::Authority;
use payments::ports::clock::SystemClock;
use payments_providers::{Fault, Outgoing, StripeSettings, Timeouts, inspect_stripe};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// TLS for `localhost`, with one of these protocols (RFC 7301).
pub(crate) fn acceptor(authority: &Authority, protocols: &[&[u8]]) -> TlsAcceptor {
    let issued = authority.issue(&["localhost"]).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(issued.private_key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let mut config = config.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// What stands in front of a provider: it speaks TLS and answers everything in the same way. Returns its port.
async fn provider(authority: &Authority) -> u16 {
    let acceptor = acceptor(authority, &[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await?;
                let _head = stream.read(&mut [0; 4096]).await?;
                stream.write_all(b"HTTP/1.1 418 teapot\r\ncontent-length: 2\r\n\r\n{}").await?;
                stream.shutdown().await
            });
        }
    });
    port
}

/// A proxy that takes connections and says `answer` to the first bytes, and nothing ever after. Returns its port.
async fn silent_proxy(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut bytes = [0; 4096];
                let _head = stream.read(&mut bytes).await?;
                stream.write_all(answer).await?;
                while stream.read(&mut bytes).await? > 0 {}
                std::io::Result::Ok(())
            });
        }
    });
    port
}

/// A proxy, and the heads of the requests that it has had.
async fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::new(Mutex::new(Vec::new()));
    let seen = heads.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let seen = seen.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                let head = String::from_utf8(head).unwrap();
                let target = head.split(' ').nth(1).unwrap().replace("localhost", "127.0.0.1");
                seen.lock().unwrap().push(head);
                let mut on = TcpStream::connect(target).await?;
                stream.write_all(b"HTTP/1.1 200 connected\r\n\r\n").await?;
                copy_bidirectional(&mut stream, &mut on).await
            });
        }
    });
    (port, heads)
}

async fn asked(port: u16, outgoing: Outgoing) -> Option<Fault> {
    let settings = StripeSettings {
        api_base: format!("https://localhost:{port}").parse().unwrap(),
        secret_key: "sk_test_hidden".to_owned().into(),
        outgoing,
    };
    inspect_stripe(settings, Timeouts::default(), Arc::new(SystemClock)).await.unwrap()
}

#[tokio::test]
async fn a_provider_is_called_through_the_proxy_which_sees_its_name_and_no_credentials() {
    let authority = Authority::new().unwrap();
    let (port, (proxy, heads)) = (provider(&authority).await, proxy().await);
    let outgoing = Outgoing::default().trusting(authority.pem().as_bytes()).unwrap();
    let outgoing = outgoing.through(&format!("http://user:pass@127.0.0.1:{proxy}")).unwrap();
    let found = asked(port, outgoing).await;
    assert!(matches!(&found, Some(Fault::Address(said)) if said.contains("status 418")), "{found:?}");
    let heads = heads.lock().unwrap();
    let [head] = heads.as_slice() else { panic!("{heads:?}") };
    assert!(head.starts_with(&format!("CONNECT localhost:{port} HTTP/1.1\r\n")), "{head}");
    let password = base64::engine::general_purpose::STANDARD.encode("user:pass");
    assert!(
        head.to_lowercase().contains("proxy-authorization: basic ") && head.contains(&password),
        "{head}"
    );
    assert!(!head.contains("hidden"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_goes_silent_before_or_in_its_tunnel_costs_ten_seconds_at_most() {
    let through = async |answer: &'static [u8]| {
        let way = format!("http://127.0.0.1:{}", silent_proxy(answer).await);
        let begun = Instant::now();
        let found = asked(443, Outgoing::default().through(&way).unwrap()).await;
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
        assert!(matches!(&found, Some(Fault::Address(said)) if said.contains("no connection")), "{found:?}");
    };
    tokio::join!(through(&b""[..]), through(&b"HTTP/1.1 200 connected\r\n\r\n"[..]));
}

#[tokio::test]
async fn a_provider_of_an_authority_that_nobody_trusts_gets_no_credentials() {
    let authority = Authority::new().unwrap();
    let port = provider(&authority).await;
    let other = Authority::new().unwrap();
    for outgoing in [Outgoing::default(), Outgoing::default().trusting(other.pem().as_bytes()).unwrap()] {
        let found = asked(port, outgoing).await;
        assert!(matches!(&found, Some(Fault::Address(said)) if said.contains("ertificate")), "{found:?}");
    }
    let right = Outgoing::default().trusting(authority.pem().as_bytes()).unwrap();
    assert!(matches!(asked(port, right).await, Some(Fault::Address(said)) if said.contains("status 418")));
}
