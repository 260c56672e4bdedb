//! Tests of the proxy that the wires are made of.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use test_services::proxy::{Mode, Proxy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// An echo server.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = connection.split();
                tokio::io::copy(&mut from, &mut to).await
            });
        }
    });
    address
}

/// Sends `hello` and returns what comes back, or how the connection ended.
async fn say_hello(proxy: &Proxy) -> Result<String, io::ErrorKind> {
    let conversation = async {
        let mut connection = TcpStream::connect(proxy.address()).await?;
        connection.write_all(b"hello").await?;
        connection.shutdown().await?;
        let mut received = String::new();
        connection.read_to_string(&mut received).await?;
        Ok::<_, io::Error>(received)
    };
    conversation.await.map_err(|error| error.kind())
}

#[tokio::test]
async fn each_proxy_mode_works() {
    let proxy = Proxy::to(echo().await).await;
    for whole in [Mode::Pass, Mode::Slice, Mode::Latency(Duration::from_millis(1)), Mode::CutAnswer(5)] {
        proxy.set(whole);
        assert_eq!(say_hello(&proxy).await.as_deref(), Ok("hello"), "{whole:?}");
    }
    for cut in [Mode::Refuse, Mode::CutRequest(0), Mode::CutRequest(4), Mode::CutAnswer(2)] {
        proxy.set(cut);
        say_hello(&proxy).await.unwrap_err();
    }
    let mut open = TcpStream::connect(proxy.address()).await.unwrap();
    let mut byte = [0];
    open.write_all(b"1").await.unwrap();
    proxy.set(Mode::Pass);
    open.read_exact(&mut byte).await.unwrap();
    proxy.set(Mode::Silence);
    assert_eq!(say_hello(&proxy).await.as_deref(), Ok("hello"), "a new connection");
    open.write_all(b"2").await.unwrap();
    let received = tokio::time::timeout(Duration::from_millis(100), open.read(&mut byte)).await;
    assert!(received.is_err(), "{received:?}");
    let other = echo().await;
    proxy.lead_to_port(other.port());
    assert_eq!(say_hello(&proxy).await.as_deref(), Ok("hello"), "at another place");
    proxy.set(Mode::BlackHole);
    let (received, ()) = tokio::join!(say_hello(&proxy), async {
        tokio::task::yield_now().await;
        proxy.set(Mode::Pass);
    });
    assert_eq!(received.as_deref(), Ok("hello"));
}
