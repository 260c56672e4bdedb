//! Keys of what is stored are replaced while requests come: those that seal values, and the one that signs the audit
//! trail.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use gateway_tests::until_within;
use local_stack::Programs;
use serde_json::Value;
use tokio::process::Command;

use super::*;
use crate::webhooks::{event, now_s, stripe_signature};

/// For a part to end, or the trail to be sealed.
const PATIENCE: Duration = Duration::from_secs(60);

/// Providers that send no webhooks: theirs would come to the stack's own Envoy.
const SETTINGS: [(&str, &str); 3] =
    [("SANDBOX_STRIPE_WEBHOOK_URL", ""), ("SANDBOX_PAYPAL_WEBHOOK_URL", ""), ("AUDIT_SEAL_SECONDS", "1")];

/// What has a key of the database.
const KEY_HOLDERS: [&str; 2] = [CONTROL_PLANE, WORKER];

const DESCRIPTION: &str = "a described order";

/// Charges with values of each kind that is sealed.
fn described_charges(client: &Client) -> Make {
    let client = client.clone();
    Arc::new(move |gateway: &str, name: &str| {
        let request = client.post(format!("{gateway}/payments/charge")).bearer_auth("demo-key");
        request.header("idempotency-key", name).json(&json!({
            "provider": "stripe", "amount": 530, "currency": "USD", "paymentMethodId": "pm_card_visa",
            "description": DESCRIPTION, "metadata": { "shelf": "left" }, "customerReference": "a customer",
        }))
    })
}

/// Genuine webhooks, which are stored and change nothing.
fn webhooks(client: &Client, own: &OwnGateway) -> Make {
    let client = client.clone();
    let secrets = own.stack.setting("STRIPE_WEBHOOK_SECRETS").unwrap();
    let secret = secrets.split(',').next().unwrap().to_owned();
    Arc::new(move |gateway: &str, id: &str| {
        let (body, at_s) = (event(&format!("evt_{id}"), 300), now_s());
        let signature = stripe_signature(&secret, at_s, &body);
        let request = client.post(format!("{gateway}/webhooks/stripe"));
        request.header("content-type", "application/json").header("stripe-signature", signature).body(body)
    })
}

/// The same requests, and the names that they had.
fn noted(make: Make) -> (Make, Arc<Mutex<Vec<String>>>) {
    let names: Arc<Mutex<Vec<String>>> = Arc::default();
    let notes = names.clone();
    let noting = move |gateway: &str, name: &str| {
        notes.lock().unwrap().push(name.to_owned());
        make(gateway, name)
    };
    (Arc::new(noting), names)
}

