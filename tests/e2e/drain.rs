//! Envoy as it runs in a container is stopped while a charge is in flight, streams of events are open, and others ask
//! on connections that stay open.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use futures_util::SinkExt as _;
use gateway_tests::{OwnGateway, until};
use http::{Request, Version};
use local_stack::Programs;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::event_stream::Stream;

const SLOW_MS: u64 = 3_000;
/// What the runner and Envoy say, in the stack's folder.
const LOG: &str = "run-envoy.log";
/// Less than the time before Envoy refuses connections: each client is told in an answer that its connection ends.
const PAUSE: Duration = Duration::from_millis(50);

/// Kills Envoy, too, if the test fails: it ends only by SIGTERM to its runner.
struct Runner(Child);

impl Runner {
    fn start(bootstrap: &Path, admin: &str, own: &OwnGateway) -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy/run-envoy.sh");
        let mut command = Command::new("bash");
        command.arg(script).arg("--config-path").arg(bootstrap);
        command.args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]);
        command.env("ENVOY", Programs::of_this_build().unwrap().envoy).env("ENVOY_ADMIN_LISTEN", admin);
        command.env("DRAIN_NOTICE_SECONDS", "1");
        // Orchestrators mount secrets as files.
        for name in ["EDGE_ATTESTATION_KEYS", "STRIPE_WEBHOOK_SECRETS"] {
            let file = own.stack.run_dir().path().join(name);
            std::fs::write(&file, format!("{}\n", own.stack.setting(name).unwrap())).unwrap();
            command.env_remove(name).env(format!("{name}_FILE"), file);
        }
        let log = File::create(own.stack.run_dir().path().join(LOG)).unwrap();
        Self(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn terminate(&self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
    }

    async fn end(&mut self) -> ExitStatus {
        let waited = std::time::Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status;
            }
            assert!(waited.elapsed() < Duration::from_secs(20), "Envoy does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Runner {
    fn drop(&mut self) {
        if self.0.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.terminate();
            std::thread::sleep(Duration::from_secs(2));
            let _ = (self.0.kill(), self.0.wait());
        }
    }
}

/// Asks again and again on a connection of HTTP/1.1 until an answer says that it is the last one. Counts the answers,
/// none of which is a failure.
async fn until_told_by_http1(url: String) -> usize {
    let client = reqwest::Client::builder().no_proxy().http1_only().build().unwrap();
    let mut answers = 0;
    loop {
        let asked = client.get(format!("{url}/payments?limit=1")).bearer_auth("demo-key").send().await;
        let answer = asked.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        let is_last = answer.headers().get("connection").is_some_and(|value| value == "close");
        answer.bytes().await.expect("a whole answer");
        answers += 1;
        if is_last {
            return answers;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The same on one of HTTP/2, until a GOAWAY. What was sent before is answered.
async fn until_told_by_http2(url: String) -> usize {
    let stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let (mut client, connection) = h2::client::handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut answers = 0;
    while let Ok(mut ready) = client.ready().await {
        let request = Request::get(format!("{url}/payments?limit=1")).version(Version::HTTP_2);
        let request = request.header("authorization", "Bearer demo-key").body(()).unwrap();
        let Ok((response, _)) = ready.send_request(request, true) else { break };
        let (head, mut body) = response.await.expect("an answer").into_parts();
        assert_eq!(head.status.as_u16(), 200);
        while let Some(piece) = body.data().await {
            let length = piece.expect("a whole answer").len();
            body.flow_control().release_capacity(length).unwrap();
        }
        answers += 1;
        tokio::time::sleep(PAUSE).await;
        client = ready;
    }
    connection.abort();
    answers
}

#[tokio::test]
async fn an_envoy_that_is_asked_to_end_finishes_a_slow_charge_and_waits_for_no_stream() {
    let own = OwnGateway::start(&[]).await;
    // It writes a bootstrap for free ports, which the runner takes over.
    let edge = own.stack.second_edge().await.unwrap();
    let (url, admin) = (edge.gateway_url(), edge.admin().to_string());
    drop(edge);
    let bootstrap = own.stack.run_dir().path().join("envoy-2.yaml");
    let mut runner = Runner::start(&bootstrap, &admin, &own);
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let listed = async || {
        let asked = client.get(format!("{url}/payments?limit=1")).bearer_auth("demo-key").send().await;
        asked.ok().filter(|response| response.status().is_success()).map(drop)
    };
    until("an Envoy that serves", listed).await;

    // They would last for longer than this test waits for the end of Envoy.
    let _stream = Stream::of(client.get(format!("{url}/events")).bearer_auth("demo-key")).await;
    let socket = format!("ws://{}/events/socket", url.trim_start_matches("http://"));
    let mut handshake = socket.into_client_request().unwrap();
    handshake.headers_mut().insert("authorization", "Bearer demo-key".parse().unwrap());
    let (mut socket, _) = connect_async(handshake).await.unwrap();
    socket.send(Message::text(r#"{"type":"subscribe"}"#)).await.unwrap();

    own.gateway().sandbox.slow_down("stripe", "charge", SLOW_MS).await;
    let charge = client
        .post(format!("{url}/payments/charge"))
        .bearer_auth("demo-key")
        .header("idempotency-key", "drained")
        .json(&json!({
            "provider": "stripe", "amount": 520, "currency": "USD", "paymentMethodId": "pm_card_visa",
        }))
        .send();
    let told = [
        tokio::spawn(until_told_by_http1(url.clone())),
        tokio::spawn(until_told_by_http1(url.clone())),
        tokio::spawn(until_told_by_http2(url.clone())),
        tokio::spawn(until_told_by_http2(url.clone())),
    ];
    let (charge, ()) = tokio::join!(charge, async {
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        runner.terminate();
    });
    let charge = charge.expect("the charge is answered");
    assert_eq!(charge.status().as_u16(), 200, "{}", charge.text().await.unwrap());
    for client in told {
        let answers = client.await.expect("no request on a connection that was open fails");
        assert!(answers > 1, "{answers}");
    }
    // It has lost no request, and does not wait for streams.
    assert!(runner.end().await.success());
    let log = std::fs::read_to_string(own.stack.run_dir().path().join(LOG)).unwrap();
    assert!(log.contains("streams and sockets of events cut off with Envoy: 2"), "{log}");
    assert!(client.get(format!("{url}/payments")).send().await.is_err_and(|error| error.is_connect()));
}
