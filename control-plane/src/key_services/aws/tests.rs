//! Against a stand-in that speaks the service's protocol (AWS JSON 1.1) and checks the encryption context as it does.

use std::sync::Arc;

use aws_sdk_kms::config::Credentials;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sealing::Cipher;
use serde_json::{Value, json};

use super::*;

const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const ID: DataKeyId = DataKeyId::from_bytes([1; 8]);

async fn service(
    State(cipher): State<Arc<Cipher>>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> impl IntoResponse {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let bytes = |name: &str| STANDARD.decode(body[name].as_str().unwrap()).unwrap();
    let context = body["EncryptionContext"].to_string();
    assert!(headers[header::AUTHORIZATION].to_str().unwrap().starts_with("AWS4-HMAC-SHA256 "));
    assert_eq!(body["KeyId"], ARN);
    let (status, answer) = match headers["x-amz-target"].to_str().unwrap() {
        "TrentService.Encrypt" => {
            let sealed = cipher.seal(context.as_bytes(), &bytes("Plaintext")).unwrap();
            (StatusCode::OK, json!({ "CiphertextBlob": STANDARD.encode(sealed), "KeyId": ARN }))
        }
        "TrentService.Decrypt" => match cipher.open(context.as_bytes(), bytes("CiphertextBlob")) {
            Ok(plain) => (StatusCode::OK, json!({ "Plaintext": STANDARD.encode(plain), "KeyId": ARN })),
            Err(_) => (StatusCode::BAD_REQUEST, json!({ "__type": "InvalidCiphertextException" })),
        },
        other => panic!("{other}"),
    };
    (status, [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], Json(answer))
}

/// A key of a service at `address`.
fn key_at(address: &str) -> AwsKms {
    let config = aws_sdk_kms::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("made-up", "made-up", None, None, "test"))
        .endpoint_url(address)
        .build();
    let key = AwsKms::new(&format!("awskms:{ARN}")).unwrap();
    AwsKms { client: OnceCell::new_with(Some(Client::from_conf(config))), ..key }
}

async fn key() -> AwsKms {
    let cipher = Arc::new(Cipher::new(&SecretKey::random().unwrap()).unwrap());
    let router = Router::new().route("/", post(service)).with_state(cipher);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    key_at(&address)
}

#[tokio::test]
async fn a_data_key_is_wrapped_and_opens_under_its_own_id_only() {
    let (kms, key) = (key().await, SecretKey::random().unwrap());
    let wrapped = kms.wrap(ID, &key).await.unwrap();
    assert_eq!(wrapped.by, format!("awskms:{ARN}"));
    assert_eq!(kms.unwrap(ID, &wrapped).await.unwrap().as_bytes(), key.as_bytes());
    let elsewhere = kms.unwrap(DataKeyId::from_bytes([2; 8]), &wrapped).await;
    assert!(matches!(elsewhere, Err(WrapError::Wrong { .. })), "{elsewhere:?}");
    let mut altered = wrapped;
    altered.bytes[15] ^= 1;
    assert!(matches!(kms.unwrap(ID, &altered).await, Err(WrapError::Wrong { .. })));
}

#[tokio::test]
async fn a_service_that_is_away_is_unavailable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let kms = key_at(&format!("http://{}", listener.local_addr().unwrap()));
    drop(listener);
    let away = kms.wrap(ID, &SecretKey::random().unwrap()).await;
    assert!(matches!(away, Err(WrapError::Unavailable { .. })), "{away:?}");
}

#[test]
fn a_key_is_named_by_its_arn() {
    assert_eq!(AwsKms::new(&format!("awskms:{ARN}")).unwrap().region, "eu-central-1");
    for name in [
        ARN,
        "awskms:",
        "awskms:alias/a",
        "awskms:arn:aws:kms:eu-central-1:1:alias/a",
        "awskms:arn:aws:kms::1:key/a",
    ] {
        assert_eq!(AwsKms::new(name).unwrap_err(), InvalidArn, "{name}");
    }
}