/// Ends the stack's own control plane. Nobody calls it, and it would keep using the old keys.
async fn end_the_stacks_own(own: &mut OwnGateway) {
    own.gateway().terminate("control-plane");
    let begun = Instant::now();
    while own.stack.end_of("control-plane").is_none() {
        assert!(begun.elapsed() < PATIENCE, "the stack's own control plane does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a command of an operator worked, and what it said.
async fn operator(own: &OwnGateway, command: &[&str], settings: &[(&str, &str)]) -> (bool, String) {
    let mut operator = Command::new(Programs::of_this_build().unwrap().control_plane);
    operator.arg("--config").arg(own.stack.run_dir().env_file()).args(command);
    operator.envs(settings.iter().copied()).env("USER", "ada").stdin(Stdio::null()).kill_on_drop(true);
    let output = operator.output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

/// Repeats requests, which were successful. Returns the answers.
async fn repeated(make: &Make, gateway: &str, names: &[String]) -> Vec<String> {
    let mut answers = Vec::new();
    for name in names {
        let answer = HttpResponse::of(make(gateway, name)).await;
        answer.succeeds(200, &json!({ "status": "completed" }));
        answers.push(answer.text());
    }
    answers
}

/// All payments, the newest first.
async fn payments(client: &Client, gateway: &str) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let request = client.get(format!("{gateway}/payments?limit=100{after}")).bearer_auth("demo-key");
        let page = HttpResponse::of(request).await.json();
        let data = page["data"].as_array().unwrap();
        let Some(last) = data.last() else { return all };
        after = format!("&startingAfter={}", last["transactionId"].as_str().unwrap());
        all.extend(data.iter().cloned());
    }
}

/// `keys status` names the new key alone, and with the old one it says what is missing.
async fn only_k2_is_in_use(own: &OwnGateway, old: &str, new: &str, charged: usize) {
    const KEYS: &str = "ENCRYPTION_KEYS";
    let (worked, text) = operator(own, &["keys", "status", "--json"], &[(KEYS, new)]).await;
    assert!(worked, "{text}");
    let status: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let [key] = &status["keys"].as_array().unwrap()[..] else { panic!("{status}") };
    assert_eq!((&status["first"], &key["name"], &key["usable"]), (&json!("k2"), &json!("k2"), &json!(true)));
    assert!(key["rows"].as_u64().unwrap() > u64::try_from(charged).unwrap(), "{status}");
    for table in status["tables"].as_array().unwrap() {
        assert_eq!((&table["plain"], &table["toReseal"]), (&json!(0), &json!(0)), "{status}");
    }
    let (worked, text) = operator(own, &["keys", "status"], &[(KEYS, old)]).await;
    assert!(!worked && text.contains("the key `k2` is missing or wrong"), "{text}");
}

#[tokio::test]
async fn encryption_keys_are_replaced_under_load_without_a_failed_request() {
    let _turn = TURN.lock().await;
    const KEYS: &str = "ENCRYPTION_KEYS";
    let Some((postgres, redis)) = servers().await else { return };
    let (mut own, mut fleet, client) = started(&postgres, &redis, &SETTINGS).await;
    end_the_stacks_own(&mut own).await;
    let old = own.stack.setting(KEYS).unwrap().to_owned();
    let new = format!("k2:{}", "7a5c".repeat(16));
    let (behind, in_front) = (format!("{old},{new}"), format!("{new},{old}"));

    let charge = described_charges(&client);
    let (noting, names) = noted(charge.clone());
    let charging = Load::start(&fleet, &client, noting);
    let delivering = Load::start(&fleet, &client, webhooks(&client, &own));
    tokio::time::sleep(3 * STEADY).await;
    let gateway = fleet.gateways[0].clone();
    let first = names.lock().unwrap()[..5].to_vec();
    let answers = repeated(&charge, &gateway, &first).await;
    let mut before = payments(&client, &gateway).await;
    before.retain(|payment| payment["status"] == "completed");
    for keys in [&behind, &in_front] {
        set(&mut fleet, &KEY_HOLDERS, &[(KEYS, keys.as_str())], &client).await;
    }
    for (command, said) in [("rotate", "`k2` wraps all data keys now"), ("reseal", "done; ")] {
        let (worked, text) = operator(&own, &["keys", command], &[(KEYS, in_front.as_str())]).await;
        assert!(worked && text.contains(said), "{text}");
    }
    set(&mut fleet, &KEY_HOLDERS, &[(KEYS, new.as_str())], &client).await;
    let charged = each_was_charged_once(&own, &fleet, &client, charging).await;
    let delivered = succeeded(&fleet, delivering).await;
    assert!(charged > 200 && delivered > 200, "{charged} {delivered}");

    only_k2_is_in_use(&own, &old, &new, charged).await;
    let after = payments(&client, &gateway).await;
    assert_eq!(after.len(), charged, "all can be read");
    assert!(after.iter().all(|payment| payment["description"] == DESCRIPTION));
    assert!(before.len() >= first.len() && before.iter().all(|payment| after.contains(payment)));
    // The database answers them then, not the edge cache.
    redis.run::<()>(&["FLUSHALL"]).await;
    assert_eq!(repeated(&charge, &gateway, &first).await, answers);
}

/// Waits until a checkpoint is in an anchor file.
async fn anchored(file: &Path) {
    until_within(PATIENCE, "an anchored checkpoint", async || {
        std::fs::read_to_string(file).ok().filter(|text| text.contains("\n\u{2014} ")).map(drop)
    })
    .await;
}

/// The public half of an audit key.
async fn public(own: &OwnGateway, key: &str) -> String {
    let (worked, text) = operator(own, &["audit", "key"], &[("AUDIT_SIGNING_KEY", key)]).await;
    assert!(worked, "{text}");
    text.lines().next().unwrap().to_owned()
}

#[tokio::test]
async fn the_audit_key_is_replaced_under_load_and_the_whole_trail_verifies() {
    let _turn = TURN.lock().await;
    const KEY: &str = "AUDIT_SIGNING_KEY";
    const FILE: &str = "AUDIT_ANCHOR_FILE";
    let Some((postgres, redis)) = servers().await else { return };
    let (mut own, mut fleet, client) = started(&postgres, &redis, &SETTINGS).await;
    end_the_stacks_own(&mut own).await;
    let old = own.stack.setting(KEY).unwrap().to_owned();
    let new = format!("{}:{}", old.split_once(':').unwrap().0, "4b".repeat(32));
    let old_file = own.stack.setting(FILE).unwrap().to_owned();
    let new_file = format!("{old_file}-new");

    let charging = Load::start(&fleet, &client, described_charges(&client));
    let delivering = Load::start(&fleet, &client, webhooks(&client, &own));
    tokio::time::sleep(3 * STEADY).await;
    anchored(Path::new(&old_file)).await;
    let variables = [(KEY, new.as_str()), (FILE, new_file.as_str())];
    set(&mut fleet, &KEY_HOLDERS, &variables, &client).await;
    anchored(Path::new(&new_file)).await;
    let charged = each_was_charged_once(&own, &fleet, &client, charging).await;
    let delivered = succeeded(&fleet, delivering).await;
    assert!(charged > 100 && delivered > 100, "{charged} {delivered}");

    let (old, new) = (public(&own, &old).await, public(&own, &new).await);
    let with_new = ["audit", "verify", "--key", &new, "--checkpoint", &new_file];
    let with_both = [&with_new[..], &["--key", &old, "--checkpoint", &old_file]].concat();
    let whole = until_within(PATIENCE, "a trail that is sealed to its end", async || {
        let (worked, text) = operator(&own, &with_both, &[]).await;
        assert!(worked && text.contains("the audit trail is whole"), "{text}");
        text.contains("; 0 records wait to be sealed").then_some(text)
    })
    .await;
    let sealed = whole.lines().find_map(|line| line.split_once(" sealed records")).unwrap().0;
    assert!(sealed.parse::<usize>().unwrap() > charged, "{whole}");
    assert!(!whole.contains("other keys"), "{whole}");
    // The newest checkpoint covers what the old key signed.
    let (worked, text) = operator(&own, &with_new, &[]).await;
    assert!(worked && text.contains("are signed by other keys; a newer one covers them"), "{text}");
}
