//! Header bytes that are not text: nobody's request hangs or crashes because of them.

use gateway_tests::http1::Request;
use gateway_tests::{fresh_key, http2, rejecting, shared};
use http::HeaderValue;
use serde_json::json;

const CHARGE: &[u8] =
    br#"{"provider":"stripe","amount":990,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
const NOT_TEXT: [&[u8]; 5] = [b"\xff", b"\x80abc", b"caf\xe9", b"\xed\xa0\x80", b"\xc3\x28\xfe"];

#[tokio::test]
async fn a_header_that_the_edge_does_not_read_may_hold_any_bytes() {
    let gateway = shared().await;
    for bytes in NOT_TEXT {
        for name in [
            "x-note",
            "user-agent",
            "cookie",
            "x-request-id",
            "x-edge-note",
            "x-client-id",
            "idempotency-hint",
        ] {
            let response = gateway.send_raw(&gateway.raw_charge().header(name, bytes).body(CHARGE)).await;
            assert_eq!(response.status, 200, "{name}: {}", response.text());
        }
    }
}

#[tokio::test]
async fn http_2_headers_of_any_bytes_are_taken_or_refused_alike() {
    for bytes in NOT_TEXT {
        let value = HeaderValue::from_bytes(bytes).unwrap();
        let mut noted = http2::post("/payments/charge");
        noted.headers_mut().insert("x-note", value.clone());
        let gateway = shared().await;
        let response = http2::send(gateway.address(), noted, &[CHARGE], None).await;
        response.succeeds(200, &json!({ "status": "completed" }));

        let mut typed = http2::post("/payments/charge");
        typed.headers_mut().insert("content-type", value);
        let gateway = rejecting().await;
        let response = http2::send(gateway.address(), typed, &[CHARGE], None).await;
        response.refuses(400, "INVALID_REQUEST");
        gateway.nothing_reached_the_control_plane().await;
    }
}

