//! Envoy under log-relay, as in its image: nothing depends on the readers of its two logs.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gateway_tests::{LogPipe, OwnGateway, PipeReader, fresh_key, path_with_log_relay, until};
use local_stack::Programs;
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Much longer than a request takes, and much shorter than one that waited for a reader would take.
const SOON: Duration = Duration::from_secs(5);

/// In each line of the access log, so that few requests make many bytes.
const PADDING: usize = 4_000;

/// More bytes of the access log than relay and pipes hold, by half.
const MANY: usize = 3_200;
const AT_ONCE: usize = 16;

const SLOW_MS: u64 = 2_000;

/// What Envoy may have to write at any moment.
const BUFFERED_MAX: u64 = 1 << 20;

struct Relayed {
    script: Child,
    url: String,
    admin: String,
    http: Client,
    access_log: LogPipe,
    log: LogPipe,
    own: OwnGateway,
}

impl Relayed {
    /// Runs a second Envoy of a gateway by the script. Its own log has everything, too.
    async fn start() -> Self {
        let own = OwnGateway::start(&[]).await;
        let edge = own.stack.second_edge().await.unwrap();
        let (url, admin) = (edge.gateway_url(), format!("http://{}", edge.admin()));
        let admin_listen = edge.admin().to_string();
        drop(edge);
        let folder = own.stack.run_dir().path();
        let bootstrap = folder.join("relayed.yaml");
        fs::write(&bootstrap, bootstrap_of(&own)).unwrap();
        let pipes = ["relayed-access.log", "relayed.log"].map(|name| folder.join(name));
        let [access_log, log] = pipes.each_ref().map(|path| LogPipe::in_place_of(path));
        let [stdout, stderr] = pipes.map(|path| File::options().write(true).open(path).unwrap());

        let mut script = Command::new("bash");
        script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy/run-envoy.sh"));
        script.arg("--config-path").arg(&bootstrap);
        script.args(["--disable-hot-restart", "--concurrency", "1", "--file-flush-interval-msec", "50"]);
        script.args(["--log-level", "debug"]);
        script.env("PATH", path_with_log_relay()).env("ENVOY", Programs::of_this_build().unwrap().envoy);
        script.env("ENVOY_ADMIN_LISTEN", admin_listen).env("DRAIN_NOTICE_SECONDS", "1");
        for name in ["EDGE_ATTESTATION_KEYS", "STRIPE_WEBHOOK_SECRETS"] {
            script.env(name, own.stack.setting(name).unwrap());
        }
        script.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        let script = script.spawn().unwrap();
        let http = Client::builder().no_proxy().timeout(SOON).build().unwrap();
        let relayed = Self { script, url, admin, http, access_log, log, own };
        until("an Envoy that serves", async || {
            let asked = relayed.http.get(format!("{}/payments?limit=1", relayed.url)).bearer_auth("demo-key");
            asked.send().await.ok().filter(|response| response.status().is_success()).map(drop)
        })
        .await;
        relayed
    }

    fn readers(&self, reader: PipeReader) {
        self.access_log.set(reader);
        self.log.set(reader);
    }

    async fn is_charged(&self) {
        let charge = json!({
            "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa",
        });
        let request = self.http.post(format!("{}/payments/charge", self.url)).bearer_auth("demo-key");
        let response = request.header("idempotency-key", fresh_key()).json(&charge).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
        let payment: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
        let transaction = payment["transactionId"].as_str().unwrap();
        assert_eq!(self.own.gateway().effects(transaction).await, ["stripe charge 4999 USD"]);
    }

    async fn is_well(&self) {
        for url in [format!("{}/healthz", self.url), format!("{}/ready", self.admin)] {
            assert_eq!(self.http.get(&url).send().await.unwrap().status().as_u16(), 200, "{url}");
        }
    }

    /// Requests that are logged and cost nothing else: they have no key.
    async fn is_asked(&self, times: usize) {
        let ask = |_| self.asked_in_turn(times / AT_ONCE);
        futures_util::future::join_all((0..AT_ONCE).map(ask)).await;
    }

