//! A process whose files may grow no further (`ulimit -f`).

use std::fs::{self, File};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use edge_core::attestation::{HEADER, Keys, Request, Statement};
use edge_core::client::ClientId;
use reqwest::{Client, Response};
use rustix::process::{Pid, Resource, Rlimit, Signal, prlimit};

use super::service::Service;
use super::{KEYS, run};

const CHARGE: &str =
    r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
const NOWHERE: [(&str, &str); 2] =
    [("STRIPE_SECRET_KEY", "sk_test_1"), ("STRIPE_API_BASE", "http://127.0.0.1:9")];

/// Files of the service may grow to this length.
fn limit(service: &Service, bytes: Option<u64>) {
    let limit = Rlimit { current: bytes, maximum: None };
    prlimit(Some(Pid::from_child(&service.child)), Resource::Fsize, limit).unwrap();
}

async fn get(service: &Service, path: &str) -> Response {
    Client::new().get(format!("http://{}{path}", service.address())).send().await.unwrap()
}

async fn charge(service: &Service) -> (u16, String) {
    let client = ClientId::parse("demo");
    let statement = Statement { client, ..Statement::anonymous("r-1".to_owned()) };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let request = Request::new("POST", "/payments/charge", CHARGE.as_bytes());
    let attestation = Keys::parse(KEYS.1).unwrap().sign(&request, &statement, now);
    let sent = Client::new().post(format!("http://{}/payments/charge", service.address()));
    let sent = sent.header(HEADER, attestation).header("content-type", "application/json").body(CHARGE);
    let answer = sent.send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn until_ready(service: &Service, is_ready: bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while get(service, "/readyz").await.status().is_success() != is_ready {
        assert!(Instant::now() < deadline, "never ready: {is_ready}; {}", service.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// What the health check of images says of it.
fn checked(service: &Service) -> (bool, String) {
    run(service.folder.path(), &["ready", &service.address()], &[])
}

#[tokio::test]
async fn a_health_check_says_whether_a_process_is_ready_and_why_not() {
    let mut service = Service::start(&NOWHERE);
    until_ready(&service, true).await;
    assert_eq!(checked(&service), (true, String::new()));
    limit(&service, Some(fs::metadata(service.folder.path().join("gateway.db-wal")).unwrap().len()));
    charge(&service).await;
    until_ready(&service, false).await;
    let (is_ready, why) = checked(&service);
    assert!(!is_ready && why.contains("is not ready (503"), "{why}");
    service.signal(Signal::KILL);
    service.end();
    let (is_ready, why) = checked(&service);
    assert!(!is_ready && why.contains("does not answer"), "{why}");
}

#[tokio::test]
async fn a_database_that_may_not_grow_takes_no_charge_and_the_service_lives_on() {
    let service = Service::start(&NOWHERE);
    until_ready(&service, true).await;
    let log = fs::metadata(service.folder.path().join("gateway.db-wal")).unwrap().len();
    limit(&service, Some(log));
    let (status, text) = charge(&service).await;
    assert!(status == 503 && text.contains("so this request was not carried out"), "{status} {text}");
    until_ready(&service, false).await;
    service.until("the limit of file sizes (`ulimit -f`) is reached");
    limit(&service, None);
    until_ready(&service, true).await;
    let (status, text) = charge(&service).await;
    assert_eq!(status, 202, "the provider is away, and the charge is kept: {text}");
}

#[tokio::test]
async fn a_log_that_may_not_grow_loses_lines_and_the_service_lives_on() {
    const MAX: u64 = 16 * 1024 * 1024;
    let service = Service::start(&[]);
    let address = service.address();
    File::options().append(true).open(service.folder.path().join("log")).unwrap().set_len(MAX).unwrap();
    limit(&service, Some(MAX));
    // Says in the log that nothing has changed.
    service.signal(Signal::HUP);
    for _ in 0..300 {
        let shown = Client::new().get(format!("http://{address}/metrics")).send().await.unwrap();
        let shown = shown.text().await.unwrap();
        let dropped = shown.lines().find_map(|line| line.strip_prefix("log_lines_dropped_total "));
        if dropped.is_some_and(|lines| lines != "0") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no line is lost");
}
