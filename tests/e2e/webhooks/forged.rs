//! Webhooks that are not the provider's are rejected where it costs nothing.

use gateway_tests::http1::Request;
use gateway_tests::{HttpResponse, http2, rejecting};
use http::HeaderMap;

use super::{event, now_s, secret, sent_at, stripe_signature, to_paypals_door, to_stripes_door};

#[tokio::test]
async fn a_forged_stale_or_altered_webhook_is_refused_and_reaches_nobody() {
    let gateway = rejecting().await;
    let (secret, body) = (secret(&gateway), event("evt_forged", 2_048));
    let genuine = stripe_signature(&secret, now_s(), &body);
    let v1 = genuine.split_once(",v1=").unwrap().1.to_owned();
    let mut altered = body.clone();
    altered[100] ^= 1;
    let requests = [
        to_stripes_door(&stripe_signature("whsec_of_another_account", now_s(), &body), &body),
        to_stripes_door(&genuine, &altered),
        to_stripes_door(&stripe_signature(&secret, now_s() - 400, &body), &body),
        to_stripes_door(&stripe_signature(&secret, now_s() + 400, &body), &body),
        to_stripes_door(&format!("t=1,{genuine}"), &body),
        to_stripes_door(&format!("t={},v0={v1}", now_s()), &body),
        to_stripes_door(&genuine.to_uppercase().replace("T=", "t=").replace("V1=", "v1="), &body),
        to_stripes_door(&genuine, &body).header("stripe-signature", genuine.as_bytes()),
        Request::new("POST", "/webhooks/stripe").json().body(&body),
        to_stripes_door("", &body),
    ];
    for request in requests {
        request.send(gateway.address()).await.refuses(401, "SIGNATURE_INVALID");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn it_is_judged_however_the_request_ends() {
    let gateway = rejecting().await;
    let body = event("evt_forged", 2_048);
    let (head, tail) = body.split_at(1_000);
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "1".parse().unwrap());
    for trailers in [None, Some(trailers)] {
        let mut request = http2::post("/webhooks/stripe");
        let signature = stripe_signature("whsec_of_another_account", now_s(), &body);
        request.headers_mut().insert("stripe-signature", signature.parse().unwrap());
        let response = http2::send(gateway.address(), request, &[head, tail], trailers).await;
        response.refuses(401, "SIGNATURE_INVALID");
    }
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn what_is_too_long_or_not_posted_is_refused_too() {
    let gateway = rejecting().await;
    let body = event("evt_long", 262_145);
    let signature = stripe_signature(&secret(&gateway), now_s(), &body);
    to_stripes_door(&signature, &body).send(gateway.address()).await.refuses(413, "PAYLOAD_TOO_LARGE");
    let get = Request::new("GET", "/webhooks/stripe").send(gateway.address()).await;
    get.refuses(405, "METHOD_NOT_ALLOWED");
    Request::new("POST", "/webhooks/adyen").send(gateway.address()).await.refuses(404, "NOT_FOUND");
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_certificate_anywhere_else_than_at_paypal_is_never_fetched() {
    let gateway = rejecting().await;
    let own = gateway.stack().sandbox_url();
    let host = own.trim_start_matches("http://").to_owned();
    let certs = "/v1/notifications/certs";
    let urls = [
        format!("https://evilpaypal.com{certs}/CERT-360caa42-fca2a594-a5cafa77"),
        format!("https://api.paypal.com.evil.com{certs}/CERT-360caa42-fca2a594-a5cafa77"),
        format!("https://api.paypal.com@evil.com{certs}/CERT-360caa42-fca2a594-a5cafa77"),
        format!("https://api.paypal.com{certs}/CERT-360caa42-fca2a594-a5cafa77"),
        format!("http://{host}@evil.com{certs}/CERT-360caa42-fca2a594-a5cafa77"),
        format!("http://user@{host}{certs}/CERT-360caa42-fca2a594-a5cafa77"),
        format!("http://127.0.0.1{certs}/CERT-360caa42-fca2a594-a5cafa77"),
        format!("https://{host}{certs}/CERT-360caa42-fca2a594-a5cafa77"),
        format!("{own}/v1/notifications/certs/../../../_sandbox/ledger"),
        format!("{own}{certs}/%2e%2e/ledger"),
        format!("{own}{certs}/CERT-360caa42-fca2a594-a5cafa77?a=b"),
        format!("{own}{certs}/CERT-360caa42-fca2a594-a5cafa77#a"),
        format!("{own}{certs}/"),
        format!("{own}/_sandbox/paypal-ca.pem"),
        format!("{own}\\{certs}/CERT-360caa42-fca2a594-a5cafa77"),
        // At PayPal's host, but not named like PayPal's certificates.
        format!("{own}{certs}/CERT-1"),
        format!("{own}{certs}/CERT-360CAA42-FCA2A594-A5CAFA77"),
        format!("{own}{certs}/CERT-360caa42-fca2a594-a5cafa770"),
        format!("{own}{certs}/CERT-360caa42-fca2a594-a5cafa77-a5cafa77"),
        own.clone(),
        "file:///etc/passwd".to_owned(),
        String::new(),
    ];
    for url in urls {
        to_paypals_door(&url).send(gateway.address()).await.refuses(401, "SIGNATURE_INVALID");
    }
    assert_eq!(certificate_requests(&gateway).await, 0);
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_transmission_that_is_too_old_is_refused_before_its_certificate_is_fetched() {
    let gateway = rejecting().await;
    let url =
        format!("{}/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77", gateway.stack().sandbox_url());
    let days = |days: i64| i64::try_from(now_s()).unwrap() + days * 86_400;
    for (at, worth) in [
        ("2015-05-18T15:45:13Z".parse().unwrap(), "too_old"),
        (jiff::Timestamp::from_second(days(-4) - 60).unwrap(), "too_old"),
        (jiff::Timestamp::from_second(days(1)).unwrap(), "too_new"),
    ] {
        let response = sent_at(&url, at).send(gateway.address()).await;
        response.refuses(401, "SIGNATURE_INVALID");
        assert_eq!(gateway.access_log_line(&response).await["edge_signature"], worth);
        assert!(gateway.edge_webhooks(worth).await > 0);
    }
    assert_eq!(certificate_requests(&gateway).await, 0);
    gateway.nothing_reached_the_control_plane().await;
}

#[tokio::test]
async fn a_flood_of_forged_webhooks_costs_nobody_anything() {
    let gateway = rejecting().await;
    let provider_requests = async || {
        HttpResponse::of(
            gateway.http.get(format!("{}/_sandbox/requests?summary=1", gateway.stack().sandbox_url())),
        )
        .await
        .text()
    };
    let before = (provider_requests().await, gateway.edge_count("signature_invalid").await);
    let body = event("evt_flood", 2_048);
    let signature = stripe_signature("whsec_of_another_account", now_s(), &body);
    let client = &gateway.http;
    let urls = ["stripe", "paypal"].map(|door| format!("{}/webhooks/{door}", gateway.stack().gateway_url()));
    let flood = (0..2_000).map(|n| {
        let request = client.post(&urls[n % 2]).body(body.clone()).header("stripe-signature", &signature);
        let request = request.header(
            "paypal-cert-url",
            "https://evilpaypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        );
        async move { request.send().await.unwrap().status().as_u16() }
    });
    use futures_util::StreamExt as _;
    let statuses: Vec<_> = futures_util::stream::iter(flood).buffer_unordered(50).collect().await;
    assert!(statuses.iter().all(|status| *status == 401), "{statuses:?}");
    assert!(gateway.edge_count("signature_invalid").await >= before.1 + 2_000);
    assert_eq!(provider_requests().await, before.0);
    gateway.nothing_reached_the_control_plane().await;
}

async fn certificate_requests(gateway: &gateway_tests::Gateway<'_>) -> u64 {
    gateway.sandbox.requests("paypal", "certificate").await
}
