//! Readers of the event log that are cut at random, and what they have seen in the end. Some read streams, some
//! sockets, some GraphQL subscriptions and some lists; some of them read more slowly than events come, and stop reading
//! for half a minute. Each reads in its own way to the end: a list that has everything says nothing of streams.

mod view;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method as Verb;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use self::view::{SeenEvent, judge, missing};
use super::reader_socket::{EVENTS, End, ReaderSocket, SUBSCRIPTIONS, status_of, subscribe};
use super::reader_stream::ReaderStream;
use super::{CLIENT_IDS, Clients};
use crate::model::Broken;
use crate::records::Event;

/// The cursor before the first event.
const BEGINNING: &str = "evt_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// The pause of a slow reader after each message.
const SLOW: Duration = Duration::from_millis(100);
/// One of so many pauses of a slow reader is much longer.
const STALL_EVERY: u64 = 20;
const STALL_MAX_MS: u64 = 30_000;
/// When a connection is cut at the latest, and that of a slow reader, which outlives a stall.
const CUT_MAX_MS: u64 = 5_000;
const SLOW_CUT_MAX_MS: u64 = 40_000;
/// The pause of a reader of lists that has read all.
const POLL: Duration = Duration::from_millis(500);
/// The pause before a reader that catches up connects again.
const AGAIN: Duration = Duration::from_millis(200);

/// How a reader reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    List,
    Stream,
    Socket,
    Subscription,
    /// Events are left out for it, but never the newest of a payment.
    SlowStream,
    /// As for a slow stream.
    SlowSocket,
    SlowSubscription,
}

/// An odd number, so that each client reads in each way.
const WAYS: [Way; 9] = [
    Way::Stream,
    Way::Socket,
    Way::Subscription,
    Way::List,
    Way::Stream,
    Way::Socket,
    Way::SlowSocket,
    Way::SlowStream,
    Way::SlowSubscription,
];

/// What one reader has seen.
#[derive(Debug)]
pub(crate) struct Reader {
    client: &'static str,
    way: Way,
    /// The event to continue after.
    last: String,
    /// In the order of arrival.
    seen: Vec<SeenEvent>,
    random: u64,
    /// Answers that a reader must never get.
    refused: Vec<String>,
    /// While it catches up: the versions that it has not seen, by payment or refund.
    awaited: Option<HashMap<String, Vec<i64>>>,
}

impl Reader {
    pub(crate) fn new(number: usize, seed: u64) -> Self {
        Self {
            client: CLIENT_IDS[number % CLIENT_IDS.len()],
            way: WAYS[number % WAYS.len()],
            last: BEGINNING.to_owned(),
            seen: Vec::new(),
            random: seed ^ (number as u64 + 101).rotate_left(17),
            refused: Vec::new(),
            awaited: None,
        }
    }

    /// Reads at random gateways, and cuts each connection at a random time, until the clients end.
    pub(crate) async fn read(mut self, clients: Arc<Clients>) -> Self {
        while clients.is_running() {
            let cut_max_ms = if self.may_miss() { SLOW_CUT_MAX_MS } else { CUT_MAX_MS };
            let length = Duration::from_millis(100 + self.next_below(cut_max_ms));
            tokio::select! {
                () = self.connect(&clients) => {}
                () = sleep(length) => {}
                () = clients.over() => {}
            }
            sleep(Duration::from_millis(self.next_below(200))).await;
        }
        self
    }

    /// Reads on in its own way, without cuts and pauses, until it has this trail or the time is up.
    pub(crate) async fn catch_up(&mut self, clients: &Clients, trail: &[&Event], within: Duration) {
        let mut awaited: HashMap<String, Vec<i64>> = HashMap::new();
        for (subject, version) in missing(&self.seen, trail, self.may_miss()) {
            awaited.entry(subject.to_owned()).or_default().push(version);
        }
        self.awaited = Some(awaited);
        let _ = timeout(within, async {
            while !self.has_all() {
                self.connect(clients).await;
                sleep(AGAIN).await;
            }
        })
        .await;
    }

    /// Reads at a random gateway until the connection ends or the reader has what it awaits.
    async fn connect(&mut self, clients: &Clients) {
        let gateway = self.next_below(clients.gateways.len() as u64) as usize;
        let read = match self.way {
            Way::List => self.list(clients, gateway).await,
            Way::Stream | Way::SlowStream => self.stream(clients, gateway).await,
            Way::Socket | Way::SlowSocket => self.socket(clients, gateway).await,
            Way::Subscription | Way::SlowSubscription => self.subscription(clients, gateway).await,
        };
        if let Err(status) = read {
            self.note_refusal(status);
        }
    }

    /// The error, here and below, is the status of a refusal; 0: no connection.
    async fn list(&mut self, clients: &Clients, gateway: usize) -> Result<(), u16> {
        while !self.has_all() {
            let path = format!("/events?after={}", self.last);
            let answer = clients.request(Verb::GET, gateway, self.client, &path).send().await;
            let answer = answer.map_err(|_| 0_u16)?;
            if answer.status() != 200 {
                return Err(answer.status().as_u16());
            }
            let page: Value = answer.json().await.map_err(|_| 0_u16)?;
            for event in page["data"].as_array().into_iter().flatten() {
                self.note(event);
            }
            self.go_on_behind(&page["cursor"]);
            if page["hasMore"] == false {
                sleep(POLL).await;
            }
        }
        Ok(())
    }

