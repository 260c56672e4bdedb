//! `config check --connect` on the anchors of checkpoints, and on the service of the key that wraps data keys.

use std::fs;
use std::net::TcpListener;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::check;
use super::providers::stranger;

const KEY: (&str, &str) = (
    "AUDIT_SIGNING_KEY",
    "shop.example/audit:0303030303030303030303030303030303030303030303030303030303030303",
);

fn nobody() -> String {
    format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

#[test]
fn an_anchor_file_is_tried_and_neither_made_nor_written() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("anchors");
    let at = |path: &std::path::Path| check(&[KEY, ("AUDIT_ANCHOR_FILE", path.to_str().unwrap())]);
    let (worked, text) = at(&file);
    assert!(worked && text.contains("ok       audit trail"), "{text}");
    assert!(!file.exists());
    fs::write(&file, "left of before\n").unwrap();
    let (worked, text) = at(&file);
    assert!(worked && text.contains("without a checkpoint of this key yet"), "{text}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "left of before\n");
    for (path, why) in [
        (folder.path().to_owned(), "cannot be appended to"),
        (folder.path().join("no/file"), "does not exist"),
    ] {
        let (worked, text) = at(&path);
        assert!(!worked && text.contains("AUDIT_ANCHOR_FILE: ") && text.contains(why), "{text}");
    }
}

#[test]
fn a_witness_is_asked_without_a_checkpoint_and_told_from_others() {
    let at = |url: &str| check(&[KEY, ("AUDIT_WITNESS_URL", url)]);
    let (worked, text) = at(&stranger("400 Bad Request", ""));
    assert!(worked && text.contains("ok       audit trail a witness answers at"), "{text}");
    for (url, why) in [
        (stranger("404 Not Found", ""), "404 Not Found"),
        (stranger("200 OK", "<h1>welcome</h1>"), "200 OK"),
        (nobody(), "refused"),
    ] {
        let (worked, text) = at(&url);
        let line = text.lines().find(|line| line.starts_with("wrong    audit trail AUDIT_WITNESS_URL: "));
        assert!(!worked && line.is_some_and(|line| line.contains(why)), "{why}: {text}");
    }
}

/// What it encrypts is only marked.
async fn transit(Path(operation): Path<String>, Json(body): Json<Value>) -> (StatusCode, Json<Value>) {
    let given = |name: &str| body.get(name).and_then(Value::as_str).unwrap();
    let data = if operation == "encrypt" {
        json!({ "ciphertext": format!("vault:v1:own-{}", given("plaintext")) })
    } else {
        let Some(plain) = given("ciphertext").strip_prefix("vault:v1:own-") else {
            return (StatusCode::BAD_REQUEST, Json(json!({ "errors": ["invalid ciphertext"] })));
        };
        json!({ "plaintext": plain })
    };
    (StatusCode::OK, Json(json!({ "data": data })))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_key_service_is_tried() {
    let with = |address: &str| {
        let settings =
            [("KMS_KEY", "vault:transit/payments"), ("VAULT_ADDR", address), ("VAULT_TOKEN", "hidden")];
        tokio::task::block_in_place(|| check(&settings))
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/v1/transit/{operation}/payments", post(transit));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let (worked, text) = with(&address);
    assert!(worked && text.contains("ok       encryption  `vault:transit/payments` wraps"), "{text}");
    for (address, why) in [
        (stranger("403 Forbidden", r#"{"errors":["permission denied"]}"#), "the token may not use this key"),
        (stranger("400 Bad Request", r#"{"errors":["encryption key not found"]}"#), "no key of this name"),
        (nobody(), "Vault does not answer"),
    ] {
        let (worked, text) = with(&address);
        let line = text.lines().find(|line| line.starts_with("wrong    encryption  KMS_KEY: "));
        assert!(!worked && line.is_some_and(|line| line.contains(why)), "{why}: {text}");
        assert!(!text.contains("hidden"), "{text}");
    }
}
