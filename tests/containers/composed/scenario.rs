//! What happens to the containers, and the judgement.

use gateway_tests::until_within;

use super::*;

const CONTROL_PLANE: &str = concat!("payment-gateway-control-plane:", env!("CARGO_PKG_VERSION"));

/// A test of its own for each thing that happens would have to bring the whole of it up each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a container engine: make compose-test"]
async fn a_composed_gateway_charges_each_key_once_whatever_happens_to_its_containers() {
    let composed = Arc::new(Composed::found());
    the_images_are_small_and_hold_no_shell(&composed);
    the_documentation_is_there(&composed).await;
    let clients = Clients::start(&composed);

    // Charged, replayed, refunded, and reported by webhooks.
    let key = fresh_key();
    let first = composed.decided(&key, 4_999).await;
    replays(&composed, &key, &first).await;
    let transaction = first.transaction_id();
    let refund = json!({ "transactionId": transaction, "amount": 999 });
    let refunded = composed.ask(Method::POST, "/payments/refund", &fresh_key(), &refund).await.unwrap();
    refunded.succeeds(200, &json!({ "status": "processed" }));
    webhooks_arrive(&composed).await;

    // A control plane dies.
    let [victim, _] = &composed.containers("control-plane")[..] else { panic!("two control planes") };
    composed.docker(&["kill", victim]);
    for _ in 0..6 {
        composed.decided(&fresh_key(), 500).await;
    }
    composed.up();

    // The database freezes: what is decided is answered, and what is not comes to its end later.
    let [database] = &composed.containers("postgres")[..] else { panic!("one database") };
    composed.docker(&["pause", database]);
    replays(&composed, &key, &first).await;
    let during = fresh_key();
    let undecided = composed.charge(&during, 600).await;
    assert!(undecided.is_err() || undecided.is_ok_and(|answer| answer.status >= 500), "without a database");
    composed.docker(&["unpause", database]);
    composed.decided(&during, 600).await;

    without_its_cache(&composed, &key, &first).await;

    // The keys between edge and control plane are rotated, as docs/operations.md says.
    let old = composed.setting("EDGE_ATTESTATION_KEYS");
    let new = format!("k2:{}", "3c".repeat(32));
    for keys in [format!("{old},{new}"), format!("{new},{old}"), new] {
        composed.set("EDGE_ATTESTATION_KEYS", &keys);
        composed.decided(&fresh_key(), 800).await;
    }
    replays(&composed, &key, &first).await;

    // Another certificate: nothing is restarted for it.
    composed.replace_certificate().await;
    composed.decided(&fresh_key(), 850).await;

    // Another image.
    let before = image_of(&composed, "control-plane");
    composed.docker(&["tag", &format!("{CONTROL_PLANE}-next"), CONTROL_PLANE]);
    composed.up();
    assert_ne!(image_of(&composed, "control-plane"), before, "it runs the other image");
    composed.decided(&fresh_key(), 900).await;
    replays(&composed, &key, &first).await;

    let charged = clients.stopped().await;
    assert!(charged.len() > 50, "{} charges say little", charged.len());
    judge(&composed, charged, &transaction).await;
}

/// The cache is cut off: a charge and a replay are answered all the same.
async fn without_its_cache(composed: &Composed, key: &str, first: &HttpResponse) {
    let [cache] = &composed.containers("redis")[..] else { panic!("one Redis") };
    let network = composed.docker(&[
        "inspect",
        "--format",
        "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}",
        cache,
    ]);
    composed.docker(&["network", "disconnect", &network, cache]);
    composed.decided(&fresh_key(), 700).await;
    replays(composed, key, first).await;
    composed.docker(&["network", "connect", "--alias", "redis", &network, cache]);
}

/// The short form, which every change of this project runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs a container engine: make compose-smoke"]
async fn a_composed_gateway_charges_a_key_once_though_a_control_plane_dies() {
    let composed = Composed::found();
    the_images_are_small_and_hold_no_shell(&composed);
    the_documentation_is_there(&composed).await;
    let key = fresh_key();
    let first = composed.decided(&key, 4_999).await;
    webhooks_arrive(&composed).await;
    let [victim, _] = &composed.containers("control-plane")[..] else { panic!("two control planes") };
    composed.docker(&["kill", victim]);
    let second = composed.decided(&fresh_key(), 500).await;
    replays(&composed, &key, &first).await;
    let ledger = composed.sandbox.ledger().await;
    let effects: Vec<_> =
        ledger.iter().map(|effect| (effect["kind"].as_str(), effect["transactionId"].as_str())).collect();
    let [first, second] = [first.transaction_id(), second.transaction_id()];
    assert_eq!(effects, [(Some("charge"), Some(&*first)), (Some("charge"), Some(&*second))]);
}

