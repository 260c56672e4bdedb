//! Streams and sockets end after their tenure, so that a key that was removed stops being of use.

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use gateway_tests::{DEMO_2_KEY, Gateway, HttpResponse, OwnGateway, until};
use http::{Request, Version};
use local_stack::DEMO_KEY;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::event_socket::{Socket, refused};
use crate::event_stream::Stream;

async fn charged(gateway: &Gateway<'_>) -> String {
    let charge =
        json!({ "provider": "stripe", "amount": 700, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    gateway.charge(&charge).await.transaction_id()
}

/// The last value of a field of the stream.
fn last<'a>(text: &'a str, field: &str) -> &'a str {
    let prefix = format!("{field}: ");
    text.lines().filter_map(|line| line.strip_prefix(&prefix)).next_back().unwrap()
}

#[tokio::test]
async fn a_stream_that_ends_for_its_tenure_goes_on_where_it_was_even_without_an_event() {
    let own = OwnGateway::start(&[("EVENT_STREAM_SECONDS", "5")]).await;
    let gateway = own.gateway();
    charged(&gateway).await;
    let begun = Instant::now();
    let ended = Stream::open(&gateway, "/events?types=payment.completed", None).await.rest().await;
    assert!((4..=7).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    assert!(ended.contains(": reconnect") && !ended.contains("data:"), "{ended}");
    let retry_ms: u64 = last(&ended, "retry").parse().unwrap();
    assert!((50..500).contains(&retry_ms), "{ended}");
    // While the client was away.
    let payment = charged(&gateway).await;
    let mut again = Stream::open(&gateway, "/events?types=payment.completed", Some(last(&ended, "id"))).await;
    assert_eq!(again.next().await["transactionId"], *payment);
}

#[tokio::test]
async fn a_socket_that_ends_for_its_tenure_says_when_and_where_to_go_on() {
    let own = OwnGateway::start(&[("EVENT_STREAM_SECONDS", "4")]).await;
    let gateway = own.gateway();
    let subscribe = json!({ "type": "subscribe", "types": ["payment.completed"] });
    let mut socket = Socket::subscribed(&gateway, &subscribe).await;
    let (code, reason) = socket.closed().await;
    assert_eq!(code, 1012, "{reason}");
    let reason: Value = serde_json::from_str(&reason).unwrap();
    assert!((50..500).contains(&reason["retryAfterMs"].as_u64().unwrap()), "{reason}");
    let payment = charged(&gateway).await;
    let go_on = json!({ "type": "subscribe", "types": ["payment.completed"], "after": reason["after"] });
    let mut again = Socket::subscribed(&gateway, &go_on).await;
    assert_eq!(again.event().await["transactionId"], *payment);
}

/// Over HTTP/2, Envoy keeps for a reader what it does not read, and waits for it when it drains.
#[tokio::test]
async fn a_stream_that_has_ended_is_not_kept_for_long_for_who_does_not_read_it() {
    let own = OwnGateway::start(&[("EVENT_STREAM_SECONDS", "2")]).await;
    let gateway = own.gateway();
    let mut builder = h2::client::Builder::new();
    // Not even the first message fits.
    builder.initial_window_size(1);
    let connection = TcpStream::connect(gateway.address()).await.unwrap();
    let (client, connection) = builder.handshake::<_, Bytes>(connection).await.unwrap();
    let connection = tokio::spawn(connection);
    let request = Request::get(format!("{}/events", own.stack.gateway_url()))
        .version(Version::HTTP_2)
        .header("authorization", format!("Bearer {DEMO_KEY}"))
        .header("accept", "text/event-stream");
    let mut client = client.ready().await.unwrap();
    let (answer, _) = client.send_request(request.body(()).unwrap(), true).unwrap();
    let unread = answer.await.unwrap();
    assert_eq!(unread.status().as_u16(), 200);
    let ends = async |what: &str, count: &str| {
        until(what, async || (gateway.envoy_count(count).await == 0).then_some(())).await;
    };
    ends("the stream's end at the control plane", "cluster.event_streams.upstream_rq_active").await;
    let ended = Instant::now();
    ends("the stream's end at Envoy", "http.gateway.downstream_rq_active").await;
    assert!(ended.elapsed() < Duration::from_secs(14), "{:?}", ended.elapsed());
    drop(unread);
    connection.abort();
}

const FILTER: &str = "envoy.filters.http.api_key_auth";
const KIND: &str = "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth";

/// Writes the clients' keys as Envoy reads them while it runs.
fn write_keys(folder: &Path, clients: &[(&str, &str)]) {
    let credentials: Vec<_> =
        clients.iter().map(|(client, key)| json!({ "client": client, "key": key })).collect();
    let config = json!({ "@type": KIND, "credentials": credentials,
        "key_sources": [{ "header": "authorization" }],
        "forwarding": { "header": "x-client-id", "hide_credentials": true } });
    let resource = json!({ "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": FILTER, "typed_config": config });
    let fresh = folder.join("keys.new");
    fs::write(&fresh, json!({ "version_info": "1", "resources": [resource] }).to_string()).unwrap();
    fs::rename(fresh, folder.join("keys.json")).unwrap();
}

/// Lets Envoy read the keys from a file that it watches, as some deployments do, and restarts it.
async fn with_keys_from_a_file(own: &mut OwnGateway) {
    let folder = own.stack.run_dir().path().join("keys");
    fs::create_dir(&folder).unwrap();
    write_keys(&folder, &[("demo", DEMO_KEY), ("demo-2", DEMO_2_KEY)]);
    let file = own.stack.run_dir().path().join("envoy.yaml");
    let bootstrap = fs::read_to_string(&file).unwrap();
    let start = format!("- name: {FILTER}\n");
    let (before, filter) = bootstrap.split_once(&start).unwrap();
    let (_, after) = filter.split_once("\n                  - name:").unwrap();
    let source = json!({ "resource_api_version": "V3",
        "path_config_source": { "path": folder.join("keys.json"), "watched_directory": { "path": folder } } });
    let discovery = json!({ "config_source": source, "type_urls": [KIND] });
    let filter =
        format!("{start}                    config_discovery: {discovery}\n                  - name:");
    fs::write(&file, [before, &filter, after].concat()).unwrap();
    own.gateway().kill("envoy");
    own.end_of_a_part().await;
    own.stack.start_again("envoy", &[]).unwrap();
    let gateway = own.gateway();
    until("an Envoy with keys from a file", async || {
        HttpResponse::try_of(gateway.request(Method::GET, "/payments?limit=1")).await.ok()?;
        Some(())
    })
    .await;
}

/// Envoy checks a key when a request comes, so what is open outlives its key there.
#[tokio::test]
async fn a_removed_key_loses_its_streams_and_sockets_while_others_go_on() {
    let mut own = OwnGateway::start(&[("EVENT_STREAM_SECONDS", "10")]).await;
    with_keys_from_a_file(&mut own).await;
    let gateway = own.gateway();
    let (revoked, kept) = (gateway.as_demo_2(), gateway);
    let stream = Stream::open(&revoked, "/events", None).await;
    let mut socket = Socket::connect(&revoked, "/events/socket", Some(DEMO_2_KEY)).await.unwrap();
    let mut other = Stream::open(&kept, "/events?types=payment.completed", None).await;
    assert_eq!(socket.read().await["type"], "hello");
    socket.send(&json!({ "type": "subscribe" })).await;
    assert_eq!(socket.read().await["type"], "subscribed");

    write_keys(&own.stack.run_dir().path().join("keys"), &[("demo", DEMO_KEY)]);
    let begun = Instant::now();
    until("the removal of the key", async || {
        (revoked.get("/payments?limit=1").await.status == 401).then_some(())
    })
    .await;
    assert!(stream.rest().await.contains(": reconnect"));
    assert_eq!(socket.closed().await.0, 1012);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let again = revoked.request(Method::GET, "/events").header("accept", "text/event-stream");
    HttpResponse::of(again).await.refuses(401, "UNAUTHENTICATED");
    assert_eq!(refused(Socket::connect(&revoked, "/events/socket", Some(DEMO_2_KEY)).await), 401);

    // The other client, whose stream began at the same time, only has to come back.
    if begun.elapsed() < Duration::from_secs(7) {
        let payment = charged(&kept).await;
        assert_eq!(other.next().await["transactionId"], *payment);
    }
    let ended = other.rest().await;
    sleep(Duration::from_millis(100)).await;
    let mut again = Stream::open(&kept, "/events?types=payment.completed", Some(last(&ended, "id"))).await;
    let payment = charged(&kept).await;
    while again.next().await["transactionId"] != *payment {}
}
