//! Valid and invalid keys, and requests without one.

use gateway_tests::{fresh_key, rejecting, shared};
use http::HeaderMap;
use serde_json::json;

use super::{charge_of, replays};

#[tokio::test]
async fn a_request_that_moves_money_needs_a_key() {
    let gateway = rejecting().await;
    let transaction = "txn_01890000-0000-7000-8000-000000000001";
    let paths = [
        "/payments/charge".to_owned(),
        "/payments/refund".to_owned(),
        format!("/payments/{transaction}/capture"),
        format!("/payments/{transaction}/cancel"),
    ];
    for path in paths {
        let request = gateway.request(reqwest::Method::POST, &path).json(&charge_of(700));
        let response = gateway_tests::HttpResponse::of(request).await;
        let error = response.refuses(400, "IDEMPOTENCY_KEY_REQUIRED");
        assert_eq!(error["param"], "Idempotency-Key", "{error}");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn what_is_no_key_is_refused_and_not_repeated() {
    let gateway = rejecting().await;
    let address = gateway.address();
    let body = charge_of(700).to_string();
    let long = "k".repeat(256);
    let wrong: [&[u8]; 10] = [
        b"",
        b"  ",
        b"hidden key",
        b"hidden\x01",
        b"hidden\tkey",
        b"\"hidden",
        b"hidden\"",
        b"hidden;a=1",
        b"\xff\xfe",
        long.as_bytes(),
    ];
    for key in wrong {
        let request = gateway_tests::http1::Request::new("POST", "/payments/charge");
        let request = request.header("authorization", "Bearer demo-key").header("idempotency-key", key);
        let response = request.json().body(&body).send(address).await;
        // Control characters are invalid in HTTP: Envoy rejects them before any header is read.
        if key.contains(&0x01) {
            assert_eq!((response.status, response.at("/error/code").as_str()), (400, "INVALID_REQUEST"));
        } else {
            response.refuses(400, "IDEMPOTENCY_KEY_INVALID");
        }
        assert!(!response.text().contains("hidden"), "{}", response.text());
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn two_lines_are_two_keys_even_if_they_are_the_same() {
    let gateway = rejecting().await;
    let body = charge_of(700).to_string();
    for second in ["one", "other"] {
        let request = gateway_tests::http1::Request::new("POST", "/payments/charge");
        let request = request.header("authorization", "Bearer demo-key").json().body(&body);
        let request = request.header("idempotency-key", "one").header("Idempotency-Key", second);
        request.send(gateway.address()).await.refuses(400, "IDEMPOTENCY_KEY_INVALID");

        let mut request = gateway_tests::http2::post("/payments/charge");
        request.headers_mut().insert("idempotency-key", "one".parse().unwrap());
        request.headers_mut().append("idempotency-key", second.parse().unwrap());
        let response = gateway_tests::http2::send(gateway.address(), request, &[body.as_bytes()], None).await;
        response.refuses(400, "IDEMPOTENCY_KEY_INVALID");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_key_is_the_same_with_and_without_quotes() {
    let gateway = shared().await;
    let uuids = ["8e03978e-40d5-43dd-bc93-6894a57f9324", "ae03978e-40d5-43dd-bc93-6894a57f9324"];
    for key in uuids.map(str::to_owned).into_iter().chain([fresh_key()]) {
        let first = gateway.charge_under(&key, &charge_of(701)).await;
        first.succeeds(200, &json!({ "status": "completed" }));
        replays(&gateway.charge_under(&format!("\"{key}\""), &charge_of(701)).await, &first);
    }
}

#[tokio::test]
async fn the_longest_key_and_one_with_any_printable_character_are_keys() {
    let gateway = shared().await;
    let prefix = fresh_key();
    let longest = format!("{prefix}{}", "k".repeat(255 - prefix.len()));
    for key in [longest, format!("\"{prefix} 'a, b; c=d' \\\"x\\\" \\\\\"")] {
        let first = gateway.charge_under(&key, &charge_of(702)).await;
        first.succeeds(200, &json!({ "status": "completed" }));
        replays(&gateway.charge_under(&key, &charge_of(702)).await, &first);
        assert_eq!(gateway.effects(&first.transaction_id()).await, ["stripe charge 702 USD"]);
    }
}

#[tokio::test]
async fn a_key_counts_however_the_request_ends() {
    let gateway = shared().await;
    let request = gateway_tests::http2::post("/payments/charge");
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "1".parse().unwrap());
    let body = charge_of(703).to_string();
    let (head, tail) = body.as_bytes().split_at(20);
    let send = async || {
        let request = request.clone();
        gateway_tests::http2::send(gateway.address(), request, &[head, tail], Some(trailers.clone())).await
    };
    let first = send().await;
    first.succeeds(200, &json!({ "status": "completed" }));
    replays(&send().await, &first);
    assert_eq!(gateway.effects(&first.transaction_id()).await, ["stripe charge 703 USD"]);
}

#[tokio::test]
async fn the_key_itself_is_in_no_file() {
    let gateway = shared().await;
    let key = format!("not-for-anybody-{}", fresh_key());
    gateway.charge_under(&key, &charge_of(704)).await.succeeds(200, &json!({}));
    gateway.charge_under(&key, &charge_of(705)).await.refuses(422, "IDEMPOTENCY_KEY_REUSED");
    for (path, contents) in gateway.files() {
        let found = contents.windows(key.len()).any(|window| window == key.as_bytes());
        assert!(!found, "{}", path.display());
    }
}
