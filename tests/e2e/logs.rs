//! No payment depends on a log line, whatever happens to the log's reader.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use gateway_tests::{Gateway, HttpResponse, LogDisk, LogPipe, OwnGateway, PipeReader, until};
use serde_json::{Value, json};
use test_services::skipped_here;

/// Much longer than a charge takes, and much shorter than one that waited for the reader would take.
const SOON: Duration = Duration::from_secs(5);

/// The parts that write logs with the gateway's own code, and Envoy's access log.
const LOGS: [&str; 3] = ["control-plane.log", "sandbox.log", "access.log"];

const LOST: &str = "log lines were lost";

async fn is_charged(gateway: &Gateway<'_>) {
    let begun = Instant::now();
    let charge =
        json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" });
    let response = gateway.charge(&charge).await;
    response.succeeds(200, &json!({ "status": "completed" }));
    assert!(begun.elapsed() < SOON, "a charge took {:?}", begun.elapsed());
    assert_eq!(gateway.effects(&response.transaction_id()).await, ["stripe charge 4999 USD"]);
}

async fn is_well(gateway: &Gateway<'_>) {
    for path in ["/healthz", "/readyz"] {
        let probe = gateway.http.get(format!("{}{path}", gateway.stack().control_plane_url())).timeout(SOON);
        assert_eq!(HttpResponse::of(probe).await.status, 200, "{path}");
    }
}

async fn lines_dropped(gateway: &Gateway<'_>) -> u64 {
    let url = format!("{}/metrics", gateway.stack().control_plane_url());
    let metrics = HttpResponse::of(gateway.http.get(url)).await.text();
    let line = metrics.lines().find_map(|line| line.strip_prefix("log_lines_dropped_total "));
    line.unwrap_or_else(|| panic!("no counter in {metrics}")).parse().unwrap()
}

/// A line of the control plane's log that reports how many lines were lost, and why.
async fn loss_is_told(log: impl Fn() -> String, reason: &str) {
    let line = until("the line about the loss", async || {
        let text = log();
        let (whole, _) = text.rsplit_once('\n')?;
        let loss = whole.lines().rfind(|line| line.contains(LOST))?;
        Some(serde_json::from_str::<Value>(loss).unwrap_or_else(|error| panic!("{error}: {loss}")))
    })
    .await;
    assert!(line["lines"].as_u64() > Some(0), "{line}");
    assert!(line["reason"].as_str().unwrap().contains(reason), "{line}");
}

async fn with_pipes(settings: &[(&str, &str)]) -> (OwnGateway, [LogPipe; 3]) {
    let mut pipes = None;
    let prepare = |logs: &Path| pipes = Some(LOGS.map(|log| LogPipe::in_place_of(&logs.join(log))));
    let own = OwnGateway::prepared(prepare, settings).await;
    (own, pipes.unwrap())
}

#[tokio::test]
async fn charges_go_on_without_readers_of_the_logs_and_lines_go_on_with_new_readers() {
    let (own, pipes) = with_pipes(&[]).await;
    let gateway = own.gateway();
    is_charged(&gateway).await;
    assert_eq!(lines_dropped(&gateway).await, 0);
    pipes.iter().for_each(|pipe| pipe.set(PipeReader::IsGone));
    for _ in 0..5 {
        is_charged(&gateway).await;
    }
    is_well(&gateway).await;
    until("lines that are dropped", async || (lines_dropped(&gateway).await > 0).then_some(())).await;
    pipes.iter().for_each(|pipe| pipe.set(PipeReader::Reads));
    is_charged(&gateway).await;
    loss_is_told(|| pipes[0].text(), "Broken pipe").await;
    let dropped = lines_dropped(&gateway).await;
    is_charged(&gateway).await;
    assert_eq!(lines_dropped(&gateway).await, dropped);
}

/// At `trace` the pipe and its buffer are full after a few requests.
#[tokio::test]
async fn charges_go_on_when_nobody_reads_the_logs_and_so_does_the_end() {
    let (own, pipes) = with_pipes(&[("LOG_LEVEL", "trace")]).await;
    let gateway = own.gateway();
    pipes.iter().for_each(|pipe| pipe.set(PipeReader::Stalls));
    until("lines that are dropped", async || {
        is_charged(&gateway).await;
        is_well(&gateway).await;
        (lines_dropped(&gateway).await > 0).then_some(())
    })
    .await;
    for _ in 0..5 {
        is_charged(&gateway).await;
    }
    pipes.iter().for_each(|pipe| pipe.set(PipeReader::Reads));
    loss_is_told(|| pipes[0].text(), "too slow").await;

    pipes.iter().for_each(|pipe| pipe.set(PipeReader::Stalls));
    let before = lines_dropped(&gateway).await;
    until("lines that are dropped again", async || {
        is_charged(&gateway).await;
        (lines_dropped(&gateway).await > before).then_some(())
    })
    .await;
    gateway.terminate("control-plane");
    let ended = Instant::now();
    let mut own = own;
    let end = own.end_of_a_part().await;
    assert!(end.contains("control-plane has ended (exit status: 0)"), "{end}");
    assert!(ended.elapsed() < Duration::from_secs(10), "{:?}", ended.elapsed());
}

#[tokio::test]
async fn charges_go_on_when_nothing_can_be_written_to_the_logs() {
    let full = |logs: &Path| LOGS.iter().for_each(|log| symlink("/dev/full", logs.join(log)).unwrap());
    let own = OwnGateway::prepared(full, &[]).await;
    let gateway = own.gateway();
    for _ in 0..5 {
        is_charged(&gateway).await;
    }
    is_well(&gateway).await;
    assert!(lines_dropped(&gateway).await > 0);
}

/// Logs on a disk of their own that fills up.
#[tokio::test]
async fn lines_go_on_when_a_full_disk_has_room_again() {
    let Some(mut disk) = LogDisk::of(256) else {
        return skipped_here("a small disk cannot be mounted: only root may");
    };
    let own = OwnGateway::prepared(|logs| disk.hold(&logs.join("control-plane.log")), &[]).await;
    let gateway = own.gateway();
    is_charged(&gateway).await;
    disk.fill();
    until("lines that are dropped", async || {
        is_charged(&gateway).await;
        (lines_dropped(&gateway).await > 0).then_some(())
    })
    .await;
    is_well(&gateway).await;
    disk.make_room();
    is_charged(&gateway).await;
    let log = own.gateway().stack().run_dir().log("control-plane");
    loss_is_told(|| fs::read_to_string(&log).unwrap(), "No space left").await;
}
