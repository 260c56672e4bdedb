//! Readers whose filter matches nothing for long: heartbeats say where to continue after a cut.

use futures_util::StreamExt as _;

use super::*;

/// A type that no event here has.
const NOTHING: &str = "refund.failed";

/// Reads a stream until a heartbeat contains a place.
async fn place_of_stream(api: &Api) -> String {
    let mut request = api.attested("demo", "GET", &format!("/events?types={NOTHING}"), "");
    request.headers_mut().insert("accept", "text/event-stream".parse().unwrap());
    let mut body = api.send(request).await.into_body().into_data_stream();
    loop {
        let part = timeout(PATIENCE, body.next()).await.unwrap().unwrap().unwrap();
        let text = String::from_utf8(part.to_vec()).unwrap();
        if text.contains(": heartbeat") {
            assert!(!text.contains("data"), "no event to a client: {text}");
            return text.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
        }
    }
}

async fn place_of_socket(mut socket: Upgraded, of: impl Fn(&Value) -> Option<&str>) -> String {
    loop {
        let (first, payload) = socket.frame().await;
        if first == TEXT {
            let message: Value = serde_json::from_slice(&payload).unwrap();
            if let Some(place) = of(&message) {
                return place.to_owned();
            }
        }
    }
}

#[tokio::test]
async fn heartbeats_of_each_kind_of_reader_say_where_to_continue() {
    let api = Api::start().await;
    let mut socket = Upgraded::open(&api, EVENTS).await;
    let hello = socket.text().await;
    assert_eq!(hello["retainedHours"], 90 * 24);
    assert_eq!(hello["reconnectAfterMs"], json!({ "min": 1_000, "max": 5_000 }));
    let subscribe = json!({ "type": "subscribe", "types": [NOTHING] }).to_string();
    socket.send(&frame(TEXT, subscribe.as_bytes())).await;
    assert_eq!(socket.text().await["type"], "subscribed");
    let mut graphql = Upgraded::open(&api, GRAPHQL).await;
    graphql.send(&frame(TEXT, br#"{"type":"connection_init"}"#)).await;
    assert_eq!(graphql.text().await["type"], "connection_ack");
    let query = format!("subscription {{ paymentEvents(types: [\"{NOTHING}\"]) {{ id }} }}");
    let subscribe = json!({ "type": "subscribe", "id": "1", "payload": { "query": query } }).to_string();
    graphql.send(&frame(TEXT, subscribe.as_bytes())).await;
    let (stream, socket, graphql, end) = tokio::join!(
        place_of_stream(&api),
        place_of_socket(socket, |message| {
            (message["type"] == "heartbeat").then(|| message["cursor"].as_str().unwrap())
        }),
        place_of_socket(graphql, |message| {
            (message["type"] == "ping").then(|| message["payload"]["cursor"].as_str().unwrap())
        }),
        async {
            api.charged().await;
            let (_, page) = api.demo("GET", "/events", "").await;
            page["cursor"].as_str().unwrap().to_owned()
        },
    );
    assert_eq!([stream, socket, graphql], [(); 3].map(|()| end.clone()));
}
