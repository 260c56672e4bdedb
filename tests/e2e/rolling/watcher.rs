//! A reader of events that follows a fleet while its parts are restarted.

use std::collections::HashSet;
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::fleet::Fleet;

/// Less than what a client is told to wait, so that there are more connections while parts are away.
const PAUSE: Duration = Duration::from_millis(100);
/// For the last events to come.
const PATIENCE: Duration = Duration::from_secs(30);
/// The cursor before the first event.
const BEGINNING: &str = "evt_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/// Follows completed payments by one stream after the other, each behind the last cursor, at each Envoy in turn.
pub(super) struct Watcher {
    reading: JoinHandle<()>,
    watched: tokio::sync::watch::Receiver<Watched>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Watched {
    completed: HashSet<String>,
    pub(super) connections: usize,
    /// Answers that are no stream. A browser would not connect again behind one.
    refused: Vec<String>,
}

impl Watcher {
    pub(super) fn start(fleet: &Fleet, client: &Client) -> Self {
        let (gateways, client) = (fleet.gateways.clone(), client.clone());
        let (note, watched) = tokio::sync::watch::channel(Watched::default());
        let reading = tokio::spawn(async move {
            let mut last = BEGINNING.to_owned();
            for gateway in gateways.iter().cycle() {
                let url = format!("{gateway}/events?types=payment.completed");
                let request = client.get(url).bearer_auth("demo-key").header("accept", "text/event-stream");
                match request.header("last-event-id", &last).send().await {
                    Ok(stream) if stream.status() == 200 => {
                        note.send_modify(|watched| watched.connections += 1);
                        follow(stream, &mut last, &note).await;
                    }
                    Ok(other) => {
                        let said = format!("{} {}", other.status(), other.text().await.unwrap_or_default());
                        note.send_modify(|watched| watched.refused.push(said));
                    }
                    // An Envoy that is away.
                    Err(_) => {}
                }
                sleep(PAUSE).await;
            }
        });
        Self { reading, watched }
    }

    /// Waits for the events of all these charges, and says what was read.
    pub(super) async fn end(mut self, charges: usize) -> Watched {
        let all = self.watched.wait_for(|watched| watched.completed.len() >= charges);
        let is_complete = timeout(PATIENCE, all).await.is_ok_and(|all| all.is_ok());
        self.reading.abort();
        let watched = self.watched.borrow().clone();
        let seen = watched.completed.len();
        assert!(is_complete && seen == charges, "{seen} of {charges}");
        assert_eq!(watched.refused, Vec::<String>::new());
        watched
    }
}

/// Reads until the stream ends or is cut off.
async fn follow(mut stream: Response, last: &mut String, note: &tokio::sync::watch::Sender<Watched>) {
    let mut text = String::new();
    while let Ok(Some(more)) = stream.chunk().await {
        text.push_str(std::str::from_utf8(&more).unwrap());
        while let Some((message, rest)) = text.split_once("\n\n") {
            for line in message.lines() {
                if let Some(id) = line.strip_prefix("id: ") {
                    id.clone_into(last);
                }
                if let Some(data) = line.strip_prefix("data: ") {
                    let event: Value = serde_json::from_str(data).unwrap();
                    let payment = event["transactionId"].as_str().unwrap().to_owned();
                    note.send_modify(|watched| {
                        watched.completed.insert(payment);
                    });
                }
            }
            text = rest.to_owned();
        }
    }
}
