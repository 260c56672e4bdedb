//! Copies of requests without an idempotency key, as made by who reads the wire behind the edge.

use futures_util::future::join_all;
use payments::model::idempotency::{KeyClaim, Subject};
use payments::model::provider::{Charged, ProviderRef};
use tokio::sync::Notify;

use super::*;
use crate::store::on_both_stores;

on_both_stores! {
    each_operation_without_a_key_is_executed_once_however_often_it_is_copied
    of_copies_that_come_at_the_same_time_one_is_executed
    equal_requests_that_the_edge_attested_one_by_one_are_all_executed
    a_copy_of_a_refused_request_is_refused_when_the_reason_is_gone
    an_attestations_row_has_no_answer
}

const HELD: &str = r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa",
    "capture":"manual"}"#;

/// A request as the edge forwards it, and its copies.
struct Copied<'a> {
    api: &'a Api,
    path: &'a str,
    body: &'a str,
    attestation: axum::http::HeaderValue,
}

impl<'a> Copied<'a> {
    fn new(api: &'a Api, path: &'a str, body: &'a str) -> Self {
        let attestation = api.attested("demo", "POST", path, body).headers()[HEADER].clone();
        Self { api, path, body, attestation }
    }

    async fn send(&self) -> (StatusCode, Value) {
        let request = Api::request("POST", self.path).header(HEADER, &self.attestation);
        read(self.api.send(request.body(Body::from(self.body.to_owned())).unwrap()).await).await
    }

    async fn is_refused(&self) {
        let (status, answer) = self.send().await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{}: {answer}", self.path);
        assert_eq!(answer["error"]["code"], "EDGE_ATTESTATION_REQUIRED");
    }
}

fn calls_of(api: &Api, operation: &str) -> usize {
    api.test.provider.calls.lock().unwrap().iter().filter(|(name, _)| *name == operation).count()
}

/// The provider only authorizes the next charge.
fn authorize(api: &Api) {
    let payment = ProviderRef::new(format!("pi_held_{}", calls_of(api, "charge")));
    let authorized =
        Charged::Authorized { payment: payment.clone(), authorization: payment, paid_with: None };
    api.test.provider.charges.lock().unwrap().push(Outcome::Done(authorized));
}

/// A payment that is authorized only.
async fn held(api: &Api) -> String {
    authorize(api);
    let (status, answer) = api.demo("POST", "/payments/charge", HELD).await;
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("authorized")), "{answer}");
    answer["transactionId"].as_str().unwrap().to_owned()
}

async fn each_operation_without_a_key_is_executed_once_however_often_it_is_copied(store: TestStore) {
    let api = Api::on(store);
    let (paid, held_1, held_2) = (api.charged().await, held(&api).await, held(&api).await);
    let refund = format!(r#"{{"transactionId":"{paid}","amount":100}}"#);
    let (capture, cancel) = (format!("/payments/{held_1}/capture"), format!("/payments/{held_2}/cancel"));
    for (operation, path, body) in [
        ("charge", "/payments/charge", CHARGE),
        ("refund", "/payments/refund", refund.as_str()),
        ("capture", capture.as_str(), "{}"),
        ("cancel", cancel.as_str(), "{}"),
    ] {
        let before = calls_of(&api, operation);
        let request = Copied::new(&api, path, body);
        let (status, answer) = request.send().await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        request.is_refused().await;
        request.is_refused().await;
        assert_eq!(calls_of(&api, operation), before + 1, "{operation}");
    }
}

async fn of_copies_that_come_at_the_same_time_one_is_executed(store: TestStore) {
    let api = Api::on(store);
    let request = Copied::new(&api, "/payments/charge", CHARGE);
    let answers = join_all((0..8).map(|_| request.send())).await;
    let count = |wanted| answers.iter().filter(|(status, _)| *status == wanted).count();
    assert_eq!((count(StatusCode::OK), count(StatusCode::UNAUTHORIZED)), (1, 7), "{answers:?}");
    assert_eq!(calls_of(&api, "charge"), 1);
}

/// Within one second: the clock stands still.
async fn equal_requests_that_the_edge_attested_one_by_one_are_all_executed(store: TestStore) {
    let api = Api::on(store);
    let (first, second) = (api.charged().await, api.charged().await);
    assert_ne!(first, second);
    let refund = format!(r#"{{"transactionId":"{first}","amount":100}}"#);
    for _ in 0..2 {
        let (status, answer) = api.demo("POST", "/payments/refund", &refund).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
    }
    assert_eq!((calls_of(&api, "charge"), calls_of(&api, "refund")), (2, 2));
}

/// The client was told that nothing was executed, and may have asked again since.
async fn a_copy_of_a_refused_request_is_refused_when_the_reason_is_gone(store: TestStore) {
    let api = Api::on(store);
    let gate = Arc::new(Notify::new());
    *api.test.provider.gate.lock().unwrap() = Some(gate.clone());
    authorize(&api);
    // A payment cannot be canceled while its charge waits for the provider.
    let too_early = async {
        while calls_of(&api, "charge") == 0 {
            tokio::task::yield_now().await;
        }
        let (_, page) = api.demo("GET", "/payments", "").await;
        let path = format!("/payments/{}/cancel", page["data"][0]["transactionId"].as_str().unwrap());
        let attestation = {
            let cancel = Copied::new(&api, &path, "{}");
            let (status, answer) = cancel.send().await;
            assert_eq!((status, &answer["error"]["code"]), (StatusCode::CONFLICT, &json!("INVALID_STATE")));
            cancel.attestation
        };
        gate.notify_one();
        (path, attestation)
    };
    let ((status, answer), (path, attestation)) =
        tokio::join!(api.demo("POST", "/payments/charge", HELD), too_early);
    assert_eq!((status, &answer["status"]), (StatusCode::OK, &json!("authorized")), "{answer}");
    Copied { api: &api, path: &path, body: "{}", attestation }.is_refused().await;
    assert_eq!(calls_of(&api, "cancel"), 0);
    let (status, answer) = api.demo("POST", &path, "{}").await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

/// A copy of the request gives its sender no answer.
async fn an_attestations_row_has_no_answer(store: TestStore) {
    let api = Api::on(store);
    let request = Copied::new(&api, "/payments/charge", CHARGE);
    let (_, answer) = request.send().await;
    let (_, mac) = request.attestation.to_str().unwrap().rsplit_once(";mac=").unwrap();
    let mac: [u8; 32] = hex::decode(mac).unwrap().try_into().unwrap();
    let record = api.test.gateway.store.key(&KeyClaim::of_attestation(&mac).scope).await.unwrap().unwrap();
    let payment = Subject::Payment(answer["transactionId"].as_str().unwrap().parse().unwrap());
    assert_eq!((record.subject, record.answer), (Some(payment), None));
}
