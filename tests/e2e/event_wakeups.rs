//! Two control planes on one database: notices of commits go over Redis, and events arrive without it, too.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use edge_core::attestation::{self, Keys, Statement};
use edge_core::client::ClientId;
use gateway_tests::{Gateway, HttpResponse, OwnGateway, sum_of, until};
use local_stack::Programs;
use serde_json::json;
use test_services::{PostgresServer, RedisServer};
use tokio::time::sleep;

use crate::event_stream::Stream;

/// A second control plane beside the stack's own, which no Envoy knows. It is killed when dropped.
struct Second {
    address: SocketAddr,
    child: Child,
}

impl Second {
    async fn start(own: &OwnGateway) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = own.stack.run_dir().env_file();
        let mut command = Command::new(Programs::of_this_build().unwrap().control_plane);
        command.arg("--config").arg(config).arg("serve").env("CONTROL_PLANE_LISTEN", address.to_string());
        command.env("EDGE_CACHE_LISTEN", "off").env("WORKERS", "0").env("EVENT_STREAM_SECONDS", "600");
        let log = File::create(own.stack.run_dir().log("control-plane-2")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let second = Self { address, child: command.spawn().unwrap() };
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        until("a second control plane", async || {
            let ready = client.get(format!("http://{address}/readyz")).send().await.ok()?;
            ready.status().is_success().then_some(())
        })
        .await;
        second
    }

    /// A stream of the client `demo` at this control plane, attested as its edge would.
    async fn stream(&self, gateway: &Gateway<'_>) -> Stream {
        let path = "/events?types=payment.completed";
        let keys = Keys::parse(gateway.stack().setting("EDGE_ATTESTATION_KEYS").unwrap()).unwrap();
        let client = ClientId::parse("demo");
        let claims = Statement { client, ..Statement::anonymous("second".to_owned()) };
        let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let attestation = keys.sign(&attestation::Request::new("GET", path, b""), &claims, now_s);
        let request = gateway.http.get(format!("http://{}{path}", self.address));
        Stream::of(request.header(attestation::HEADER, attestation)).await
    }

    /// How many reads that found events something has caused.
    async fn woken(&self, gateway: &Gateway<'_>, by: &str) -> u64 {
        let metrics = gateway.http.get(format!("http://{}/metrics", self.address));
        let text = HttpResponse::of(metrics).await.text();
        sum_of(&text, "event_wakeups_total", &format!("by=\"{by}\""))
    }
}

impl Drop for Second {
    fn drop(&mut self) {
        let _ = (self.child.kill(), self.child.wait());
    }
}

async fn charged(gateway: &Gateway<'_>) -> String {
    let charge =
        json!({ "provider": "stripe", "amount": 700, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    gateway.charge(&charge).await.transaction_id()
}

#[tokio::test]
async fn events_of_another_control_plane_come_by_word_of_it_and_without_redis_by_reading() {
    let (Some(postgres), Some(mut redis)) = (PostgresServer::own().await, RedisServer::own(&[]).await) else {
        return;
    };
    let database = postgres.database().await;
    let own = OwnGateway::start(&[
        ("DB_URI", database.uri()),
        ("REDIS_URI", redis.uri()),
        ("EVENT_STREAM_SECONDS", "600"),
    ])
    .await;
    let gateway = own.gateway();
    let second = Second::start(&own).await;
    let mut stream = second.stream(&gateway).await;
    let by_word = second.woken(&gateway, "others").await;
    let payment = charged(&gateway).await;
    assert_eq!(stream.next().await["transactionId"], *payment);
    assert!(
        second.woken(&gateway, "others").await > by_word,
        "the notice of a commit wakes the other's reader"
    );
    assert_eq!(second.woken(&gateway, "own").await, 0, "it has committed nothing itself");

    redis.kill();
    // What was said before is heard by then.
    sleep(Duration::from_millis(500)).await;
    let by_clock = second.woken(&gateway, "clock").await;
    let by_word = second.woken(&gateway, "others").await;
    let payment = charged(&gateway).await;
    assert_eq!(stream.next().await["transactionId"], *payment);
    assert!(second.woken(&gateway, "clock").await > by_clock, "without Redis, reading finds it");
    assert_eq!(second.woken(&gateway, "others").await, by_word);

    redis.start_again().await;
    // Both processes connect again within seconds.
    for attempt in 0.. {
        let payment = charged(&gateway).await;
        while stream.next().await["transactionId"] != *payment {}
        if second.woken(&gateway, "others").await > by_word {
            break;
        }
        assert!(attempt < 40, "no word over the new Redis");
        sleep(Duration::from_millis(500)).await;
    }
}
