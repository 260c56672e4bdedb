//! Against a stand-in for the transit engine that is as strict as the documentation.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use sealing::Cipher;
use serde_json::{Value, json};

use super::*;

const ID: DataKeyId = DataKeyId::from_bytes([1; 8]);
const TOKEN: &str = "hvs.made-up";

struct Engine {
    /// The versions of the key, the first one first.
    versions: Mutex<Vec<Cipher>>,
    /// Requests that are still answered with 503.
    away: AtomicU32,
    asked: AtomicU32,
}

async fn operation(
    State(engine): State<Arc<Engine>>,
    Path((operation, key)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> (StatusCode, Json<Value>) {
    engine.asked.fetch_add(1, Ordering::SeqCst);
    let refused = |status, why: &str| (status, Json(json!({ "errors": [why] })));
    if engine.away.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "Vault is sealed");
    }
    if headers.get("x-vault-token").is_none_or(|token| token != TOKEN) {
        return refused(StatusCode::FORBIDDEN, "permission denied");
    }
    if key != "payments" {
        return refused(StatusCode::BAD_REQUEST, "encryption key not found");
    }
    let bound_to = STANDARD.decode(body["associated_data"].as_str().unwrap()).unwrap();
    let versions = engine.versions.lock().unwrap();
    let data = if operation == "encrypt" {
        let plain = STANDARD.decode(body["plaintext"].as_str().unwrap()).unwrap();
        let sealed = versions.last().unwrap().seal(&bound_to, &plain).unwrap();
        let newest = versions.len();
        json!({ "ciphertext": format!("vault:v{newest}:{}", STANDARD.encode(sealed)), "key_version": newest })
    } else {
        let text = body["ciphertext"].as_str().unwrap().strip_prefix("vault:v").unwrap_or_default();
        let (version, text) = text.split_once(':').unwrap_or_default();
        let version = version.parse::<usize>().ok().and_then(|version| versions.get(version.checked_sub(1)?));
        let sealed = STANDARD.decode(text).ok();
        let opened = version.zip(sealed).and_then(|(cipher, sealed)| cipher.open(&bound_to, sealed).ok());
        let Some(plain) = opened else {
            return refused(StatusCode::BAD_REQUEST, "cipher: message authentication failed");
        };
        json!({ "plaintext": STANDARD.encode(plain) })
    };
    (StatusCode::OK, Json(json!({ "request_id": "1", "data": data })))
}

fn new_version() -> Cipher {
    Cipher::new(&SecretKey::random().unwrap()).unwrap()
}

