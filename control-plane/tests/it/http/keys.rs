//! Idempotency keys whose turn the edge has given.

use edge_core::attestation::AttestedKey;
use edge_core::client::ClientId;
use edge_core::idempotency::{CheckedVerdict, ClaimRequest, Fingerprint, Key, Lease, Scope, Verdict};
use payments::model::payer_action::PayerAction;
use payments::model::provider::{Charged, ProviderRef};

use super::*;

#[tokio::test]
async fn what_was_decided_is_told_to_the_edge_cache_and_what_was_not_gives_the_turn_back() {
    let api = Api::start().await;
    let key = |name: &str| Key::parse([name.as_bytes()]).unwrap();
    let client = ClientId::parse("demo").unwrap();
    let page = "https://hooks.stripe.com/3ds?payment_intent_client_secret=pi_1_secret_2";
    let secret = Charged::RequiresAction {
        payment: ProviderRef::new("pi_1"),
        action: PayerAction::Page(page.to_owned()),
        declined: false,
    };
    for (name, outcome, told, kept) in [
        ("good", None, 200, true),
        ("unsent", Some(Outcome::NotSent(Uncertainty::new("refused"))), 202, false),
        ("secret", Some(Outcome::Done(secret)), 200, false),
    ] {
        api.test.provider.charges.lock().unwrap().extend(outcome);
        let scope = Scope::new(&client, "POST", "/payments/charge", &key(name));
        let fingerprint = Fingerprint::new("POST", "/payments/charge", "", b"", CHARGE.as_bytes());
        let claim = ClaimRequest { scope, fingerprint, lease: Lease::from_ms(60_000).unwrap() };
        let Ok(Verdict::Start { fence }) = api.cache.claim(&claim).await else { panic!("not started") };
        let turn = AttestedKey { scope, fingerprint, fence: Some(fence) };
        let claims = Statement {
            client: Some(client.clone()),
            key: Some(turn),
            ..Statement::anonymous("req-1".to_owned())
        };
        let answer = api.send(api.vouched_for(&claims, "POST", "/payments/charge", CHARGE)).await;
        let status = answer.status().as_u16();
        let verdict = api.cache.claim(&claim).await.unwrap();
        match (CheckedVerdict::new(Some(verdict), &claim, &Keys::parse(KEY).unwrap()), kept) {
            (CheckedVerdict::Replay(answer), true) => assert_eq!(answer.status(), status),
            (CheckedVerdict::Start { .. }, false) => assert_eq!(status, told, "{name}"),
            (word, _) => panic!("{name}: {word:?} after {status}"),
        }
    }
}

/// The edge has forgotten the key, so it is not looked for before it is taken; and taking it fails.
#[tokio::test]
async fn a_repeat_never_reports_an_executed_charge_as_not_executed() {
    let api = Api::start().await;
    let key = Key::parse([&b"again"[..]]).unwrap();
    let client = ClientId::parse("demo").unwrap();
    let scope = Scope::new(&client, "POST", "/payments/charge", &key);
    let fingerprint = Fingerprint::new("POST", "/payments/charge", "", b"", CHARGE.as_bytes());
    let lease = Lease::from_ms(60_000).unwrap();
    let charge = async || {
        let Ok(Verdict::Start { fence }) =
            api.cache.claim(&ClaimRequest { scope: fresh_scope(&client), fingerprint, lease }).await
        else {
            panic!("not started")
        };
        let turn = AttestedKey { scope, fingerprint, fence: Some(fence) };
        let claims = Statement {
            client: Some(client.clone()),
            key: Some(turn),
            ..Statement::anonymous("req-1".to_owned())
        };
        read(api.send(api.vouched_for(&claims, "POST", "/payments/charge", CHARGE)).await).await
    };
    let (status, first) = charge().await;
    assert_eq!(status, StatusCode::OK, "{first}");
    let refuse =
        "CREATE TRIGGER no_keys BEFORE INSERT ON idempotency_keys BEGIN SELECT RAISE(ABORT, 'no'); END";
    api.test.store.execute(refuse).await;
    assert_eq!(charge().await, (StatusCode::OK, first));
}

/// The scope of an unused key.
fn fresh_scope(client: &ClientId) -> Scope {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("fresh-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    Scope::new(client, "POST", "/payments/charge", &Key::parse([name.as_bytes()]).unwrap())
}

/// What is refused because the payment is undecided would be allowed once it is decided: the key must still work then.
#[tokio::test]
async fn a_refund_of_an_undecided_payment_is_refused_and_does_not_use_up_its_key() {
    let api = Api::start().await;
    let lost = || Outcome::Unknown(Uncertainty::new("cut"));
    api.test.provider.charges.lock().unwrap().extend([lost(), lost()]);
    let client = ClientId::parse("demo").unwrap();
    let send = async |name: &[u8], path: &str, body: &str| {
        let scope = Scope::new(&client, "POST", path, &Key::parse([name]).unwrap());
        let fingerprint = Fingerprint::new("POST", path, "", b"", body.as_bytes());
        let statement = Statement {
            client: Some(client.clone()),
            key: Some(AttestedKey { scope, fingerprint, fence: None }),
            ..Statement::anonymous("req-1".to_owned())
        };
        (api.send(api.vouched_for(&statement, "POST", path, body)).await, scope)
    };
    let (charged, _) = send(b"charge", "/payments/charge", CHARGE).await;
    assert_eq!(charged.status(), 202);
    let transaction = read(charged).await.1["transactionId"].as_str().unwrap().to_owned();
    let refund = format!(r#"{{"transactionId":"{transaction}","amount":100}}"#);
    let (refused, scope) = send(b"refund", "/payments/refund", &refund).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].as_bytes()), (409, &b"1"[..]));
    let error = &read(refused).await.1["error"];
    assert_eq!((&error["code"], &error["retryable"]), (&"INVALID_STATE".into(), &true.into()));
    assert_eq!(api.test.gateway.store.key(&scope).await.unwrap(), None);
}
