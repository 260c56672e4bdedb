//! What proves to the gateway that a webhook is the provider's.

use reqwest::Method;

use crate::support::{
    HttpResponse, TestSandbox, Value, json,
    receiver::ReceivedWebhook,
    wallet,
    webhooks::{SECRET, WEBHOOK_ID},
};

#[tokio::test]
async fn a_stripe_webhook_is_signed_with_every_secret_of_a_roll() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    sandbox.stripe_pay("pm_card_visa", 500, "").await;
    let one = receiver.wait_for(3).await[0].header("stripe-signature").to_owned();
    assert!(one.starts_with("t=1767225600,v1=") && one.matches(",v1=").count() == 1, "{one}");
    let rolled = sandbox.aim(&json!({ "stripe": { "secrets": [SECRET, "whsec_next"] } })).await;
    assert_eq!(rolled.body["stripe"], json!({ "url": receiver.url, "secrets": 2 }));
    sandbox.stripe_pay("pm_card_visa", 500, "").await;
    let two = receiver.wait_for(6).await[3].header("stripe-signature").to_owned();
    assert_eq!(two.matches(",v1=").count(), 2, "{two}");
}

fn postback(webhook: &ReceivedWebhook) -> String {
    let header = |name: &str| Value::from(webhook.header(name));
    let event = String::from_utf8(webhook.text.to_vec()).unwrap();
    format!(
        r#"{{"auth_algo":{},"cert_url":{},"transmission_id":{},"transmission_sig":{},"transmission_time":{},"webhook_id":"{WEBHOOK_ID}","webhook_event":{event}}}"#,
        header("paypal-auth-algo"),
        header("paypal-cert-url"),
        header("paypal-transmission-id"),
        header("paypal-transmission-sig"),
        header("paypal-transmission-time"),
    )
}

async fn verify(sandbox: &TestSandbox, body: String) -> HttpResponse {
    let request = sandbox.http.post(sandbox.url("/v1/notifications/verify-webhook-signature"));
    let request =
        request.bearer_auth(sandbox.paypal_token().await).header("Content-Type", "application/json");
    HttpResponse::of(request.body(body)).await
}

#[tokio::test]
async fn a_paypal_webhook_is_vouched_for_by_paypals_own_check() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    let webhook = receiver.wait_for(1).await.remove(0);
    let body = postback(&webhook);
    assert_eq!(verify(&sandbox, body.clone()).await.body, json!({ "verification_status": "SUCCESS" }));
    for (before, after) in [
        (WEBHOOK_ID, "WEBHOOK_ID"),
        ("49.99", "49.98"),
        ("SHA256withRSA", "SHA1withRSA"),
        ("CERT-", "CERT-0"),
    ] {
        let forged = body.replacen(before, after, 1);
        let status = verify(&sandbox, forged).await.body;
        assert_eq!(status, json!({ "verification_status": "FAILURE" }), "{after}");
    }
    assert_eq!(verify(&sandbox, "{}".to_owned()).await.status, 400);
    let bare = sandbox.http.post(sandbox.url("/v1/notifications/verify-webhook-signature")).body(body);
    assert_eq!(HttpResponse::of(bare).await.status, 401);
}

#[tokio::test]
async fn the_certificate_is_served_as_paypal_serves_it_and_its_root_beside() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    let webhook = receiver.wait_for(1).await.remove(0);
    let url = webhook.header("paypal-cert-url");
    assert!(url.starts_with(&sandbox.url("/v1/notifications/certs/CERT-")), "{url}");
    let certificate = sandbox.visit(Method::GET, url).await;
    assert_eq!(certificate.status, 200);
    assert_eq!(certificate.header("content-type"), "application/x-pem-file");
    assert_eq!(certificate.header("cache-control"), "public,max-age=86400");
    assert_eq!(certificate.text.matches("BEGIN CERTIFICATE-----\r\n").count(), 1);
    let root = sandbox.visit(Method::GET, "/_sandbox/paypal-ca.pem").await;
    assert!(root.text.starts_with("-----BEGIN CERTIFICATE-----") && root.text != certificate.text);
    let unknown = "/v1/notifications/certs/CERT-00000000-00000000-00000000";
    assert_eq!(sandbox.visit(Method::GET, unknown).await.status, 404);
}

#[tokio::test]
async fn faults_strike_the_certificate_too() {
    let (sandbox, receiver) = TestSandbox::with_receiver().await;
    sandbox.paypal_order("CAPTURE", wallet("vault-ok")).await;
    let url = receiver.wait_for(1).await[0].header("paypal-cert-url").to_owned();
    sandbox.fault(json!({ "operation": "certificate", "fault": "html_error", "times": 1 })).await;
    let struck = sandbox.visit(Method::GET, &url).await;
    assert!(struck.status == 502 && struck.text.starts_with("<html>"), "{struck:?}");
    assert_eq!(sandbox.visit(Method::GET, &url).await.status, 200);
    let requests = sandbox.visit(Method::GET, "/_sandbox/requests?summary=1").await;
    assert_eq!(requests.body["counts"]["paypal"]["certificate"], 2);
}

#[tokio::test]
async fn the_root_in_a_folder_is_there_once_the_sandbox_runs_and_outlives_it() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let paypal_ca_dir = Some(folder.path().join("ca"));
        TestSandbox::with(|config| provider_sandbox::Config { paypal_ca_dir, ..config })
    };
    let first = start().await;
    let root = std::fs::read_to_string(folder.path().join("ca/root.pem")).unwrap();
    assert_eq!(first.visit(Method::GET, "/_sandbox/paypal-ca.pem").await.text, root);
    drop(first);
    assert_eq!(start().await.visit(Method::GET, "/_sandbox/paypal-ca.pem").await.text, root);
}
