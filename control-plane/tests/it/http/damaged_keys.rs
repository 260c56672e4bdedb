//! An idempotency key whose stored answer cannot be read: nothing is executed again, and client, log and metric say so.

use edge_core::attestation::AttestedKey;
use edge_core::idempotency::{Fingerprint, Key, Scope};
use test_services::{ErrorLog, LogLine};

use super::*;
use crate::store::on_both_stores;

on_both_stores! {
    an_answer_that_names_an_erased_key_is_told_like_an_altered_one_and_named
}

const ALTER: &str = "UPDATE idempotency_keys SET answer_body = substr(answer_body, 1, 40)
    || CASE substr(answer_body, 41, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(answer_body, 42)";
const ERASED: &str = "00000000000000ee";
/// As retention leaves a key of payers' values that it has erased.
const ERASE: &str = "INSERT INTO data_keys (id, purpose, wrapped_by, wrapped, created_at, retired_at, erased_at)
    SELECT '00000000000000ee', purpose, '', substr(wrapped, 1, 0), 0, 0, 0 FROM data_keys WHERE purpose = 'payers'";
const NAME: &str =
    "UPDATE idempotency_keys SET answer_body = 'enc1:00000000000000ee' || substr(answer_body, 22)";

async fn an_answer_that_names_an_erased_key_is_told_like_an_altered_one_and_named(store: TestStore) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _counting = metrics::set_default_local_recorder(&recorder);
    let (log, _listening) = ErrorLog::listen("payments_stores");
    let api = Api::on(store);
    let (status, charged) = charge(&api).await;
    assert_eq!(status, StatusCode::OK, "{charged}");
    assert_eq!(charge(&api).await, (status, charged));
    api.test.store.execute(ALTER).await;
    let altered = charge(&api).await;
    assert_eq!(altered.0, StatusCode::INTERNAL_SERVER_ERROR, "{altered:?}");
    assert_eq!(altered.1["error"]["code"], "INTERNAL_ERROR");
    let message = altered.1["error"]["message"].as_str().unwrap();
    assert!(message.contains("may have been carried out: look the payment up"), "{message}");
    api.test.store.execute(ERASE).await;
    api.test.store.execute(NAME).await;
    assert_eq!(charge(&api).await, altered);
    assert_eq!(api.test.provider.calls.lock().unwrap().len(), 1);
    let counted = recorder.handle().render();
    assert!(counted.contains(r#"stored_rows_unreadable_total{table="idempotency_keys"} 2"#), "{counted}");
    let row = scope().to_string();
    let of_the_row = [("table", "idempotency_keys"), ("row", row.as_str()), ("column", "answer_body")];
    let altered = [&of_the_row[..], &[("reason", "not_authentic")]].concat();
    let erased = [&of_the_row[..], &[("reason", "erased_key"), ("key", ERASED)]].concat();
    let message = ("message", "a stored row cannot be read; it is left out of lists");
    let lines = [altered, erased].map(|fields| {
        let fields = fields.into_iter().chain([message]);
        fields.map(|(name, value)| (name, value.to_owned())).collect::<LogLine>()
    });
    assert_eq!(log.lines(), lines);
}

fn scope() -> Scope {
    Scope::new(&client("demo"), "POST", "/payments/charge", &Key::parse([&b"once"[..]]).unwrap())
}

/// Under the one key, which the edge has forgotten.
async fn charge(api: &Api) -> (StatusCode, Value) {
    let fingerprint = Fingerprint::new("POST", "/payments/charge", "", b"", CHARGE.as_bytes());
    let statement = Statement {
        client: Some(client("demo")),
        key: Some(AttestedKey { scope: scope(), fingerprint, fence: None }),
        ..Statement::anonymous("req-1".to_owned())
    };
    read(api.send(api.vouched_for(&statement, "POST", "/payments/charge", CHARGE)).await).await
}
