//! A service whose clock is not the edge's. The edge's clock is the time in what it signs, so these tests sign.

use edge_core::attestation::{HEADER, Keys, Request, Statement};
use edge_core::client::ClientId;
use payments::ports::clock::{Clock as _, SystemClock};

use super::KEYS;
use super::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn an_edges_clock_is_shown_and_warned_about_before_its_requests_are_refused() {
    let service = Service::start(&[]);
    let (client, address) = (reqwest::Client::builder().no_proxy().build().unwrap(), service.address());
    let metrics =
        async || client.get(format!("http://{address}/metrics")).send().await.unwrap().text().await.unwrap();
    let ask = async |ahead_s: i64| {
        let now_s = u64::try_from(SystemClock.now().as_second() + ahead_s).unwrap();
        let id = format!("req-{}", ahead_s.unsigned_abs());
        let statement = Statement { client: ClientId::parse("demo"), ..Statement::anonymous(id) };
        let seen = Request::new("GET", "/payments", b"");
        let header = Keys::parse(KEYS.1).unwrap().sign(&seen, &statement, now_s);
        let asked = client.get(format!("http://{address}/payments")).header(HEADER, header);
        asked.send().await.unwrap().status().as_u16()
    };
    assert!(metrics().await.lines().any(|line| line == "edge_clock_ahead_seconds 0"));
    assert_eq!(ask(1).await, 200);
    assert!(!service.log().contains("clock differs"), "{}", service.log());
    // Short of the minute by what a slow machine takes.
    for ahead_s in [50, -50] {
        assert_eq!(ask(ahead_s).await, 200, "{ahead_s}");
    }
    let shown = metrics().await;
    let value = shown.lines().find_map(|line| line.strip_prefix("edge_clock_ahead_seconds "));
    let value: f64 = value.unwrap().parse().unwrap();
    assert!(value.abs() > 40.0, "{value}");
    service.until("an edge's clock differs from ours");
    for ahead_s in [75, -75] {
        assert_eq!(ask(ahead_s).await, 401, "{ahead_s}");
    }
    let shown = metrics().await;
    let refused =
        shown.lines().find(|line| line.starts_with(r#"attestations_refused_total{reason="stale"}"#));
    assert!(refused.is_some_and(|line| line.ends_with(" 2")), "{shown}");
}
