//! Readers of the event log that are cut at random, and what they have seen in the end. Some read streams, some sockets,
//! and some of the sockets more slowly than events come.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method as Verb;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use super::reader_socket::ReaderSocket;
use super::{CLIENT_IDS, Clients};
use crate::model::Broken;
use crate::records::Event;

/// The place before the first event.
const BEGINNING: &str = "evt_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// Everything committed can be read within this time after the last fault.
const READ_WITHIN: Duration = Duration::from_secs(20);

/// The pause of a slow reader after each event.
const SLOW: Duration = Duration::from_millis(100);

/// How a reader reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Stream,
    Socket,
    /// Events are left out for it, but never the newest of a payment.
    SlowSocket,
}

const WAYS: [Way; 5] = [Way::Stream, Way::Socket, Way::Stream, Way::Socket, Way::SlowSocket];

/// What one reader has seen.
#[derive(Debug)]
pub(crate) struct Reader {
    client: &'static str,
    way: Way,
    /// The event to continue behind.
    last: String,
    /// In the order of arrival.
    seen: Vec<Seen>,
    random: u64,
    /// Answers that a reader must never get.
    refused: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) id: String,
    /// The payment or refund.
    pub(crate) subject: String,
    pub(crate) version: i64,
}

impl Reader {
    pub(crate) fn new(number: usize, seed: u64) -> Self {
        let (client, way) = (CLIENT_IDS[number % CLIENT_IDS.len()], WAYS[number % WAYS.len()]);
        let random = seed ^ (number as u64 + 101).rotate_left(17);
        Self { client, way, last: BEGINNING.to_owned(), seen: Vec::new(), random, refused: Vec::new() }
    }

    /// Reads at random gateways, and cuts each connection at a random time, until the clients end.
    pub(crate) async fn read(mut self, clients: Arc<Clients>) -> Self {
        while clients.is_running() {
            let gateway = self.next_below(clients.gateways.len() as u64) as usize;
            let length = Duration::from_millis(100 + self.next_below(5_000));
            let _ = timeout(length, async {
                match self.way {
                    Way::Stream => self.stream(&clients, gateway).await,
                    Way::Socket | Way::SlowSocket => self.socket(&clients, gateway).await,
                }
            })
            .await;
            sleep(Duration::from_millis(self.next_below(200))).await;
        }
        self
    }

    async fn stream(&mut self, clients: &Clients, gateway: usize) {
        let request = clients.request(Verb::GET, gateway, self.client, "/events");
        let request = request.header("accept", "text/event-stream").header("last-event-id", &self.last);
        // Longer than any stream here: the shared client's limit is for requests.
        let Ok(mut response) = request.timeout(Duration::from_secs(60)).send().await else { return };
        if response.status() != 200 {
            return self.note_refusal(response.status().as_u16());
        }
        let mut text = String::new();
        while let Ok(Some(more)) = response.chunk().await {
            text.push_str(&String::from_utf8_lossy(&more));
            while let Some((message, rest)) = text.split_once("\n\n") {
                let data = message.lines().find_map(|line| line.strip_prefix("data: "));
                if let Some(event) = data.and_then(|data| serde_json::from_str(data).ok()) {
                    self.note(&event);
                }
                text = rest.to_owned();
            }
        }
    }

    async fn socket(&mut self, clients: &Clients, gateway: usize) {
        let mut socket = match ReaderSocket::open(clients, gateway, self.client, &self.last).await {
            Ok(socket) => socket,
            Err(status) => return self.note_refusal(status),
        };
        while let Some(message) = socket.next().await {
            match message["type"].as_str() {
                Some("event") => self.note(&message["event"]),
                Some("reset") => self.refused.push(format!("reset behind {}", self.last)),
                _ => {}
            }
            if self.way == Way::SlowSocket {
                sleep(SLOW).await;
            }
        }
    }

    /// Lists what it has not seen, once everything works again.
    pub(crate) async fn catch_up(&mut self, clients: &Clients, trail: &[&Event]) {
        let deadline = Instant::now() + READ_WITHIN;
        while Instant::now() < deadline {
            let path = format!("/events?after={}", self.last);
            let answer = clients.request(Verb::GET, 0, self.client, &path).send().await;
            let Ok(answer) = answer else { continue };
            if answer.status() != 200 {
                self.note_refusal(answer.status().as_u16());
                sleep(Duration::from_millis(200)).await;
                continue;
            }
            let page: Value = answer.json().await.unwrap_or_default();
            for event in page["data"].as_array().into_iter().flatten() {
                self.note(event);
            }
            if page["hasMore"] == false {
                if missing(&self.seen, trail, self.may_miss()).is_empty() {
                    return;
                }
                sleep(Duration::from_millis(100)).await;
            }
        }
    }

    fn note(&mut self, event: &Value) {
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let subject = if event["refundId"].is_null() { text("transactionId") } else { text("refundId") };
        self.last = text("id");
        self.seen.push(Seen { id: text("id"), subject, version: event["version"].as_i64().unwrap_or(-1) });
    }

    /// An overloaded or dying gateway may refuse; it must not forget the reader's place or call it wrong.
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
        self.way == Way::SlowSocket
    }
}

