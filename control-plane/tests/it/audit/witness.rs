//! A witness beside the log, as <https://c2sp.org/tlog-witness> has it.

use std::sync::{Arc, Mutex};

use audit_proof::{Checkpoint, Hash, Note, SigningKey, Trust};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use control_plane::audit::anchor_file::AnchorFile;
use control_plane::audit::anchors::Anchors;
use control_plane::audit::sealer::AnchorPlaces;
use control_plane::audit::witness::Witness;
use payments_providers::Outgoing;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::trail::*;
use crate::common::*;

#[expect(dead_code, reason = "a witness asks only whether a tree continues another")]
#[path = "../../../audit-proof/tests/rfc9162/mod.rs"]
mod rfc9162;

/// What it saw last, and how often it signed.
#[derive(Default)]
struct WitnessState {
    last: Option<Checkpoint>,
    signed: u32,
}

fn own_key() -> SigningKey {
    format!("witness.example/w1:{}", "09".repeat(32)).parse().unwrap()
}

type WitnessAnswer = (StatusCode, String);

/// `add-checkpoint`. It signs with the algorithm of the log: how it signs does not matter here.
async fn add(State(seen): State<Arc<Mutex<WitnessState>>>, body: String) -> WitnessAnswer {
    let mut seen = seen.lock().unwrap();
    let (head, note) = body.split_once("\n\n").unwrap();
    let mut lines = head.lines();
    let old: u64 = lines.next().unwrap().strip_prefix("old ").unwrap().parse().unwrap();
    let proof: Vec<Hash> = lines.map(|line| line.parse().unwrap()).collect();
    let note: Note = note.parse().unwrap();
    if note.trust(&[key().public().clone()]) != Trust::Signed {
        return (StatusCode::FORBIDDEN, String::new());
    }
    let checkpoint: Checkpoint = note.text().parse().unwrap();
    let last = seen.last.as_ref().map_or(0, |last| last.size);
    if old != last {
        return (StatusCode::CONFLICT, format!("{last}\n"));
    }
    let continues = seen
        .last
        .as_ref()
        .is_none_or(|last| rfc9162::continues(old, last.root, checkpoint.size, checkpoint.root, &proof));
    if !continues || old == 0 && !proof.is_empty() {
        return (StatusCode::UNPROCESSABLE_ENTITY, String::new());
    }
    // The whole text, with what the log adds to a checkpoint.
    let signed = Note::sign(note.text().to_owned(), &own_key()).to_string();
    seen.last = Some(checkpoint);
    seen.signed += 1;
    (StatusCode::OK, signed.rsplit_once("\n\n").unwrap().1.to_owned())
}

async fn start(seen: &Arc<Mutex<WitnessState>>) -> reqwest::Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/log/", listener.local_addr().unwrap()).parse().unwrap();
    let router = Router::new().route("/log/add-checkpoint", post(add)).with_state(seen.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

fn places(trail: &Trail, url: &reqwest::Url) -> AnchorPlaces {
    let (file, witness) =
        (AnchorFile::new(trail.anchors()), Witness::new(url, &Outgoing::default()).unwrap());
    AnchorPlaces { file: Some(file), witness: Some(witness) }
}

#[tokio::test]
async fn a_witness_signs_each_checkpoint_that_continues_the_last() {
    let (seen, trail) = (Arc::default(), Trail::new(TestStore::sqlite().await));
    let url = start(&seen).await;
    let mut sealer = trail.sealer_with("a", places(&trail, &url)).await;
    for n in 1..=9 {
        trail.pay(n).await;
        trail.seal_by(&mut sealer, EACH * u64::from(n)).await;
    }
    // One that has just started does not know what the witness saw last.
    let mut other = trail.sealer_with("a", places(&trail, &url)).await;
    trail.pay(10).await;
    trail.seal_by(&mut other, 30).await;
    assert_eq!(seen.lock().unwrap().signed, 10);
    let text = std::fs::read_to_string(trail.anchors()).unwrap();
    assert_eq!(text.matches("\u{2014} witness.example/w1 ").count(), 10);
    let signed = Anchors::read(&text, &[own_key().public().clone()]);
    assert_eq!((signed.signed.len(), signed.forged), (10, None));
    let report = trail.verify().await;
    assert!(report.is_whole() && report.anchored == 10, "{report}");
}

#[tokio::test]
async fn without_its_witness_a_log_is_sealed_and_anchored_but_a_fork_gets_no_signature() {
    let (seen, trail) = (Arc::default(), Trail::new(TestStore::sqlite().await));
    let nowhere = "http://127.0.0.1:9/".parse().unwrap();
    let mut sealer = trail.sealer_with("a", places(&trail, &nowhere)).await;
    trail.pay(1).await;
    trail.seal_by(&mut sealer, 3).await;
    assert!(trail.verify().await.is_whole());
    assert!(!std::fs::read_to_string(trail.anchors()).unwrap().contains("witness"));

    let url = start(&seen).await;
    let root = Hash::of_nothing();
    seen.lock().unwrap().last = Some(Checkpoint { origin: "shop.example/audit".to_owned(), size: 2, root });
    let mut sealer = trail.sealer_with("a", places(&trail, &url)).await;
    trail.pay(2).await;
    trail.seal_by(&mut sealer, 6).await;
    assert_eq!(seen.lock().unwrap().signed, 0, "it saw another tree");
    assert!(!std::fs::read_to_string(trail.anchors()).unwrap().contains("witness"));
}

#[tokio::test]
async fn a_witness_is_asked_through_the_proxy_that_leads_out() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let way = format!("http://127.0.0.1:{}", proxy.local_addr().unwrap().port());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = proxy.accept().await.unwrap();
        let (mut head, mut part) = (Vec::new(), [0; 256]);
        while !head.ends_with(b"\r\n\r\n") {
            let n = stream.read(&mut part).await.unwrap();
            assert!(n > 0, "it ends early");
            head.extend_from_slice(&part[..n]);
        }
        String::from_utf8(head).unwrap()
    });
    let trail = Trail::new(TestStore::sqlite().await);
    let url = "https://witness.example/log".parse().unwrap();
    let witness = Witness::new(&url, &Outgoing::default().through(&way).unwrap()).unwrap();
    let file = Some(AnchorFile::new(trail.anchors()));
    let mut sealer = trail.sealer_with("a", AnchorPlaces { file, witness: Some(witness) }).await;
    trail.pay(1).await;
    // The proxy hangs up, so the checkpoint is not cosigned; it is sealed all the same.
    trail.seal_by(&mut sealer, EACH).await;
    let head = asked.await.unwrap();
    assert!(head.starts_with("CONNECT witness.example:443 "), "{head}");
}
