//! A stream (server-sent events) of a reader, as a browser's `EventSource` reads it.

use std::time::Duration;

use reqwest::{Method as Verb, Response};
use serde_json::Value;

use super::Clients;

/// Longer than any stream here: the shared client's limit is for requests.
const WHOLE: Duration = Duration::from_secs(60);

pub(super) struct ReaderStream {
    response: Response,
    text: String,
}

pub(super) struct Message {
    /// Where to continue, also without an event.
    pub(super) id: Option<String>,
    pub(super) event: Option<Value>,
}

impl ReaderStream {
    /// All events after `last`. The error is the status of a refusal; 0: no connection.
    pub(super) async fn open(
        clients: &Clients,
        gateway: usize,
        client: &str,
        last: &str,
    ) -> Result<Self, u16> {
        let request = clients.request(Verb::GET, gateway, client, "/events");
        let request = request.header("accept", "text/event-stream").header("last-event-id", last);
        let response = request.timeout(WHOLE).send().await.map_err(|_| 0_u16)?;
        if response.status() != 200 {
            return Err(response.status().as_u16());
        }
        Ok(Self { response, text: String::new() })
    }

    /// The next message; `None` at the end.
    pub(super) async fn next(&mut self) -> Option<Message> {
        loop {
            if let Some((message, rest)) = self.text.split_once("\n\n") {
                let field = |name| message.lines().find_map(|line| line.strip_prefix(name));
                let event = field("data: ").and_then(|data| serde_json::from_str(data).ok());
                let message = Message { id: field("id: ").map(str::to_owned), event };
                self.text = rest.to_owned();
                return Some(message);
            }
            let more = self.response.chunk().await.ok()??;
            self.text.push_str(&String::from_utf8_lossy(&more));
        }
    }
}
