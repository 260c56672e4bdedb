//! Readers of events that read more slowly than they come, or not at all.

use std::collections::HashMap;

use futures_util::{StreamExt as _, stream};
use tokio::net::TcpSocket;
use tokio::time::sleep;

use super::*;
use crate::common::{authorized, declined};

/// What the system keeps of a connection on either side, so that little is on its way.
const KEPT_BYTES: u32 = 8 * 1024;
/// Less than the thirty seconds for which a reader may read nothing.
const LONG: Duration = Duration::from_secs(12);
/// Together with it more than these, and less than them and the ten that the last message may take.
const TOO_LONG: Duration = Duration::from_secs(21);
const HELD: &str = r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa",
    "capture":"manual"}"#;

/// What a socket has sent until it was closed or until its reader had seen enough.
#[derive(Default)]
struct SocketTranscript {
    events: Vec<Value>,
    closed: Option<(u16, String)>,
}

impl Upgraded {
    /// Subscribes to all events after `after`, over a connection that holds little.
    async fn subscribe_narrowly(api: &Api, after: Option<&str>) -> Self {
        let server = TcpSocket::new_v4().unwrap();
        // Its connections inherit it.
        server.set_send_buffer_size(KEPT_BYTES).unwrap();
        server.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = api.listen_on(server.listen(8).unwrap());
        let client = TcpSocket::new_v4().unwrap();
        client.set_recv_buffer_size(KEPT_BYTES).unwrap();
        let connection = client.connect(address).await.unwrap();
        let lines = format!("{VERSION}{KEY}sec-websocket-protocol: {}\r\n", EVENTS.1);
        let mut upgraded = Self::ask_over(connection, api, EVENTS.0, &lines).await;
        assert_eq!(upgraded.status(), 101);
        assert_eq!(upgraded.text().await["type"], "hello");
        let subscribe = json!({ "type": "subscribe", "after": after }).to_string();
        upgraded.send(&frame(TEXT, subscribe.as_bytes())).await;
        assert_eq!(upgraded.text().await["type"], "subscribed");
        upgraded
    }

    async fn told(&mut self, is_enough: impl Fn(&Value) -> bool) -> SocketTranscript {
        let mut told = SocketTranscript::default();
        loop {
            let (first, payload) = self.frame().await;
            if first == CLOSE {
                let (code, reason) = payload.split_first_chunk().unwrap();
                let reason = String::from_utf8(reason.to_vec()).unwrap();
                told.closed = Some((u16::from_be_bytes(*code), reason));
                return told;
            }
            let message: Value =
                if first == TEXT { serde_json::from_slice(&payload).unwrap() } else { continue };
            if message["type"] == "event" {
                told.events.push(message["event"].clone());
                if is_enough(&message["event"]) {
                    return told;
                }
            }
        }
    }
}

/// The newest version of each payment. Asserts that each came in order, and no event twice.
fn newest(events: &[Value]) -> HashMap<&str, u64> {
    let mut newest: HashMap<&str, u64> = HashMap::new();
    for event in events {
        let (payment, version) =
            (event["transactionId"].as_str().unwrap(), event["version"].as_u64().unwrap());
        let before = newest.insert(payment, version);
        assert!(before.is_none_or(|before| before < version), "{payment}: {version} behind {before:?}");
    }
    newest
}

/// Captures in vain: two events each.
async fn refuse_captures(api: &Api, payment: &str, count: usize) {
    for _ in 0..count {
        api.test.provider.captures.lock().unwrap().push(declined());
        let (status, _) = api.demo("POST", &format!("/payments/{payment}/capture"), "{}").await;
        assert_eq!(status, 402);
    }
}

/// Three events each.
async fn charge(api: &Api, count: usize) -> Vec<String> {
    stream::iter(0..count).map(|_| api.charged()).buffer_unordered(16).collect().await
}

#[tokio::test]
async fn a_slow_reader_is_told_the_newest_event_of_each_payment() {
    let api = Api::start().await;
    let mut slow = Upgraded::subscribe_narrowly(&api, None).await;
    api.test.provider.charges.lock().unwrap().push(authorized());
    let (_, held) = api.demo("POST", "/payments/charge", HELD).await;
    let held = held["transactionId"].as_str().unwrap();
    refuse_captures(&api, held, 100).await;
    let between = api.charged().await;
    refuse_captures(&api, held, 150).await;
    let last = api.charged().await;
    let is_last = |event: &Value| event["transactionId"] == *last && event["type"] == "payment.completed";
    let told = slow.told(is_last).await;
    assert_eq!(told.closed, None);
    let made = 3 + 250 * 2 + 3 + 3;
    assert!(told.events.len() < made - 100, "{} of {made} were told", told.events.len());
    let newest = newest(&told.events);
    // A payment that is charged has the versions 0 to 2.
    let expected = [(held, 2 + 500), (between.as_str(), 2), (last.as_str(), 2)];
    assert_eq!(newest, HashMap::from(expected));
    // It is served as before.
    let next = api.charged().await;
    assert_eq!(slow.told(|_| true).await.events[0]["transactionId"], next);
}

#[tokio::test]
async fn a_reader_too_slow_for_the_newest_events_is_closed_with_4409_and_goes_on() {
    let api = Api::start().await;
    let mut slow = Upgraded::subscribe_narrowly(&api, None).await;
    let charged = charge(&api, 400).await;
    let told = slow.told(|_| false).await;
    assert_eq!(told.closed, Some((4409, "events came faster than they were read".to_owned())));
    assert!(told.events.len() < 3 * charged.len());
    let mut events = told.events;
    let after = events.last().unwrap()["id"].as_str().unwrap().to_owned();
    let mut again = Upgraded::subscribe_narrowly(&api, Some(&after)).await;
    let end = api.charged().await;
    let is_end = |event: &Value| event["transactionId"] == *end && event["type"] == "payment.completed";
    let rest = again.told(is_end).await;
    assert_eq!(rest.closed, None);
    events.extend(rest.events);
    let newest = newest(&events);
    for payment in charged.iter().chain([&end]) {
        assert_eq!(newest.get(payment.as_str()), Some(&2), "{payment}");
    }
}

#[tokio::test]
async fn a_reader_that_reads_nothing_is_waited_for_and_closed_with_4409_after_30_seconds() {
    let api = Api::start().await;
    let mut late = Upgraded::subscribe_narrowly(&api, None).await;
    let mut stuck = Upgraded::subscribe_narrowly(&api, None).await;
    // More than is on its way, and less than may wait for it: it is the time that is up.
    let charged = charge(&api, 80).await;
    sleep(LONG).await;
    let last = api.charged().await;
    let is_last = |event: &Value| event["transactionId"] == *last && event["type"] == "payment.completed";
    let told = late.told(is_last).await;
    assert_eq!((told.closed, told.events.len()), (None, 3 * (charged.len() + 1)), "it missed nothing");
    drop(late);
    sleep(TOO_LONG).await;
    let told = stuck.told(|_| false).await;
    assert_eq!(told.closed, Some((4409, "nothing was read for 30 seconds".to_owned())));
    assert!(!told.events.is_empty() && told.events.len() < 3 * charged.len(), "{}", told.events.len());
}
