//! TLS with client certificates between Envoy and the services behind it, and on every other wire.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use gateway_tests::{Gateway, HttpResponse, OwnGateway, fresh_key, until};
use local_stack::{Authority, DEMO_KEY, Issued};
use reqwest::Client;
use serde_json::json;
use test_services::{PostgresServer, RabbitServer, RedisServer, ServerTls};
use tokio::task::JoinSet;

const CLIENTS: usize = 4;
const PAUSE: Duration = Duration::from_millis(20);
/// How long charges are sent between two steps.
const STEADY: Duration = Duration::from_secs(2);

const SERVICES: &[&str] = &["localhost", "127.0.0.1", "::1"];
const ENVOY: &[&str] = &["envoy.local"];

/// The files of a stack with `LOCAL_TLS`.
struct Files(PathBuf);

impl Files {
    fn of(own: &OwnGateway) -> Self {
        Self(own.stack.run_dir().path().join("tls"))
    }

    fn authority(&self) -> Authority {
        Authority::read(&self.0.join("authority.pem"), &self.0.join("authority-key.pem")).unwrap()
    }

    fn trust(&self, bundle: &str) {
        fs::write(self.0.join("bundle.new"), bundle).unwrap();
        fs::rename(self.0.join("bundle.new"), self.0.join("authority.pem")).unwrap();
    }

    fn give(&self, part: &str, issued: &Issued) {
        let [certificate, key] = ["", "-key"].map(|end| self.0.join(format!("{part}{end}.pem")));
        issued.replace(&certificate, &key).unwrap();
    }
}

/// Clients that charge until they are stopped.
struct Load {
    stop: Arc<AtomicBool>,
    charged: Arc<AtomicUsize>,
    clients: JoinSet<Vec<String>>,
}

