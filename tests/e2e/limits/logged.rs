//! The traces of floods in the access log.

use gateway_tests::{Gateway, OwnGateway, http2, until};
use serde_json::json;
use test_services::http2::{cancel, get, hello};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::connections::connect_from;
use super::{caller, charge, flood, url};

/// Little enough for a flood from a machine that is busy with other tests, and enough for the honest requests here.
const SETTINGS: [(&str, &str); 1] = [("GATEWAY_ADDRESS_REQUESTS_PER_SECOND", "30")];

/// The log lines with this status, once all requests so far are logged; 0: ended without a response.
async fn lines(gateway: &Gateway<'_>, status: u16) -> u64 {
    let last = gateway.get("/payments?limit=1").await;
    gateway.access_log_line(&last).await;
    let lines = gateway.access_log_lines();
    lines.iter().filter(|line| line["status"] == status).count().try_into().unwrap()
}

#[tokio::test]
async fn of_what_limits_refuse_few_lines_are_written_and_of_all_else_each() {
    let own = OwnGateway::start(&SETTINGS).await;
    let gateway = own.gateway();
    let attacker = caller(2);
    let charges = async {
        for n in 0..20 {
            gateway.access_log_line(&gateway.charge(&charge(600 + n)).await).await;
        }
    };
    let ((), flooded) = flood(|| attacker.get(url(&gateway, "/payments?limit=1")), charges).await;
    flooded.was_held_to(30, 401);
    // Requests in flight when the flood ended have a response only in the log.
    assert!(lines(&gateway, 401).await >= flooded.of(401));
    let refused = lines(&gateway, 429).await;
    assert!(refused < flooded.of(429) / 10, "{refused} lines of {}", flooded.of(429));
}

#[tokio::test]
async fn few_lines_are_written_about_requests_that_are_canceled_at_once() {
    const CONNECTIONS: u64 = 20;
    const STREAMS: u32 = 90;

    let own = OwnGateway::start(&SETTINGS).await;
    let gateway = own.gateway();
    // Callers may not send either header: attested and authenticated requests are always logged.
    let claims = [("x-edge-attestation", "forged"), ("x-client-id", "demo")];
    let ids = (0..STREAMS).map(|n| 1 + 2 * n);
    let frames: Vec<u8> =
        ids.flat_map(|id| [get(id, "gateway", "/payments?limit=1", &claims), cancel(id)].concat()).collect();
    for _ in 0..CONNECTIONS {
        let mut connection = connect_from(2, gateway.address()).await.unwrap();
        connection.write_all(&[hello(), frames.clone()].concat()).await.unwrap();
        assert!(connection.read(&mut [0; 1_024]).await.unwrap() > 0);
    }
    let written = lines(&gateway, 0).await;
    let sent = CONNECTIONS * u64::from(STREAMS);
    assert!(written < sent / 10, "{written} lines of {sent}");
}

#[tokio::test]
async fn a_client_that_leaves_while_its_charge_is_under_way_is_in_the_access_log() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    gateway.sandbox.slow_down("stripe", "charge", 8_000).await;
    let (client, connection) =
        h2::client::handshake(TcpStream::connect(gateway.address()).await.unwrap()).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut client = client.ready().await.unwrap();
    let (_answer, mut body) = client.send_request(http2::post("/payments/charge"), false).unwrap();
    body.send_data(charge(700).to_string().into(), true).unwrap();
    until("the payment", async || {
        let pending = gateway.get("/payments?status=pending&limit=1").await.json();
        pending["data"].as_array().filter(|payments| !payments.is_empty()).map(|_| ())
    })
    .await;
    connection.abort();

    let line = until("its line", async || {
        gateway.access_log_lines().into_iter().find(|line| line["operation"] == "charge")
    });
    let line = line.await;
    for (field, value) in [("client", json!("demo")), ("route", json!("forwarded")), ("status", json!(0))] {
        assert_eq!(line[field], value, "{line}");
    }
}