/// The page, and the description that it shows, for a caller without a key.
async fn the_documentation_is_there(composed: &Composed) {
    for path in ["/docs", "/docs/openapi.json"] {
        let url = format!("https://localhost:{}{path}", composed.setting("GATEWAY_PORT"));
        assert_eq!(composed.http.get(url).send().await.unwrap().status(), 200, "{path}");
    }
}

/// Each key of a client has one charge, and there is no other.
async fn judge(composed: &Composed, charged: BTreeMap<String, String>, refunded: &str) {
    // What the last webhooks set off is done then, too.
    until_within(PATIENCE, "the end of the deliveries", async || {
        (webhooks(composed, "summary=1").await["stripe"]["waiting"] == 0).then_some(())
    })
    .await;
    let ledger = composed.sandbox.ledger().await;
    let mut charges: BTreeMap<String, u32> = BTreeMap::new();
    for effect in ledger.iter().filter(|effect| effect["kind"] == "charge") {
        *charges.entry(effect["transactionId"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    for (key, transaction) in &charged {
        assert_eq!(charges.get(transaction), Some(&1), "{key}, {transaction}");
    }
    let twice: Vec<_> = charges.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    // 6 after the kill, one each before, while frozen and cut off; three keys; certificate and upgrade.
    assert_eq!(charges.len(), charged.len() + 6 + 3 + 3 + 2, "a charge of which no client knows");
    let refunds: Vec<_> = ledger.iter().filter(|effect| effect["kind"] == "refund").collect();
    assert_eq!(refunds.len(), 1);
    assert_eq!((&refunds[0]["transactionId"], &refunds[0]["amount"]), (&refunded.into(), &999.into()));
}

/// The first answer, byte for byte.
async fn replays(composed: &Composed, key: &str, first: &HttpResponse) {
    let again = until("the replay", async || {
        composed.charge(key, 4_999).await.ok().filter(|answer| answer.status == 200)
    });
    let again = again.await;
    assert_eq!(again.body, first.body);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}

async fn webhooks_arrive(composed: &Composed) {
    until("a delivery that was acknowledged", async || {
        let listed = webhooks(composed, "provider=stripe").await;
        let events = listed["events"].as_array().unwrap();
        events.iter().any(|event| event["status"] == "delivered").then_some(())
    })
    .await;
    until("an event that was processed", async || {
        let container = &composed.containers("worker")[0];
        let list = ["exec", container, "control-plane", "webhook", "list", "--state", "done", "--json"];
        composed.docker(&list).contains("payment_intent").then_some(())
    })
    .await;
}

/// What the sandbox says of the webhooks that it sends.
async fn webhooks(composed: &Composed, query: &str) -> Value {
    let url = format!("http://127.0.0.1:{}/_sandbox/webhooks?{query}", composed.setting("SANDBOX_PORT"));
    composed.http.get(url).send().await.unwrap().json().await.unwrap()
}

fn image_of(composed: &Composed, service: &str) -> Vec<String> {
    let containers = composed.containers(service);
    containers.iter().map(|id| composed.docker(&["inspect", "--format", "{{.Image}}", id])).collect()
}

fn the_images_are_small_and_hold_no_shell(composed: &Composed) {
    const MOST: u64 = 60_000_000;
    let inspect = |what: &str| composed.docker(&["image", "inspect", "--format", what, CONTROL_PLANE]);
    let size: u64 = inspect("{{.Size}}").parse().unwrap();
    assert!(size < MOST, "{size} bytes");
    assert_eq!(inspect("{{.Config.User}}"), "65532:65532");
    let shell = ["run", "--rm", "--entrypoint", "/bin/sh", CONTROL_PLANE, "-c", "true"];
    assert!(!Command::new(&composed.docker).args(shell).output().unwrap().status.success(), "it has a shell");
    // A process may end while it is looked at.
    let envoy = composed.containers("envoy").remove(0);
    let names = composed.docker(&["exec", &envoy, "bash", "-c", "cat /proc/[0-9]*/comm; true"]);
    assert!(names.lines().any(|name| name == "log-relay"), "Envoy runs without its relay: {names}");
    for service in ["control-plane", "worker", "edge-cache", "envoy", "sandbox"] {
        for container in composed.containers(service) {
            let format = "{{.HostConfig.ReadonlyRootfs}} {{.Config.User}} {{.State.Health.Status}}";
            let found = composed.docker(&["inspect", "--format", format, &container]);
            assert_eq!(found, "true 65532:65532 healthy", "{service}");
        }
    }
}
