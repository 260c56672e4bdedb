//! What must not come back over a socket: client secrets, and card data that a client sends.

use payments::model::payer_action::PayerAction;
use payments::model::provider::{Charged, Outcome, ProviderRef};

use super::*;

#[tokio::test]
async fn a_subscription_tells_no_url_with_a_client_secret_beside_an_event() {
    let api = Api::start().await;
    let page = "https://hooks.stripe.com/3ds?payment_intent_client_secret=pi_1_secret_2".to_owned();
    api.test.provider.charges.lock().unwrap().push(Outcome::Done(Charged::RequiresAction {
        payment: ProviderRef::new("pi_1"),
        action: PayerAction::Page(page),
        declined: false,
    }));
    api.charged().await;
    let mut graphql = Upgraded::open(&api, GRAPHQL).await;
    graphql.send(&frame(TEXT, br#"{"type":"connection_init"}"#)).await;
    assert_eq!(graphql.text().await["type"], "connection_ack");
    let beginning = format!("evt_{}", "a".repeat(32));
    let query = format!(
        "subscription {{ paymentEvents(after: \"{beginning}\") {{ payment {{ nextAction {{ type url }} }} }} }}"
    );
    let message = json!({ "type": "subscribe", "id": "1", "payload": { "query": query } }).to_string();
    graphql.send(&frame(TEXT, message.as_bytes())).await;
    let told = graphql.text().await;
    let action = &told["payload"]["data"]["paymentEvents"]["payment"]["nextAction"];
    assert_eq!(*action, json!({ "type": "REDIRECT", "url": null }), "{told}");
}

#[tokio::test]
async fn card_data_in_a_message_closes_each_socket_and_is_not_repeated() {
    let api = Api::start().await;
    for (field, code) in [
        (r#""a":"4242 4242 4242 4242""#, "CARD_DATA_NOT_ACCEPTED: "),
        (r#""4242424242424242":1"#, "CARD_DATA_NOT_ACCEPTED: "),
        (r#""a":{"ephemeralPublicKey":"x"}"#, "WALLET_PAYLOAD_NOT_ACCEPTED: "),
    ] {
        for socket in [EVENTS, GRAPHQL] {
            let mut upgraded = Upgraded::open(&api, socket).await;
            let message = format!(r#"{{"type":"ping","payload":{{{field}}}}}"#);
            upgraded.send(&frame(TEXT, message.as_bytes())).await;
            let (closed, reason) = upgraded.closed().await;
            assert_eq!(closed, 4400, "{field} at {}", socket.0);
            assert!(reason.starts_with(code) && !reason.contains("4242"), "{reason}");
        }
    }
}
