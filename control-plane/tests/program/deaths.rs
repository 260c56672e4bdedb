//! A service in which a task dies that it needs.

use edge_core::attestation::{AttestedKey, HEADER, Keys, Request, Statement};
use edge_core::client::ClientId;
use edge_core::idempotency::{Fingerprint, Key, Scope};
use payments::ports::clock::{Clock as _, SystemClock};
use test_services::{PostgresServer, TestDatabase};

use super::KEYS;
use super::service::Service;

const PATH: &str = "/payments/charge";
const CHARGE: &str =
    r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;

/// The answer to a charge under this key, of the service at this address.
pub(super) async fn charge(address: &str, key: &str) -> (u16, String) {
    let client = ClientId::parse("demo").unwrap();
    let scope = Scope::new(&client, "POST", PATH, &Key::parse([key.as_bytes()]).unwrap());
    let fingerprint = Fingerprint::new("POST", PATH, "", b"", CHARGE.as_bytes());
    let statement = Statement {
        client: Some(client),
        key: Some(AttestedKey { scope, fingerprint, fence: None }),
        ..Statement::anonymous("req-1".to_owned())
    };
    let now_s = u64::try_from(SystemClock.now().as_second()).unwrap();
    let seen = Request::new("POST", PATH, CHARGE.as_bytes());
    let header = Keys::parse(KEYS.1).unwrap().sign(&seen, &statement, now_s);
    let sender = reqwest::Client::builder().no_proxy().build().unwrap();
    let sent = sender.post(format!("http://{address}{PATH}")).header(HEADER, header).body(CHARGE);
    let answer = sent.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// SQLite has one writer, PostgreSQL several.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_whose_writer_dies_answers_truly_and_ends_with_1_and_one_line() {
    let database = match PostgresServer::any().await {
        Some(postgres) => Some(postgres.database().await),
        None => None,
    };
    let mut places = vec!["sqlite://gateway.db"];
    places.extend(database.as_ref().map(TestDatabase::uri));
    for place in places {
        let mut service = Service::start(&[
            ("DB_URI", place),
            ("STRIPE_SECRET_KEY", "sk_test_x"),
            // Nobody listens there, and nobody needs to.
            ("STRIPE_API_BASE", "http://127.0.0.1:9"),
            ("CRASH_POINTS", "during_commit:1:panic"),
        ]);
        let (status, answer) = charge(&service.address(), "first").await;
        assert!(status == 504 && answer.contains("so it may be carried out"), "{status} {answer}");
        let ended = service.end();
        let log = service.log();
        assert_eq!(ended.code(), Some(1), "{log}");
        let is_told = |line: &&str| line.contains("a task died that the process needs, which therefore ends");
        let told: Vec<_> = log.lines().filter(is_told).collect();
        let [line] = told[..] else { panic!("{log}") };
        assert!(
            line.contains(r#""level":"ERROR""#) && line.contains(r#""task":"database writer""#),
            "{line}"
        );
        assert!(log.contains("error: a task died that the process needs: database writer"), "{log}");
    }
}
