//! Nothing that is sealed can be found in what the gateway and its servers keep.

use std::process::Command;

use gateway_tests::{Gateway, HttpResponse, OwnGateway, fresh_key, until};
use serde_json::{Value, json};
use test_services::{PostgresServer, RabbitServer, RedisServer, TestDatabase, skipped_here};

/// In every value that a client gives and the gateway stores.
const CANARY: &str = "canary5f2e";

fn customer() -> String {
    format!("customer {CANARY}")
}

fn charge(provider: &str, method: Option<&str>) -> Value {
    json!({
        "provider": provider, "amount": 4999, "currency": "USD", "paymentMethodId": method,
        "description": format!("description {CANARY}"), "metadata": { "order": format!("order {CANARY}") },
        "returnUrl": format!("https://shop.example/{CANARY}"), "customerReference": customer(),
    })
}

/// A payment of each kind, a refund, and a replay. Returns the secrets that the answers contained.
async fn used(gateway: &Gateway<'_>) -> Vec<String> {
    let (key, charge_stripe) = (fresh_key(), charge("stripe", Some("pm_card_visa")));
    let charged = gateway.charge_under(&key, &charge_stripe).await;
    charged.succeeds(200, &json!({ "status": "completed" }));
    let again = gateway.charge_under(&key, &charge_stripe).await;
    assert_eq!(again.text(), charged.text());
    gateway.refund(&charged.transaction_id(), Some(999)).await.succeeds(200, &json!({}));
    let method = format!("pm_{CANARY}");
    let refused = gateway.charge(&charge("stripe", Some(&method))).await;
    assert!((400..500).contains(&refused.status), "{}", refused.text());
    let mut waiting = charge("paypal", None);
    waiting.as_object_mut().unwrap().remove("paymentMethodId");
    let waiting = gateway.charge(&waiting).await;
    waiting.succeeds(200, &json!({ "status": "requires_action" }));
    let asked = gateway.charge(&charge("stripe", Some("pm_card_threeDSecure2Required"))).await;
    asked.succeeds(200, &json!({ "status": "requires_action" }));
    let page = asked.at("/nextAction/url");
    let client_secret = page.split_once("client_secret=").unwrap().1.to_owned();
    finds(gateway, &[&charged, &waiting, &asked]).await;
    vec![CANARY.to_owned(), waiting.at("/nextAction/url"), client_secret]
}

/// The payments are found by their customer, and say what was given.
async fn finds(gateway: &Gateway<'_>, payments: &[&HttpResponse]) {
    let query = form_encoded(&customer());
    let listed = gateway.get(&format!("/payments?customerReference={query}")).await;
    let found: Vec<_> = listed.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|payment| payment["transactionId"].clone())
        .collect();
    for payment in payments {
        assert!(found.contains(&json!(payment.transaction_id())), "{}", listed.text());
    }
    let none = gateway.get("/payments?customerReference=nobody").await;
    assert_eq!(none.json()["data"], json!([]));
}

fn form_encoded(text: &str) -> String {
    text.replace(' ', "%20")
}

/// Asserts that none of the secrets is in this file or dump.
fn holds_none(secrets: &[String], name: &str, contents: &[u8]) {
    // Secrets are ASCII, which stays; the search of text is much faster than one by windows.
    let text = String::from_utf8_lossy(contents);
    for secret in secrets {
        assert!(!text.contains(secret.as_str()), "{secret} is in {name}");
    }
}

/// Asserts the same of a server of PostgreSQL's own: its tables and indexes, its write-ahead log, its own log.
async fn holds_none_in_its_files(secrets: &[String], server: &PostgresServer, database: &TestDatabase) {
    // Else what was written last is in its memory, and not in the tables' files yet.
    database.execute("CHECKPOINT").await;
    let files = server.files();
    for folder in ["/data/pg_wal/", "/data/base/"] {
        let mut of_folder = files.iter().filter(|(path, _)| path.display().to_string().contains(folder));
        let is_sealed = of_folder.any(|(_, contents)| String::from_utf8_lossy(contents).contains("enc1:"));
        assert!(is_sealed, "sealed values are in {folder}");
    }
    for (path, contents) in files {
        holds_none(secrets, &path.display().to_string(), &contents);
    }
}

#[tokio::test]
async fn no_canary_is_in_the_files_of_an_embedded_gateway() {
    let own = OwnGateway::start(&[]).await;
    let gateway = own.gateway();
    let mut secrets = used(&gateway).await;
    secrets.push(own.stack.setting("ENCRYPTION_KEYS").unwrap().split_once(':').unwrap().1.to_owned());
    gateway.sandbox.is_quiet().await;
    let files = gateway.files();
    for needed in ["gateway.db", "gateway.db-wal", "access.log", "control-plane.log", "envoy.log"] {
        assert!(files.iter().any(|(path, _)| path.ends_with(needed)), "{needed} was not looked at");
    }
    for (path, contents) in files {
        // The settings are where the key belongs.
        if !["env", "secrets"].iter().any(|settings| path.ends_with(settings)) {
            holds_none(&secrets, &path.display().to_string(), &contents);
        }
    }
}

#[tokio::test]
async fn no_canary_is_in_the_dumps_of_the_servers() {
    // Of its own: the files of one that others use, too, are many.
    let Some(postgres) = PostgresServer::own().await else { return };
    let (Some(redis), Some(rabbit)) = (RedisServer::own(&[]).await, RabbitServer::own().await) else {
        return;
    };
    let Some(programs) = postgres.programs() else {
        return skipped_here("the server has no pg_dump here");
    };
    let database = postgres.database().await;
    let own = OwnGateway::start(&[
        ("DB_URI", database.uri()),
        ("REDIS_URI", redis.uri()),
        ("AMQP_URI", rabbit.uri()),
    ])
    .await;
    let gateway = own.gateway();
    let secrets = used(&gateway).await;
    gateway.sandbox.is_quiet().await;
    let dump = Command::new(programs.join("pg_dump")).arg(database.uri()).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    assert!(dump.stdout.windows(5).any(|part| part == b"enc1:"), "values are sealed");
    holds_none(&secrets, "the dump of PostgreSQL", &dump.stdout);
    holds_none_in_its_files(&secrets, &postgres, &database).await;
    let kept: Vec<String> = until("answers in the edge cache", async || {
        let kept: Vec<String> = redis.run(&["KEYS", "edge:idem:*"]).await;
        (kept.len() >= 2).then_some(kept)
    })
    .await;
    for key in kept {
        holds_none(&secrets, &key, &redis.run::<Vec<u8>>(&["GET", &key]).await);
    }
    for (path, contents) in rabbit.files() {
        holds_none(&secrets, &path.display().to_string(), &contents);
    }
    for (path, contents) in gateway.files() {
        holds_none(&secrets, &path.display().to_string(), &contents);
    }
}
