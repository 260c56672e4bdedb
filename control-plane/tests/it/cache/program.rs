//! `control-plane edge-cache`, the program.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use test_services::RedisServer;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{ChildStderr, Command};
use tokio::time::timeout;

use crate::common::{LISTENS, listening_address};

const KEY: &str = "k1:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

#[tokio::test]
async fn an_edge_cache_checks_its_redis_survives_a_hang_up_and_ends_despite_its_callers() {
    const DROPS: [&str; 4] = ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"];
    let Some(redis) = RedisServer::own(&DROPS).await else { return };
    let mut command = Command::new(control_plane_tests::program());
    command.arg("edge-cache").env_clear().kill_on_drop(true);
    command.env("REDIS_URI", redis.uri()).env("EDGE_ATTESTATION_KEYS", KEY);
    command.env("EDGE_CACHE_LISTEN", "127.0.0.1:0");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // Nobody has claimed anything yet. Which of the two is said first is open.
    let said = timeout(Duration::from_secs(10), async {
        let (mut address, mut is_warned) = (None, false);
        loop {
            let line = lines.next_line().await.unwrap().expect("it goes on");
            is_warned |= line.contains("maxmemory-policy should be noeviction");
            address = address.or(listening_address(&line));
            if let (Some(address), true) = (&address, is_warned) {
                return address.clone();
            }
        }
    });
    let address = said.await.expect("where it listens, and what Redis may drop, are told at the start");
    let rest = tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    let mut open = Vec::new();
    for half in ["POST /claims HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{", "GET /heal", ""] {
        let mut connection = TcpStream::connect(&address).await.unwrap();
        connection.write_all(half.as_bytes()).await.unwrap();
        open.push(connection);
    }
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::HUP).unwrap();
    let ready = reqwest::get(format!("http://{address}/readyz")).await.unwrap();
    assert_eq!(ready.status().as_u16(), 200);

    let begun = Instant::now();
    kill_process(pid, Signal::TERM).unwrap();
    let status = timeout(Duration::from_secs(30), child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    // Container engines wait for 10 s.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    rest.await.unwrap();
}

/// The next line of a log that has `text` in it.
async fn line_with(lines: &mut Lines<BufReader<ChildStderr>>, text: &str) -> String {
    let line = async {
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if line.contains(text) {
                return line;
            }
        }
    };
    timeout(Duration::from_secs(10), line).await.unwrap_or_else(|_| panic!("no line says {text}"))
}

#[tokio::test]
async fn a_hang_up_changes_the_level_of_the_logs_and_names_what_waits_for_a_restart() {
    let Some(redis) = RedisServer::own(&[]).await else { return };
    let file = tempfile::NamedTempFile::new().unwrap();
    let settings = |more: &str| {
        let text = format!("REDIS_URI={}\nEDGE_CACHE_LISTEN=127.0.0.1:0\n{more}", redis.uri());
        std::fs::write(file.path(), text).unwrap();
    };
    settings("");
    let mut command = Command::new(control_plane_tests::program());
    command.arg("edge-cache").env_clear().env("EDGE_ATTESTATION_KEYS", KEY).kill_on_drop(true);
    command.arg("--config").arg(file.path());
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    line_with(&mut lines, LISTENS).await;
    let pid = Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap()).unwrap();
    let hang_up = || kill_process(pid, Signal::HUP).unwrap();

    hang_up();
    line_with(&mut lines, "no setting has changed").await;
    settings("LOG_LEVEL=loud");
    hang_up();
    line_with(&mut lines, "`loud` is no level").await;
    settings("LOG_LEVEL=error\nREDIS_TIMEOUT_MS");
    hang_up();
    line_with(&mut lines, "line 4 is not `KEY=value`").await;

    // `info` is let through again only where the last one has taken effect.
    settings("LOG_LEVEL=error\nEDGE_CACHE_ANSWERS_SECONDS=60");
    hang_up();
    line_with(&mut lines, "LOG_LEVEL changes").await;
    settings("EDGE_CACHE_ANSWERS_SECONDS=60");
    tokio::time::sleep(Duration::from_millis(500)).await;
    hang_up();
    let line = lines.next_line().await.unwrap().unwrap();
    assert!(line.contains("LOG_LEVEL changes") && line.contains("info"), "{line}");
    settings("");
    hang_up();
    let line = line_with(&mut lines, "take effect at the next start").await;
    assert!(line.contains("EDGE_CACHE_ANSWERS_SECONDS"), "{line}");
    kill_process(pid, Signal::TERM).unwrap();
    assert!(timeout(Duration::from_secs(10), child.wait()).await.unwrap().unwrap().success());
}

#[tokio::test]
async fn an_edge_cache_says_each_change_of_its_readiness_with_the_reason_and_shows_it() {
    let Some(redis) = RedisServer::own(&["--maxmemory-policy", "noeviction"]).await else { return };
    let mut command = Command::new(control_plane_tests::program());
    command.arg("edge-cache").env_clear().kill_on_drop(true);
    command.env("REDIS_URI", redis.uri()).env("EDGE_ATTESTATION_KEYS", KEY);
    command.env("EDGE_CACHE_LISTEN", "127.0.0.1:0");
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = line_with(&mut lines, LISTENS).await;
    let address = listening_address(&line).unwrap();
    let shown = async |path: &str| {
        reqwest::get(format!("http://{address}{path}")).await.unwrap().text().await.unwrap()
    };
    let gauge = async |value: u8| shown("/metrics").await.contains(&format!("edge_cache_writable {value}"));

    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let line = line_with(&mut lines, "the edge cache takes no claims").await;
    assert!(line.contains("OOM"), "{line}");
    assert!(gauge(0).await && shown("/readyz").await.contains("OOM"));
    redis.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    line_with(&mut lines, "the edge cache takes claims again").await;
    assert!(gauge(1).await);

    redis.run::<()>(&["REPLICAOF", "127.0.0.1", "1"]).await;
    let line = line_with(&mut lines, "the edge cache takes no claims").await;
    assert!(line.to_lowercase().contains("read only") || line.contains("READONLY"), "{line}");
}