/// An engine, and its address.
async fn engine() -> (Arc<Engine>, String) {
    let versions = Mutex::new(vec![new_version()]);
    let engine = Arc::new(Engine { versions, away: AtomicU32::new(0), asked: AtomicU32::new(0) });
    let router =
        Router::new().route("/v1/transit/{operation}/{key}", post(operation)).with_state(engine.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (engine, address)
}

fn vault(address: &str, key: &str, token: &str) -> VaultTransit {
    VaultTransit::new(&format!("vault:transit/{key}"), address, token.to_owned().into(), None).unwrap()
}

#[tokio::test]
async fn a_data_key_is_wrapped_and_opens_under_its_own_id_only() {
    let (_, address) = engine().await;
    let (vault, key) = (vault(&address, "payments", TOKEN), SecretKey::random().unwrap());
    let wrapped = vault.wrap(ID, &key).await.unwrap();
    assert_eq!(wrapped.by, "vault:transit/payments");
    assert!(wrapped.bytes.starts_with(b"vault:v1:"));
    assert_eq!(vault.unwrap(ID, &wrapped).await.unwrap().as_bytes(), key.as_bytes());
    let elsewhere = vault.unwrap(DataKeyId::from_bytes([2; 8]), &wrapped).await;
    assert!(matches!(elsewhere, Err(WrapError::Wrong { .. })));
    let mut altered = wrapped;
    altered.bytes[15] ^= 1;
    assert!(matches!(vault.unwrap(ID, &altered).await, Err(WrapError::Wrong { .. })));
}

#[tokio::test]
async fn a_key_that_vault_rotates_under_load_fails_no_request_and_opens_what_was_before() {
    let (engine, address) = engine().await;
    let (vault, key) = (Arc::new(vault(&address, "payments", TOKEN)), SecretKey::random().unwrap());
    let before = vault.wrap(ID, &key).await.unwrap();
    let lanes: Vec<_> = (0..4)
        .map(|_| {
            let vault = vault.clone();
            tokio::spawn(async move {
                for _ in 0..50 {
                    let key = SecretKey::random().unwrap();
                    let wrapped = vault.wrap(ID, &key).await.unwrap();
                    assert_eq!(vault.unwrap(ID, &wrapped).await.unwrap().as_bytes(), key.as_bytes());
                }
            })
        })
        .collect();
    for asked in [50, 100, 150] {
        while engine.asked.load(Ordering::SeqCst) < asked {
            tokio::task::yield_now().await;
        }
        // As `vault write -f transit/keys/payments/rotate` does it.
        engine.versions.lock().unwrap().push(new_version());
    }
    for lane in lanes {
        lane.await.unwrap();
    }
    let after = vault.wrap(ID, &key).await.unwrap();
    assert!(before.bytes.starts_with(b"vault:v1:") && after.bytes.starts_with(b"vault:v4:"));
    assert_eq!(before.by, after.by);
    for wrapped in [before, after] {
        assert_eq!(vault.unwrap(ID, &wrapped).await.unwrap().as_bytes(), key.as_bytes());
    }
}

#[tokio::test]
async fn a_vault_that_is_away_for_a_moment_is_asked_again_and_one_that_denies_is_not() {
    let (engine, address) = engine().await;
    engine.away.store(TRIES - 1, Ordering::SeqCst);
    vault(&address, "payments", TOKEN).wrap(ID, &SecretKey::random().unwrap()).await.unwrap();
    assert_eq!(engine.asked.swap(0, Ordering::SeqCst), TRIES);
    let denied = vault(&address, "payments", "another").wrap(ID, &SecretKey::random().unwrap()).await;
    let WrapError::Unavailable { by, source } = denied.unwrap_err() else { panic!() };
    assert_eq!(by, "vault:transit/payments");
    assert!(source.to_string().contains("403") && !source.to_string().contains("another"), "{source}");
    assert_eq!(engine.asked.load(Ordering::SeqCst), 1);
    let missing = vault(&address, "none", TOKEN).wrap(ID, &SecretKey::random().unwrap()).await;
    assert!(matches!(missing, Err(WrapError::Unavailable { .. })));
}

#[tokio::test]
async fn a_key_is_tried_and_one_that_does_not_exist_is_not_made_by_the_try() {
    let (engine, address) = engine().await;
    vault(&address, "payments", TOKEN).check().await.unwrap();
    assert_eq!(engine.asked.swap(0, Ordering::SeqCst), 3);
    let WrapError::Unavailable { source, .. } = vault(&address, "none", TOKEN).check().await.unwrap_err()
    else {
        panic!()
    };
    assert!(source.to_string().contains("no key of this name"), "{source}");
    assert_eq!(engine.asked.load(Ordering::SeqCst), 1, "nothing is encrypted, which would make the key");
}

#[test]
fn a_token_goes_over_tls_or_stays_on_this_machine_and_is_never_printed() {
    let new = |name: &str, address: &str| VaultTransit::new(name, address, TOKEN.to_owned().into(), None);
    for address in
        ["https://vault.internal:8200", "http://127.0.0.1:8200", "http://localhost:8200", "http://[::1]:8200"]
    {
        let vault = new("vault:transit/payments", address).unwrap();
        assert_eq!(format!("{vault:?}"), "vault:transit/payments");
    }
    for address in [
        "http://vault.internal:8200",
        "vault.internal",
        "https://vault.internal/other",
        "https://u@vault",
        "",
    ] {
        assert_eq!(new("vault:transit/payments", address).unwrap_err(), InvalidVault::Address, "{address}");
    }
    for name in [
        "vault:payments",
        "vault:transit/",
        "vault:/payments",
        "vault:transit/a b",
        "vault:../payments",
        "k1",
    ] {
        assert_eq!(new(name, "https://vault.internal").unwrap_err(), InvalidVault::Key, "{name}");
    }
}