#[tokio::test]
async fn a_header_that_the_edge_reads_is_refused_when_it_is_no_text() {
    let gateway = rejecting().await;
    for bytes in NOT_TEXT {
        let charge = || Request::new("POST", "/payments/charge");
        let key = || charge().header("authorization", "Bearer demo-key");
        for (request, status, code) in [
            (charge().header("authorization", bytes).json(), 401, "UNAUTHENTICATED"),
            (
                charge().header("authorization", [b"Bearer demo-key", bytes].concat()).json(),
                401,
                "UNAUTHENTICATED",
            ),
            (key().header("content-type", bytes), 400, "INVALID_REQUEST"),
            (key().header("content-type", [b"application/json;", bytes].concat()), 400, "INVALID_REQUEST"),
            (key().json().header("content-encoding", bytes), 415, "UNSUPPORTED_MEDIA_TYPE"),
        ] {
            gateway.send_raw(&request.body(CHARGE)).await.refuses(status, code);
        }
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_header_that_may_come_once_is_refused_when_it_comes_twice() {
    let gateway = rejecting().await;
    let twice = gateway.raw_charge().header("Content-Type", "application/json").body(CHARGE);
    // Envoy joins the lines to a list, and no list is a media type.
    gateway.send_raw(&twice).await.refuses(415, "UNSUPPORTED_MEDIA_TYPE");
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_request_for_a_host_that_is_none_or_for_two_is_refused() {
    let gateway = rejecting().await;
    let to = |host: &[u8]| {
        let request =
            Request::to_host("POST", "/payments/charge", host).header("authorization", "Bearer demo-key");
        request.header("idempotency-key", fresh_key()).json().body(CHARGE)
    };
    for host in [&b""[..], b"[", b"[::1", b"%41", b"a@", b"@", b":80", b"a:0", b"a,b"] {
        let error = gateway.send_raw(&to(host)).await.refuses(400, "INVALID_REQUEST");
        assert_eq!(error["param"], "Host", "{}", host.escape_ascii());
    }
    for second in ["gateway", "other"] {
        let request = Request::to_host("POST", "/payments/charge", "gateway").header("Host", second);
        let request =
            request.header("authorization", "Bearer demo-key").header("idempotency-key", fresh_key());
        gateway.send_raw(&request.json().body(CHARGE)).await.refuses(400, "INVALID_REQUEST");
    }
    let nobody = gateway.send_raw(&Request::to_host("GET", "/payments", "[")).await;
    nobody.refuses(401, "UNAUTHENTICATED");
    gateway.nothing_reached_the_control_plane().await;
}

/// As a client sends it to a proxy. Every server has to take it (RFC 9112, section 3.2.2).
#[tokio::test]
async fn the_whole_url_may_stand_where_the_path_does() {
    let request = |url| Request::new("GET", url).header("authorization", "Bearer demo-key");
    let gateway = shared().await;
    for url in ["http://gateway/payments?limit=1", "http://elsewhere.example:8443/payments?limit=1"] {
        gateway.send_raw(&request(url)).await.succeeds(200, &json!({}));
        // Then the URL alone names the host: Envoy ignores every `Host`, as proxies have to, and forwards none of them.
        let twice = request(url).header("Host", "a").header("Host", "[");
        gateway.send_raw(&twice).await.succeeds(200, &json!({}));
    }
    let gateway = rejecting().await;
    for (url, status) in [
        ("http://gateway/nowhere", 404),
        ("http://%41/payments", 400),
        ("http://gateway:0/payments", 400),
        ("http://gateway/payments/4242424242424242", 400),
    ] {
        let response = gateway.send_raw(&request(url)).await;
        assert_eq!((response.status, &response.json()["success"]), (status, &json!(false)), "{url}");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn any_name_of_the_gateway_will_do() {
    let gateway = shared().await;
    for host in ["gateway", "gateway.example:8443", "127.0.0.1", "[::1]:8080", "GATEWAY.example."] {
        let request =
            Request::to_host("GET", "/payments?limit=1", host).header("authorization", "Bearer demo-key");
        gateway.send_raw(&request).await.succeeds(200, &json!({}));
    }
}

#[tokio::test]
async fn the_scheme_of_a_key_is_named_in_any_case() {
    let gateway = shared().await;
    for scheme in ["Bearer ", "bearer ", "BEARER ", "bEaReR ", "Bearer   ", "bearer  "] {
        let request =
            Request::new("GET", "/payments?limit=1").header("authorization", format!("{scheme}demo-key"));
        let response = gateway.send_raw(&request).await;
        assert_eq!(response.status, 200, "{scheme}: {}", response.text());
    }
}

#[tokio::test]
async fn a_key_without_its_scheme_or_beside_another_is_none() {
    let gateway = rejecting().await;
    for key in [
        "demo-key",
        "Basic demo-key",
        "Token demo-key",
        "bearerdemo-key",
        "bearer\tdemo-key",
        "bearer -",
        "-",
    ] {
        let request = Request::new("GET", "/payments?limit=1").header("authorization", key);
        gateway.send_raw(&request).await.refuses(401, "UNAUTHENTICATED");
    }
    let twice = Request::new("GET", "/payments?limit=1").header("authorization", "Bearer demo-key");
    let twice = twice.header("authorization", "Bearer demo-key");
    gateway.send_raw(&twice).await.refuses(401, "UNAUTHENTICATED");
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_transfer_encoding_that_is_not_known_is_not_implemented() {
    let gateway = rejecting().await;
    for encoding in ["xchunked", "gzip, chunked", "identity, chunked", "chunked, chunked", "identity", ""] {
        let response = gateway.send_raw(&gateway.raw_charge().header("transfer-encoding", encoding)).await;
        let body = response.json();
        assert_eq!((response.status, &body["success"]), (501, &json!(false)), "{encoding}: {body}");
        assert_eq!(body["error"]["code"], "INVALID_REQUEST", "{encoding}");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_path_that_is_no_text_is_refused() {
    let gateway = rejecting().await;
    for path in ["/payments?status=\u{e9}", "/payments/caf\u{e9}", "/payments?a b", "/payments#\u{1}"] {
        let request = Request::new("GET", path).header("authorization", "Bearer demo-key");
        let response = gateway.send_raw(&request).await;
        assert!((400..500).contains(&response.status), "{path}: {}", response.text());
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn header_names_with_underscores_are_refused() {
    let gateway = rejecting().await;
    let request = gateway.raw_charge().header("x_client_id", "demo-2").body(CHARGE);
    assert_eq!(gateway.send_raw(&request).await.status, 400);
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn after_all_of_these_the_gateway_goes_on() {
    let gateway = rejecting().await;
    for bytes in NOT_TEXT {
        let request = gateway.raw_charge().header("content-type", bytes).body(CHARGE);
        gateway.send_raw(&request).await.refuses(400, "INVALID_REQUEST");
        // Answered by the filter: it lives.
        gateway.get("/payments?limit=0").await.refuses(400, "INVALID_REQUEST");
    }
    let gateway = shared().await;
    let request = gateway.raw_charge().header("x-note", NOT_TEXT[0]).body(CHARGE);
    gateway.send_raw(&request).await.succeeds(200, &json!({ "status": "completed" }));
}
