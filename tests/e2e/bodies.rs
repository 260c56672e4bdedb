//! Bodies at the limit and one byte over, in every way of sending a body.

use gateway_tests::http1::{Request, read_response};
use gateway_tests::{Gateway, HttpResponse, fresh_key, http2, rejecting, shared};
use serde_json::json;
use tokio::io::AsyncWriteExt;

const LIMIT: usize = 65_536;

/// A valid charge, padded with white space to this length.
fn charge_of(length: usize) -> Vec<u8> {
    let charge =
        json!({ "provider": "stripe", "amount": 900, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    let mut body = charge.to_string().into_bytes();
    body.resize(length, b' ');
    body
}

/// Each way of sending a body, by name.
async fn in_every_way(gateway: &Gateway<'_>, body: &[u8]) -> [(&'static str, HttpResponse); 4] {
    let (first, rest) = body.split_at(body.len() / 3);
    let head = http2::post("/payments/charge");
    let mut sized = head.clone();
    sized.headers_mut().insert("content-length", body.len().into());
    [
        ("HTTP/1.1 with content-length", gateway.send_raw(&gateway.raw_charge().body(body)).await),
        ("HTTP/1.1 in chunks", gateway.send_raw(&gateway.raw_charge().chunked(&[first, rest], &[])).await),
        ("HTTP/2", http2::send(gateway.address(), head, &[first, rest], None).await),
        ("HTTP/2 with content-length", http2::send(gateway.address(), sized, &[body], None).await),
    ]
}

#[tokio::test]
async fn a_body_of_65536_bytes_is_taken() {
    let gateway = shared().await;
    for (way, response) in in_every_way(&gateway, &charge_of(LIMIT)).await {
        assert_eq!(response.status, 200, "{way}: {}", response.text());
        assert_eq!(gateway.effects(&response.transaction_id()).await, ["stripe charge 900 USD"], "{way}");
    }
}

#[tokio::test]
async fn a_body_of_one_byte_more_is_refused_and_reaches_nobody() {
    let gateway = rejecting().await;
    for length in [LIMIT + 1, LIMIT + 2, 200_000] {
        for (way, response) in in_every_way(&gateway, &charge_of(length)).await {
            assert_eq!(response.status, 413, "{way}: {}", response.text());
            response.refuses(413, "PAYLOAD_TOO_LARGE");
        }
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_length_that_is_only_announced_is_refused_before_the_body_comes() {
    let gateway = rejecting().await;
    for length in ["65537", "4294967297", "99999999999999999999"] {
        let request = gateway.raw_charge().header("content-length", length);
        let connection = request.begin(gateway.address()).await;
        let response = read_response(connection).await;
        // Not a possible length, so not valid HTTP.
        let expected = if length.len() > 19 { (400, "INVALID_REQUEST") } else { (413, "PAYLOAD_TOO_LARGE") };
        assert_eq!(
            (response.status, response.json()["error"]["code"].as_str()),
            (expected.0, Some(expected.1)),
            "{length}"
        );
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_body_that_is_too_long_is_told_the_limit_of_its_route() {
    let gateway = rejecting().await;
    for (path, length, limit) in [
        ("/payments/charge", "65537", "65536"),
        ("/payments/charge", "300000", "65536"),
        ("/webhooks/stripe", "262145", "262144"),
    ] {
        let request = Request::new("POST", path).header("authorization", "Bearer demo-key");
        let request = request.header("idempotency-key", fresh_key()).json().header("content-length", length);
        let error = gateway.send_raw(&request).await.refuses(413, "PAYLOAD_TOO_LARGE");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(limit), "{path} {length}: {message}");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn two_lengths_or_a_length_beside_chunks_are_refused() {
    let gateway = rejecting().await;
    let body = charge_of(200);
    let smuggled = [
        gateway.raw_charge().header("content-length", "5").body(&body),
        gateway.raw_charge().header("content-length", "5").chunked(&[&body], &[]),
        gateway.raw_charge().header("transfer-encoding", "gzip, chunked").body(&body),
    ];
    for request in smuggled {
        let response = gateway.send_raw(&request).await;
        assert!((400..=501).contains(&response.status), "{}", response.text());
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_body_that_comes_byte_by_byte_is_judged_as_a_whole() {
    let gateway = shared().await;
    let body = charge_of(150);
    let pieces: Vec<&[u8]> = body.chunks(1).collect();
    let request = gateway.raw_charge().chunked(&pieces, &[]);
    gateway.send_raw(&request).await.succeeds(200, &json!({ "status": "completed" }));

    // Each piece in its own packet.
    let request = gateway.raw_charge().body(&body);
    let mut connection = request.begin(gateway.address()).await;
    connection.set_nodelay(true).unwrap();
    for piece in request.body_bytes().chunks(30) {
        connection.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    read_response(connection).await.succeeds(200, &json!({ "status": "completed" }));
}

/// Takes ten seconds, the gateway's timeout for a body.
#[tokio::test]
async fn a_body_that_never_ends_is_given_up() {
    let gateway = rejecting().await;
    let request = gateway.raw_charge().header("content-length", "200");
    let mut connection = request.begin(gateway.address()).await;
    connection.write_all(&charge_of(200)[..100]).await.unwrap();
    assert_eq!(read_response(connection).await.refuses(408, "INVALID_REQUEST")["retryable"], true);
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_body_where_none_belongs_is_refused() {
    let gateway = rejecting().await;
    for target in ["/payments", "/payments/txn_01890000-0000-7000-8000-000000000000", "/openapi.json"] {
        for body in [&b"{}"[..], b" "] {
            let request = Request::new("GET", target).header("authorization", "Bearer demo-key").json();
            let sized = gateway.send_raw(&request.clone().body(body)).await;
            sized.refuses(400, "INVALID_REQUEST");
            let chunked = gateway.send_raw(&request.chunked(&[body], &[])).await;
            chunked.refuses(400, "INVALID_REQUEST");
        }
    }
    gateway.nothing_reached_the_control_plane().await;
}