/// The events of the trail that were not seen: all, or the newest of each payment and refund if the reader may miss
/// others and saw no newer one.
fn missing<'t>(seen: &[Seen], trail: &[&'t Event], may_miss: bool) -> Vec<(&'t str, i64)> {
    let mut newest_seen: HashMap<&str, i64> = HashMap::new();
    for one in seen {
        let version = newest_seen.entry(&one.subject).or_insert(one.version);
        *version = one.version.max(*version);
    }
    let seen: HashSet<_> = seen.iter().map(|one| (one.subject.as_str(), one.version)).collect();
    let mut newest: HashMap<&str, i64> = HashMap::new();
    for event in trail {
        let version = newest.entry(subject(event)).or_insert(event.version);
        *version = event.version.max(*version);
    }
    let recorded: HashSet<_> = trail.iter().map(|event| (subject(event), event.version)).collect();
    let wanted =
        recorded.into_iter().filter(|(subject, version)| !may_miss || newest.get(subject) == Some(version));
    let is_newer_seen = |(subject, version): &(&str, i64)| {
        may_miss && newest_seen.get(subject).is_some_and(|newest| newest > version)
    };
    wanted.filter(|key| !seen.contains(key) && !is_newer_seen(key)).collect()
}

fn subject(event: &Event) -> &str {
    event.refund.as_deref().unwrap_or(&event.payment)
}

fn judge(seen: &[Seen], [before, after]: [&[&Event]; 2], may_miss: bool) -> Vec<String> {
    let mut broken = Vec::new();
    let mut ids: HashMap<(&str, i64), &str> = HashMap::new();
    let mut newest: HashMap<&str, i64> = HashMap::new();
    for one in seen {
        let key = (one.subject.as_str(), one.version);
        match ids.get(&key) {
            Some(id) if *id == one.id => continue,
            Some(id) => broken.push(format!("{key:?} has two ids, {id} and {}", one.id)),
            None => {}
        }
        ids.insert(key, &one.id);
        let before = newest.insert(&one.subject, one.version);
        if before.is_some_and(|before| before >= one.version) {
            broken.push(format!("{key:?} came behind version {before:?}"));
        }
    }
    let missing = missing(seen, before, may_miss);
    broken.extend(missing.into_iter().map(|key| format!("a reader never saw {key:?}")));
    let recorded: HashSet<_> = after.iter().map(|event| (subject(event), event.version)).collect();
    let invented = ids.keys().filter(|key| !recorded.contains(*key));
    broken.extend(invented.map(|key| format!("a reader saw {key:?}, which is not recorded")));
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(id: &str, subject: &str, version: i64) -> Seen {
        Seen { id: id.to_owned(), subject: subject.to_owned(), version }
    }

    fn recorded(payment: &str, version: i64) -> Event {
        Event {
            payment: payment.to_owned(),
            refund: None,
            version,
            from_state: None,
            to_state: "completed".to_owned(),
            at: 0,
            request_id: String::new(),
            detail: String::new(),
        }
    }

    #[test]
    fn a_reader_that_sees_each_event_in_order_is_right_even_if_some_come_twice() {
        let trail = [recorded("a", 0), recorded("a", 1), recorded("b", 0)];
        let trail: Vec<_> = trail.iter().collect();
        let all = [seen("1", "a", 0), seen("2", "b", 0), seen("1", "a", 0), seen("3", "a", 1)];
        assert_eq!(judge(&all, [&trail, &trail], false), Vec::<String>::new());
    }

    #[test]
    fn a_slow_reader_may_miss_all_but_the_newest_event_of_a_payment() {
        let trail = [recorded("a", 0), recorded("a", 1), recorded("b", 0)];
        let trail: Vec<_> = trail.iter().collect();
        let newest = [seen("2", "b", 0), seen("3", "a", 1)];
        assert_eq!(judge(&newest, [&trail, &trail], true), Vec::<String>::new());
        assert_eq!(judge(&newest, [&trail, &trail], false).len(), 1);
        assert_eq!(judge(&newest[..1], [&trail, &trail], true).len(), 1);
    }

    #[test]
    fn what_is_recorded_while_a_reader_catches_up_may_be_seen_and_need_not_be() {
        let trail = [recorded("a", 0), recorded("a", 1)];
        let trail: Vec<_> = trail.iter().collect();
        let (before, after) = (&trail[..1], &trail[..]);
        let (first, second) = (seen("1", "a", 0), seen("2", "a", 1));
        for right in [vec![first.clone()], vec![first.clone(), second.clone()]] {
            assert_eq!(judge(&right, [before, after], false), Vec::<String>::new());
        }
        assert_eq!(judge(&[second], [before, after], true), Vec::<String>::new());
    }

    #[test]
    fn what_is_missing_invented_renamed_or_out_of_order_is_found() {
        let trail = [recorded("a", 0), recorded("a", 1)];
        let trail: Vec<_> = trail.iter().collect();
        let (first, second) = (seen("1", "a", 0), seen("2", "a", 1));
        for wrong in [
            vec![first.clone()],
            vec![first.clone(), second.clone(), seen("3", "b", 0)],
            vec![first.clone(), second.clone(), seen("9", "a", 1)],
            vec![second, first],
        ] {
            assert!(!judge(&wrong, [&trail, &trail], false).is_empty(), "{wrong:?}");
        }
    }
}
