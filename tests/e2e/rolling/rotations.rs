//! Keys are replaced while requests come, and no genuine one is refused.

use std::sync::{Arc, Mutex};

use edge_core::attestation::{HEADER, Keys, Request, Statement};
use gateway_tests::fresh_key;

use super::*;
use crate::webhooks::{event, now_s, stripe_signature};

#[tokio::test]
async fn attestation_keys_are_replaced_under_load_without_a_failed_charge() {
    let _turn = TURN.lock().await;
    const KEYS: &str = "EDGE_ATTESTATION_KEYS";
    let Some((postgres, redis)) = servers().await else { return };
    let (own, mut fleet, client) = started(&postgres, &redis, &[]).await;
    let old = own.stack.setting(KEYS).unwrap().to_owned();
    let new = format!("new:{}", "5e".repeat(32));

    let load = Load::start(&fleet, &client, charges(&client, || "demo-key".to_owned()));
    tokio::time::sleep(STEADY).await;
    for keys in [format!("{old},{new}"), format!("{new},{old}"), new.clone()] {
        set(&mut fleet, &ALL, &[(KEYS, keys.as_str())], &client).await;
    }
    each_was_charged_once(&own, &fleet, &client, load).await;

    for (keys, status) in [(old, 401), (new, 200)] {
        let signer = Keys::parse(&keys).unwrap();
        let statement = Statement {
            client: edge_core::client::ClientId::parse("demo"),
            ..Statement::anonymous("7d1b".to_owned())
        };
        let attestation = signer.sign(&Request::new("GET", "/payments", b""), &statement, now_s());
        for address in fleet.control_planes {
            let request = client.get(format!("http://{address}/payments")).header(HEADER, &attestation);
            assert_eq!(HttpResponse::of(request).await.status, status, "{address}");
        }
    }
}

#[tokio::test]
async fn a_webhook_secret_is_replaced_under_load_without_a_refused_webhook() {
    let _turn = TURN.lock().await;
    const SECRETS: &str = "STRIPE_WEBHOOK_SECRETS";
    let Some((postgres, redis)) = servers().await else { return };
    let (own, mut fleet, client) = started(&postgres, &redis, &[]).await;
    let old = own.stack.setting(SECRETS).unwrap().split(',').next().unwrap().to_owned();
    let new = "whsec_new0123456789abcdef".to_owned();
    let both = format!("{new},{old}");
    // What Stripe signs with.
    let signing = Arc::new(Mutex::new(vec![old.clone()]));

    let (sender, secrets) = (client.clone(), signing.clone());
    let delivery = move |gateway: &str, id: &str, secrets: &[String]| {
        let (body, at_s) = (event(&format!("evt_{id}"), 300), now_s());
        let signatures = secrets.iter().map(|secret| stripe_signature(secret, at_s, &body));
        let parts: Vec<_> = signatures.map(|one| one.split_once(',').unwrap().1.to_owned()).collect();
        let request =
            sender.post(format!("{gateway}/webhooks/stripe")).header("content-type", "application/json");
        request.header("stripe-signature", format!("t={at_s},{}", parts.join(","))).body(body)
    };
    let deliver = delivery.clone();
    let make: Make = Arc::new(move |gateway: &str, id: &str| deliver(gateway, id, &secrets.lock().unwrap()));
    let load = Load::start(&fleet, &client, make);
    tokio::time::sleep(STEADY).await;
    set(&mut fleet, &[ENVOY], &[(SECRETS, both.as_str())], &client).await;
    for secrets in [vec![old.clone(), new.clone()], vec![new.clone()]] {
        *signing.lock().unwrap() = secrets;
        tokio::time::sleep(STEADY).await;
    }
    set(&mut fleet, &[ENVOY], &[(SECRETS, new.as_str())], &client).await;
    let delivered = succeeded(&fleet, load).await;
    assert!(delivered > 200, "{delivered}");

    for gateway in &fleet.gateways {
        for (secret, status) in [(&old, 401), (&new, 200)] {
            let request = delivery(gateway, &fresh_key(), std::slice::from_ref(secret));
            assert_eq!(HttpResponse::of(request).await.status, status);
        }
    }
}

#[tokio::test]
async fn a_client_key_is_replaced_under_load_without_a_failed_charge() {
    let _turn = TURN.lock().await;
    const OLD: &str = r#"{"client":"demo","key":"demo-key"}"#;
    const NEW: &str = r#"{"client":"demo","key":"demo-key-new"}"#;
    let Some((postgres, redis)) = servers().await else { return };
    let (own, mut fleet, client) = started(&postgres, &redis, &[]).await;
    // What the client sends.
    let key = Arc::new(Mutex::new("demo-key".to_owned()));

    let sent = key.clone();
    let load = Load::start(&fleet, &client, charges(&client, move || sent.lock().unwrap().clone()));
    tokio::time::sleep(STEADY).await;
    rewrite(&mut fleet, OLD, &format!("{OLD},{NEW}"), &client).await;
    *key.lock().unwrap() = "demo-key-new".to_owned();
    tokio::time::sleep(STEADY).await;
    rewrite(&mut fleet, &format!("{OLD},{NEW}"), NEW, &client).await;
    let charged = each_was_charged_once(&own, &fleet, &client, load).await;
    assert!(charged > 200, "{charged}");

    for gateway in &fleet.gateways {
        for (key, status) in [("demo-key", 401), ("demo-key-new", 200)] {
            let request = client.get(format!("{gateway}/payments")).bearer_auth(key);
            assert_eq!(HttpResponse::of(request).await.status, status, "{key}");
        }
    }
}

/// Changes the bootstrap of each Envoy, and restarts one after the other with it.
async fn rewrite(fleet: &mut Fleet, was: &str, is: &str, client: &Client) {
    for file in fleet.bootstraps.clone() {
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(was), "the bootstrap has no {was}");
        std::fs::write(&file, text.replace(was, is)).unwrap();
    }
    set(fleet, &[ENVOY], &[], client).await;
}