impl Load {
    fn begin(own: &OwnGateway) -> Self {
        let (stop, charged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut clients = JoinSet::new();
        for _ in 0..CLIENTS {
            let (stop, charged) = (stop.clone(), charged.clone());
            let url = format!("{}/payments/charge", own.stack.gateway_url());
            clients.spawn(async move {
                let http = Client::builder().no_proxy().build().unwrap();
                let mut failed = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let request =
                        http.post(&url).bearer_auth(DEMO_KEY).header("idempotency-key", fresh_key());
                    let answer = HttpResponse::of(request.json(&charge())).await;
                    match answer.status {
                        200 => _ = charged.fetch_add(1, Ordering::Relaxed),
                        status => failed.push(format!("{status}: {}", answer.text())),
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                failed
            });
        }
        Self { stop, charged, clients }
    }

    /// How many were charged; none may have failed.
    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        let failed = self.clients.join_all().await.concat();
        assert!(failed.is_empty(), "{} charges failed: {failed:?}", failed.len());
        self.charged.load(Ordering::Relaxed)
    }
}

fn charge() -> serde_json::Value {
    json!({ "provider": "stripe", "amount": 4999, "currency": "USD", "paymentMethodId": "pm_card_visa" })
}

fn log(own: &OwnGateway, part: &str) -> String {
    fs::read_to_string(own.stack.run_dir().log(part)).unwrap()
}

/// Waits until a service has put new files into use so often.
async fn until_loaded(own: &OwnGateway, times: usize) {
    until("new certificates in the control plane", async || {
        let loaded = log(own, "control-plane").matches("new TLS certificates are in use").count();
        (loaded >= times).then_some(())
    })
    .await;
}

/// The handshakes of Envoy with the control plane so far.
async fn handshakes(gateway: &Gateway<'_>) -> u64 {
    gateway.envoy_count("cluster.control_plane.ssl.handshake").await
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_and_authorities_are_replaced_under_load_without_a_failed_charge() {
    let own = OwnGateway::start(&[("LOCAL_TLS", "on")]).await;
    let (gateway, files) = (own.gateway(), Files::of(&own));
    let load = Load::begin(&own);
    tokio::time::sleep(STEADY).await;
    let before = handshakes(&gateway).await;
    assert_ne!(before, 0, "Envoy speaks TLS to the control plane");

    // The next authority is trusted beside the old one, then issues everything, then is the only one.
    let (old, next) = (files.authority(), Authority::new().unwrap());
    files.trust(&[old.pem(), next.pem()].concat());
    until_loaded(&own, 1).await;
    tokio::time::sleep(STEADY).await;
    files.give("envoy", &next.issue(ENVOY).unwrap());
    files.give("services", &next.issue(SERVICES).unwrap());
    until_loaded(&own, 2).await;
    tokio::time::sleep(STEADY).await;
    files.trust(next.pem());
    until_loaded(&own, 3).await;
    tokio::time::sleep(STEADY).await;

    assert!(handshakes(&gateway).await > before, "connections were opened with the new files");
    let charged = load.end().await;
    assert!(charged > 100, "{charged}");
    let charges =
        gateway.sandbox.all_effects().await.iter().filter(|effect| effect.contains(" charge ")).count();
    assert_eq!(charges, charged, "each charge was made once");
    let log = log(&own, "control-plane");
    assert!(!log.contains("a TLS connection was refused"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_envoy_or_a_service_of_another_name_is_refused_until_it_has_its_own_again() {
    let own = OwnGateway::start(&[("LOCAL_TLS", "on")]).await;
    let (gateway, files) = (own.gateway(), Files::of(&own));
    let authority = files.authority();
    gateway.charge(&charge()).await.succeeds(200, &json!({}));
    let refused = async |what: &str| {
        until(what, async || {
            let answer = gateway.charge(&charge()).await;
            (answer.status == 503).then_some(())
        })
        .await;
    };
    let works = async |what: &str| {
        until(what, async || (gateway.charge(&charge()).await.status == 200).then_some(())).await;
    };

    files.give("envoy", &authority.issue(&["other.local"]).unwrap());
    // Open connections end when the service's own files change.
    files.give("services", &authority.issue(SERVICES).unwrap());
    refused("the refusal of an Envoy of another name").await;
    let said = log(&own, "control-plane");
    assert!(said.contains(r#""reason":"name""#) && said.contains("it has other.local"), "{said}");
    files.give("envoy", &authority.issue(ENVOY).unwrap());
    works("the Envoy with its own name").await;

    files.give("services", &authority.issue(&["elsewhere.local"]).unwrap());
    refused("the refusal of a service of another name").await;
    let said = log(&own, "control-plane");
    assert!(said.contains(r#""reason":"by_peer""#), "{said}");
    let why = until("the line of the failed health check", async || {
        let lines = gateway.access_log_lines();
        lines.into_iter().rfind(|line| {
            line["cluster_name"] == "control_plane" && line["eject_unhealthy_event"].is_object()
        })
    })
    .await;
    assert_eq!(why["eject_unhealthy_event"]["failure_type"], "NETWORK", "{why}");
    files.give("services", &authority.issue(SERVICES).unwrap());
    works("the service with its own name").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_certificate_for_clients_is_replaced_without_a_restart_of_envoy() {
    let own = OwnGateway::start(&[]).await;
    let [certificate, key] =
        ["TLS_CERTIFICATE", "TLS_PRIVATE_KEY"].map(|name| PathBuf::from(own.stack.setting(name).unwrap()));
    let authority = Authority::new().unwrap();
    authority.issue(SERVICES).unwrap().replace(&certificate, &key).unwrap();
    let trusted = reqwest::Certificate::from_pem(authority.pem().as_bytes()).unwrap();
    until("the new certificate", async || {
        let client = Client::builder().no_proxy().tls_certs_only([trusted.clone()]).build().unwrap();
        let url = format!("{}/payments?limit=1", own.stack.gateway_tls_url());
        let answer = client.get(url).bearer_auth(DEMO_KEY).send().await.ok()?;
        (answer.status() == 200).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_production_gateway_whose_every_wire_is_encrypted_charges_and_refunds() {
    let authority = Authority::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("ca.pem"), authority.pem()).unwrap();
    let client = authority.issue(&["control-plane.local"]).unwrap();
    client.replace(&folder.path().join("client.pem"), &folder.path().join("key.pem")).unwrap();
    let Issued { certificate, private_key } = authority.issue(&["localhost", "127.0.0.1"]).unwrap();
    let tls = ServerTls { certificate, private_key, authority: authority.pem().to_owned() };
    let (Some(postgres), Some(redis), Some(rabbit)) = (
        PostgresServer::own_encrypted(&tls).await,
        RedisServer::own_encrypted(&tls, &["--tls-protocols", "TLSv1.3"]).await,
        RabbitServer::own_encrypted(&tls).await,
    ) else {
        return;
    };
    let database = postgres.database().await;
    let settings = [
        ("LOCAL_TLS", "on".to_owned()),
        ("GATEWAY_PROFILE", "production".to_owned()),
        ("DB_URI", format!("{}?sslmode=verify-full&sslrootcert={}", database.uri(), path("ca.pem"))),
        ("REDIS_URI", redis.uri().to_owned()),
        ("REDIS_CA", path("ca.pem")),
        ("REDIS_CERTIFICATE", path("client.pem")),
        ("REDIS_PRIVATE_KEY", path("key.pem")),
        ("AMQP_URI", rabbit.encrypted_uri()),
        ("AMQP_CA", path("ca.pem")),
        ("AMQP_CERTIFICATE", path("client.pem")),
        ("AMQP_PRIVATE_KEY", path("key.pem")),
    ];
    let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let own = OwnGateway::start(&settings).await;
    let gateway = own.gateway();
    let key = fresh_key();
    let first = gateway.charge_under(&key, &charge()).await;
    first.succeeds(200, &json!({ "status": "completed" }));
    let again = gateway.charge_under(&key, &charge()).await;
    assert_eq!(again.text(), first.text());
    let transaction = first.json()["transactionId"].as_str().unwrap().to_owned();
    gateway.refund(&transaction, None).await.succeeds(200, &json!({}));
    until("RabbitMQ", async || {
        gateway.control_plane_metrics().await.contains("queue_connected 1").then_some(())
    })
    .await;
    assert_ne!(gateway.edge_claims("replay").await, 0, "the answer came from Redis");
}
