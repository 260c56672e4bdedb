//! What a client sees of the sealed trail, and the proofs that it gets.

use std::sync::Arc;

use axum::http::StatusCode;
use control_plane::audit::sealer::{AnchorPlaces, Sealer};
use payments::ports::clock::SystemClock;
use serde_json::{Value, json};

use super::trail::key;
use crate::http::{Api, CHARGE, read};

/// Seals all that the API has recorded.
pub(super) async fn seal(api: &Api) {
    let (store, clock) = (api.test.gateway.store.clone(), Arc::new(SystemClock));
    let mut sealer =
        Sealer::new(store, clock, Arc::new(key()), "a".to_owned(), AnchorPlaces::default()).await.unwrap();
    sealer.turn().await.unwrap();
}

pub(super) async fn get(api: &Api, path: &str) -> Value {
    let (status, answer) = api.demo("GET", path, "").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    answer
}

#[tokio::test]
async fn events_say_whether_they_are_sealed_and_are_proved_once_they_are() {
    let api = Api::start().await;
    let id = api.charged().await;
    let (events, proof) = (format!("/payments/{id}/events"), format!("/payments/{id}/events/proof"));
    let before = get(&api, &events).await;
    let is_sealed = |answer: &Value| -> Vec<_> {
        answer["data"].as_array().unwrap().iter().map(|event| event["sealed"].clone()).collect()
    };
    assert_eq!(is_sealed(&before), [json!(false), json!(false), json!(false)]);
    assert_eq!(before["data"][0].get("index"), None);
    assert_eq!(get(&api, &proof).await["data"], json!([]));

    seal(&api).await;
    let after = get(&api, &events).await;
    assert_eq!(is_sealed(&after), [json!(true), json!(true), json!(true)]);
    assert_eq!((&after["data"][2]["index"], &after["data"][2]["version"]), (&json!(2), &json!(2)));
    let proofs = get(&api, &proof).await;
    assert_eq!((proofs["data"].as_array().unwrap().len(), &proofs["hasMore"]), (3, &json!(false)));
    let text = proofs["data"][1]["proof"].as_str().unwrap();
    assert!(text.starts_with("c2sp.org/tlog-proof@v1\nindex 1\n"), "{text}");
    assert!(text.contains("\n\nshop.example/audit\n3\n"), "{text}");
    let rest = get(&api, &format!("{proof}?after=1")).await;
    assert_eq!((rest["data"].as_array().unwrap().len(), &rest["data"][0]["index"]), (1, &json!(2)));
}

#[tokio::test]
async fn nobody_gets_proofs_of_anothers_payment_or_with_a_wrong_place() {
    let api = Api::start().await;
    let id = api.charged().await;
    seal(&api).await;
    let path = format!("/payments/{id}/events/proof");
    let foreign = api.send(api.attested("other", "GET", &path, "")).await;
    assert_eq!(read(foreign).await.0, StatusCode::NOT_FOUND);
    let (status, answer) = api.demo("GET", &format!("{path}?after=-1"), "").await;
    assert_eq!((status, &answer["error"]["param"]), (StatusCode::BAD_REQUEST, &json!("after")));
}

#[tokio::test]
async fn a_record_says_from_where_it_came_and_how_it_ended() {
    let api = Api::start().await;
    let mut request = api.attested("demo", "POST", "/payments/charge", CHARGE);
    request.headers_mut().insert("x-edge-source", "2001:db8::7".parse().unwrap());
    let (_, answer) = read(api.send(request).await).await;
    let id = answer["transactionId"].as_str().unwrap();
    let answer = get(&api, &format!("/payments/{id}/events")).await;
    let events = answer["data"].as_array().unwrap();
    assert!(events.iter().all(|event| event["address"] == "2001:db8::7"), "{answer}");
    let outcomes: Vec<_> = events.iter().map(|event| event["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["pending", "pending", "success"]);
    // What is no address is none.
    let mut request = api.attested("demo", "POST", "/payments/charge", CHARGE);
    request.headers_mut().insert("x-edge-source", "somewhere".parse().unwrap());
    let (_, answer) = read(api.send(request).await).await;
    let id = answer["transactionId"].as_str().unwrap();
    assert_eq!(get(&api, &format!("/payments/{id}/events")).await["data"][0].get("address"), None);
}
