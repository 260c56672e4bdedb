//! Requests that do not carry what the edge attests of them.

use edge_core::attestation::Audience;
use edge_core::client::ClientId;

use super::*;

#[tokio::test]
async fn a_request_past_the_edge_gets_401_whatever_it_asks_for() {
    let api = Api::start().await;
    for (method, path) in [
        ("POST", "/payments/charge"),
        ("GET", "/payments"),
        ("GET", "/payments/txn_1"),
        ("GET", "/nowhere"),
        ("PUT", "/payments/charge"),
        ("BREW", "/payments/charge"),
        ("GET", "/payments/%ff"),
        ("GET", "/payments/%ff/events"),
        ("POST", "/payments/%ff/capture"),
        ("POST", "/payments/%ff/cancel"),
        ("GET", "/refunds/%ff"),
        ("GET", "/payments?limit=x"),
    ] {
        let request = Api::request(method, path).body(Body::from(CHARGE)).unwrap();
        let (status, answer) = read(api.send(request).await).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
        assert_eq!(answer["error"]["code"], "EDGE_ATTESTATION_REQUIRED");
    }
    assert!(api.test.provider.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_body_altered_behind_the_edge_gets_401() {
    let api = Api::start().await;
    let mut request = api.attested("demo", "POST", "/payments/charge", CHARGE);
    *request.body_mut() = Body::from(CHARGE.replace("4999", "1"));
    let (status, _) = read(api.send(request).await).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(api.test.provider.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn clocks_may_be_a_minute_apart() {
    let api = Api::start().await;
    for (seconds, expected) in [
        (60, StatusCode::OK),
        (-60, StatusCode::OK),
        (61, StatusCode::UNAUTHORIZED),
        (-61, StatusCode::UNAUTHORIZED),
    ] {
        let request = api.attested("demo", "GET", "/payments", "");
        api.test.clock.advance(seconds);
        let (status, _) = read(api.send(request).await).await;
        assert_eq!(status, expected, "{seconds}");
        api.test.clock.advance(-seconds);
    }
}

#[tokio::test]
async fn an_attestation_for_the_edge_cache_gets_401() {
    let api = Api::start().await;
    let mut request = api.attested("demo", "POST", "/payments/charge", CHARGE);
    let now_s = u64::try_from(api.test.clock.now().as_second()).unwrap();
    let claims = Statement { client: ClientId::parse("demo"), ..Statement::anonymous("req-1".to_owned()) };
    let seen = Attested::new("POST", "/payments/charge", CHARGE.as_bytes()).to(Audience::EdgeCache);
    let header = Keys::parse(KEY).unwrap().sign(&seen, &claims, now_s);
    request.headers_mut().insert(HEADER, header.parse().unwrap());
    let (status, answer) = read(api.send(request).await).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let message = answer["error"]["message"].as_str().unwrap();
    assert!(message.contains("for another service"), "{message}");
    assert!(api.test.provider.calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn two_attestations_are_none() {
    let api = Api::start().await;
    let mut request = api.attested("demo", "POST", "/payments/charge", CHARGE);
    let good = request.headers()[HEADER].clone();
    request.headers_mut().append(HEADER, good);
    let (status, _) = read(api.send(request).await).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