    async fn asked_in_turn(&self, times: usize) {
        for _ in 0..times {
            let asked = self.http.get(format!("{}/payments", self.url)).send().await.unwrap();
            assert_eq!(asked.status().as_u16(), 401);
        }
    }

    async fn buffered(&self) -> u64 {
        let url = format!("{}/stats?filter=^filesystem.write_total_buffered$", self.admin);
        let stats = self.http.get(url).send().await.unwrap().text().await.unwrap();
        stats.trim().rsplit(' ').next().unwrap().parse().unwrap_or_else(|_| panic!("{stats}"))
    }

    /// Waits until the access log contains a loss for this reason.
    async fn loss_is_told(&self, reason: &str) {
        let loss = until("the line about the loss", async || {
            // The reason of a loss is known when something can be written after it.
            self.is_asked(AT_ONCE).await;
            let text = self.access_log.text();
            let (whole, _) = text.rsplit_once('\n')?;
            let mut losses = whole.lines().filter(|line| line.contains("log lines were lost"));
            losses.rfind(|line| line.contains(reason)).map(str::to_owned)
        })
        .await;
        let loss: Value = serde_json::from_str(&loss).unwrap();
        assert!(loss["lines"].as_u64() > Some(0), "{loss}");
    }

    fn terminate(&self) {
        kill_process(Pid::from_child(&self.script), Signal::TERM).unwrap();
    }

    async fn end(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.script.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Relayed {
    fn drop(&mut self) {
        if self.script.try_wait().is_ok_and(|ended| ended.is_none()) {
            // Relay and Envoy end with it.
            let _ = (self.script.kill(), self.script.wait());
        }
    }
}

/// The second Envoy's configuration, with an access log as in the image and longer lines.
fn bootstrap_of(own: &OwnGateway) -> String {
    const TIME: &str = "time: \"%START_TIME%\"";
    let run_dir = own.stack.run_dir();
    let text = fs::read_to_string(run_dir.path().join("envoy-2.yaml")).unwrap();
    let file = run_dir.log("access-2").display().to_string();
    assert!(text.contains(&file) && text.contains(TIME), "the bootstrap has another access log");
    let text = text.replace(&file, "/dev/stdout");
    let pad = |line: &str| match line.strip_suffix(TIME) {
        Some(indent) => format!("{line}\n{indent}padding: \"{}\"\n", "x".repeat(PADDING)),
        None => format!("{line}\n"),
    };
    text.lines().map(pad).collect()
}

#[tokio::test]
async fn charges_go_on_whatever_the_readers_of_envoys_own_logs_do_and_so_does_the_end() {
    let mut relayed = Relayed::start().await;
    relayed.is_charged().await;
    relayed.readers(PipeReader::Stalls);
    relayed.is_asked(MANY).await;
    for _ in 0..5 {
        relayed.is_charged().await;
    }
    relayed.is_well().await;
    // Envoy got rid of it all, though nobody reads.
    until("an Envoy that has written", async || (relayed.buffered().await < BUFFERED_MAX).then_some(()))
        .await;
    relayed.readers(PipeReader::Reads);
    relayed.loss_is_told("the reader was too slow").await;

    relayed.readers(PipeReader::IsGone);
    relayed.is_asked(AT_ONCE).await;
    for _ in 0..5 {
        relayed.is_charged().await;
    }
    relayed.is_well().await;
    relayed.readers(PipeReader::Reads);
    relayed.loss_is_told("Broken pipe").await;

    relayed.readers(PipeReader::Stalls);
    relayed.is_asked(MANY / 4).await;
    relayed.own.gateway().sandbox.slow_down("stripe", "charge", SLOW_MS).await;
    tokio::join!(relayed.is_charged(), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        relayed.terminate();
    });
    assert_eq!(relayed.end().await, Some(0));
    let ready = relayed.http.get(format!("{}/ready", relayed.admin)).send().await;
    assert!(ready.is_err_and(|error| error.is_connect()), "an Envoy is left");
}