    async fn stream(&mut self, clients: &Clients, gateway: usize) -> Result<(), u16> {
        let mut stream = ReaderStream::open(clients, gateway, self.client, &self.last).await?;
        while !self.has_all()
            && let Some(message) = stream.next().await
        {
            if let Some(event) = &message.event {
                self.note(event);
            }
            if let Some(id) = message.id {
                self.last = id;
            }
            self.pause().await;
        }
        Ok(())
    }

    async fn socket(&mut self, clients: &Clients, gateway: usize) -> Result<(), u16> {
        let mut socket = ReaderSocket::open(clients, gateway, self.client, EVENTS).await?;
        socket.send(&json!({ "type": "subscribe", "after": self.last })).await?;
        while !self.has_all() {
            let message = match socket.next().await {
                Ok(message) => message,
                Err(end) => return self.note_end(&end),
            };
            match message["type"].as_str() {
                Some("subscribed" | "heartbeat") => self.go_on_behind(&message["cursor"]),
                Some("event") => self.note(&message["event"]),
                Some("reset") => self.refused.push(format!("reset behind {}", self.last)),
                _ => {}
            }
            self.pause().await;
        }
        Ok(())
    }

    async fn subscription(&mut self, clients: &Clients, gateway: usize) -> Result<(), u16> {
        let mut socket = ReaderSocket::open(clients, gateway, self.client, SUBSCRIPTIONS).await?;
        socket.send(&json!({ "type": "connection_init" })).await?;
        while !self.has_all() {
            let message = match socket.next().await {
                Ok(message) => message,
                Err(end) => return self.note_end(&end),
            };
            let event = &message["payload"]["data"]["paymentEvents"];
            match message["type"].as_str() {
                Some("connection_ack") => socket.send(&subscribe(&self.last)).await?,
                Some("next") if event.is_object() => self.note(event),
                Some("next") => self.refused.push(format!("no event, but {message}, behind {}", self.last)),
                Some("error") => return Err(status_of(&message["payload"])),
                Some("complete") => return Ok(()),
                _ => {}
            }
            self.pause().await;
        }
        Ok(())
    }

    async fn pause(&mut self) {
        if !self.may_miss() || self.awaited.is_some() {
            return;
        }
        if self.next_below(STALL_EVERY) == 0 {
            let stall = self.next_below(STALL_MAX_MS);
            sleep(Duration::from_millis(stall)).await;
        } else {
            sleep(SLOW).await;
        }
    }

    /// A socket that ends is opened again after the last event.
    fn note_end(&mut self, end: &End) -> Result<(), u16> {
        if let End::Blamed(number) = end {
            self.refused.push(format!("closed with {number} behind {}", self.last));
        }
        Ok(())
    }

    fn go_on_behind(&mut self, cursor: &Value) {
        if let Some(cursor) = cursor.as_str() {
            cursor.clone_into(&mut self.last);
        }
    }

    /// Whether it catches up and has caught up.
    fn has_all(&self) -> bool {
        self.awaited.as_ref().is_some_and(HashMap::is_empty)
    }

    fn note(&mut self, event: &Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let subject = if event["refundId"].is_null() { text("transactionId") } else { text("refundId") };
        let (version, may_miss) = (event["version"].as_i64().unwrap_or(-1), self.may_miss());
        if let Some(awaited) = &mut self.awaited
            && let Some(versions) = awaited.get_mut(&subject)
        {
            versions.retain(|awaited| if may_miss { *awaited > version } else { *awaited != version });
            if versions.is_empty() {
                awaited.remove(&subject);
            }
        }
        self.last = text("id");
        self.seen.push(SeenEvent { id: text("id"), subject, version });
    }

    /// An overloaded or dying gateway may refuse; it must not forget the reader's cursor or call it wrong.
    fn note_refusal(&mut self, status: u16) {
        if (400..500).contains(&status) && status != 429 {
            self.refused.push(format!("{status} behind {}", self.last));
        }
    }

    fn next_below(&mut self, bound: u64) -> u64 {
        // Xorshift: the readers' times need no quality.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound.max(1)
    }

    pub(crate) const fn client(&self) -> &'static str {
        self.client
    }

    /// Compares what it saw with the trail of its client: as it was before it caught up, and as it was afterwards. The
    /// gateway may take an abandoned order in between.
    pub(crate) fn judge(&self, before: &[&Event], after: &[&Event]) -> Vec<Broken> {
        let mut broken: Vec<_> = self
            .refused
            .iter()
            .map(|what| Broken::new("P13", format!("a reader was refused: {what}")))
            .collect();
        let wrong = judge(&self.seen, [before, after], self.may_miss());
        broken.extend(wrong.into_iter().map(|what| Broken::new("P13", format!("{:?}: {what}", self.way))));
        broken
    }

    fn may_miss(&self) -> bool {
        matches!(self.way, Way::SlowStream | Way::SlowSocket | Way::SlowSubscription)
    }
}
