//! Trailers can end a request without a last piece of body, and validation must not wait for one.

use gateway_tests::{Gateway, HttpResponse, http2, rejecting, shared};
use http::{HeaderMap, HeaderValue};
use serde_json::json;

const GOOD: &[u8] =
    br#"{"provider":"stripe","amount":950,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
const BAD: [&[u8]; 6] = [
    br#"{"provider":"stripe","amount":1.5,"currency":"USD","paymentMethodId":"pm_card_visa"}"#,
    br#"{"provider":"stripe","amount":950,"amount":1,"currency":"USD","paymentMethodId":"pm_card_visa"}"#,
    br#"{"provider":"stripe","amount":950,"currency":"USD","paymentMethodId":"pm_card_visa"}}"#,
    br#"{"provider":"stripe","amount":950,"currency":"USD","paymentMethodId":"4242424242424242"}"#,
    b"{",
    b"",
];

async fn http2_with_trailers(gateway: &Gateway<'_>, path: &str, pieces: &[&[u8]]) -> HttpResponse {
    http2::send(gateway.address(), http2::post(path), pieces, Some(trailers())).await
}

fn trailers() -> HeaderMap {
    HeaderMap::from_iter([
        ("x-checksum".parse().unwrap(), HeaderValue::from_static("1")),
        ("x-edge-attestation".parse().unwrap(), HeaderValue::from_static("v=1;kid=k1")),
        ("x-bytes".parse().unwrap(), HeaderValue::from_bytes(b"\xff\xfe").unwrap()),
    ])
}

#[tokio::test]
async fn a_good_body_before_http_2_trailers_is_charged() {
    let gateway = shared().await;
    let (first, rest) = GOOD.split_at(20);
    for pieces in [&[GOOD][..], &[first, rest], &[first, rest, b""]] {
        let response = http2_with_trailers(&gateway, "/payments/charge", pieces).await;
        response.succeeds(200, &json!({ "status": "completed" }));
        assert_eq!(gateway.effects(&response.transaction_id()).await, ["stripe charge 950 USD"]);
    }
}

#[tokio::test]
async fn a_bad_body_before_http_2_trailers_is_refused_and_reaches_nobody() {
    let gateway = rejecting().await;
    for body in BAD {
        for path in ["/payments/charge", "/payments/refund"] {
            let response = http2_with_trailers(&gateway, path, &[body]).await;
            assert_eq!(response.status, 400, "{}", String::from_utf8_lossy(body));
        }
    }
    let too_long = vec![b' '; 65_537];
    let response = http2_with_trailers(&gateway, "/payments/charge", &[&too_long]).await;
    response.refuses(413, "PAYLOAD_TOO_LARGE");
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn http_2_trailers_without_any_body_are_judged_too() {
    let gateway = rejecting().await;
    let response = http2_with_trailers(&gateway, "/payments/charge", &[]).await;
    response.refuses(400, "INVALID_REQUEST");
    let unknown = "/payments/txn_01890000-0000-7000-8000-000000000000/refund";
    http2_with_trailers(&gateway, unknown, &[]).await.refuses(404, "NOT_FOUND");
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn chunks_with_trailers_are_judged_like_any_body() {
    let lines = [("x-checksum", "1"), ("x-edge-attestation", "v=1;kid=k1")];
    let gateway = shared().await;
    let response = gateway.send_raw(&gateway.raw_charge().chunked(&[GOOD], &lines)).await;
    response.succeeds(200, &json!({ "status": "completed" }));

    let gateway = rejecting().await;
    for body in BAD {
        // An empty piece would be the end of the chunks.
        let pieces: &[&[u8]] = if body.is_empty() { &[] } else { &[body] };
        let response = gateway.send_raw(&gateway.raw_charge().chunked(pieces, &lines)).await;
        assert_eq!(response.status, 400, "{}", String::from_utf8_lossy(body));
    }
    gateway.nothing_reached_the_control_plane().await;
}
