//! Open, silent connections from one address.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use futures_util::future::join_all;
use gateway_tests::{Gateway, OwnGateway, until};
use serde_json::json;
use test_services::http2::hello;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use super::{caller, charge, url};
use crate::crowds::many_files_may_be_open;

/// Envoy's overall limit.
const IDLE: usize = 10_000;
const MAX: usize = 300;

pub(super) async fn connect_from(last: u8, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::new(127, 0, 0, last), 0).into())?;
    socket.connect(to).await
}

/// Opens them a hundred at a time; more would wait in the kernel's queue.
async fn open(number: usize, last: u8, to: SocketAddr, says: &[u8]) -> Vec<TcpStream> {
    let mut open = Vec::new();
    while open.len() < number {
        for connection in join_all((0..100).map(|_| connect_from(last, to))).await {
            let mut connection = connection.expect("the kernel takes a connection");
            // It may be closed already.
            let _ = connection.write_all(says).await;
            open.push(connection);
        }
    }
    open
}

async fn open_at_envoy(gateway: &Gateway<'_>) -> usize {
    usize::try_from(gateway.envoy_count("http.gateway.downstream_cx_active").await).unwrap()
}

async fn is_closed(connection: &mut TcpStream) -> bool {
    is_closed_within(Duration::from_millis(5), connection).await
}

async fn is_closed_within(patience: Duration, connection: &mut TcpStream) -> bool {
    // What HTTP/2 says first may come before the end.
    let mut bytes = [0; 64];
    loop {
        match timeout(patience, connection.read(&mut bytes)).await {
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
            Err(_) => return false,
        }
    }
}

#[tokio::test]
async fn ten_thousand_idle_connections_of_one_address_leave_room_for_everybody_else() {
    many_files_may_be_open();
    let own = OwnGateway::start(&[("GATEWAY_ADDRESS_CONNECTIONS", "300")]).await;
    let gateway = own.gateway();
    let half_a_head = &b"GET /payments HTTP/1.1\r\nhost: gateway\r\n"[..];
    // Each time from another address: one has no ports for all of them. Half a head ends after five seconds, in which a
    // busy machine may not open all of them.
    for (address, says, open_at_least) in [(2, &b""[..], MAX), (3, half_a_head, 0), (4, &hello(), MAX)] {
        let mut idle = open(IDLE, address, gateway.address(), says).await;
        // Each with a connection of its own.
        for n in 0..20 {
            let request = gateway.raw_charge().body(charge(1_000 + n).to_string());
            gateway.send_raw(&request).await.succeeds(200, &json!({ "status": "completed" }));
        }
        let open = open_at_envoy(&gateway).await;
        assert!((open_at_least..MAX + 50).contains(&open), "{open} are open");
        // The last ones are those that were too many.
        for connection in idle.iter_mut().rev().take(100) {
            assert!(is_closed(connection).await);
        }
        drop(idle);
        until("the end of the idle ones", async || (open_at_envoy(&gateway).await < 50).then_some(())).await;
    }
    // None is counted forever. Half of them may be opened at once.
    let mut again = open(MAX / 3, 2, gateway.address(), b"").await;
    for _ in 0..2 {
        sleep(Duration::from_millis(100)).await;
        again.extend(open(MAX / 3, 2, gateway.address(), b"").await);
    }
    for connection in &mut again {
        assert!(!is_closed(connection).await);
    }
    let mut another = connect_from(2, gateway.address()).await.unwrap();
    assert!(is_closed_within(Duration::from_secs(5), &mut another).await);
    assert_eq!(gateway.filter_reloads().await, 0);
}

/// They come by the proxy's connections.
#[tokio::test]
async fn behind_a_trusted_proxy_connections_are_not_counted() {
    many_files_may_be_open();
    let settings = [("GATEWAY_TRUSTED_PROXIES", "1"), ("GATEWAY_ADDRESS_CONNECTIONS", "50")];
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();
    let mut idle = open(200, 2, gateway.address(), b"").await;
    for connection in &mut idle {
        assert!(!is_closed(connection).await);
    }
    let request = caller(2).get(url(&gateway, "/payments")).bearer_auth("demo-key");
    assert_eq!(request.send().await.unwrap().status().as_u16(), 200);
}
