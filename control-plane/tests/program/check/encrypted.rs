//! The wires to PostgreSQL, Redis and RabbitMQ over TLS: what is taken, and what is refused with which reason.

use std::path::{Path, PathBuf};

use local_stack::{Authority, Issued};
use test_services::{PostgresServer, RabbitServer, RedisServer, ServerTls};

use super::check;

/// Files of a client, and a server's side.
pub(super) struct Pki {
    folder: tempfile::TempDir,
    pub(super) authority: Authority,
}

impl Pki {
    pub(super) fn new() -> Self {
        let pki = Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new().unwrap() };
        std::fs::write(pki.path("ca.pem"), pki.authority.pem()).unwrap();
        std::fs::write(pki.path("other-ca.pem"), Authority::new().unwrap().pem()).unwrap();
        let write = |issued: Issued, name: &str| {
            issued.replace(&pki.path(&format!("{name}.pem")), &pki.path(&format!("{name}-key.pem"))).unwrap();
        };
        write(pki.authority.issue(&["control-plane"]).unwrap(), "client");
        write(Authority::new().unwrap().issue(&["control-plane"]).unwrap(), "stranger");
        pki
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn server(&self, names: &[&str]) -> ServerTls {
        let Issued { certificate, private_key } = self.authority.issue(names).unwrap();
        ServerTls { certificate, private_key, authority: self.authority.pem().to_owned() }
    }
}

const HERE: [&str; 2] = ["localhost", "127.0.0.1"];

/// `PREFIX_CA` and so on, with a certificate of this name.
pub(super) fn files(
    pki: &Pki,
    [ca, certificate, key]: [&'static str; 3],
    authority: &str,
    client: Option<&str>,
) -> Vec<(&'static str, String)> {
    let mut settings = vec![(ca, pki.text(authority))];
    if let Some(client) = client {
        settings.push((certificate, pki.text(&format!("{client}.pem"))));
        settings.push((key, pki.text(&format!("{client}-key.pem"))));
    }
    settings
}

pub(super) fn checked(uri: (&'static str, &str), files: &[(&'static str, String)]) -> (bool, String) {
    let files = files.iter().map(|(key, value)| (*key, value.as_str()));
    check(&std::iter::once(uri).chain(files).collect::<Vec<_>>())
}

const REDIS: [&str; 3] = ["REDIS_CA", "REDIS_CERTIFICATE", "REDIS_PRIVATE_KEY"];
pub(super) const AMQP: [&str; 3] = ["AMQP_CA", "AMQP_CERTIFICATE", "AMQP_PRIVATE_KEY"];

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_reached_over_tls_1_3_with_certificates_of_both_sides_only() {
    let pki = Pki::new();
    let only = ["--tls-protocols", "TLSv1.3"];
    let Some(redis) = RedisServer::own_encrypted(&pki.server(&HERE), &only).await else { return };
    let uri = ("REDIS_URI", redis.uri());
    let (worked, text) = checked(uri, &files(&pki, REDIS, "ca.pem", Some("client")));
    assert!(worked && text.contains("ok       edge cache"), "{text}");
    for (authority, client, why) in [
        ("ca.pem", None, "ertificate"),
        ("ca.pem", Some("stranger"), "lert"),
        ("other-ca.pem", Some("client"), "invalid peer certificate"),
    ] {
        let (worked, text) = checked(uri, &files(&pki, REDIS, authority, client));
        let line = text.lines().find(|line| line.contains("REDIS_URI")).unwrap_or_default();
        assert!(!worked && line.contains(why), "{authority} {client:?}: {text}");
    }
    let plain = redis.uri().replace("rediss://", "redis://");
    assert!(!checked(("REDIS_URI", &plain), &[]).0);
    // Files for an address without TLS are a mistake.
    let (worked, text) = checked(("REDIS_URI", &plain), &files(&pki, REDIS, "ca.pem", None));
    assert!(!worked && text.contains("must be rediss://"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_of_another_name_or_of_tls_1_2_is_refused() {
    let pki = Pki::new();
    let Some(elsewhere) = RedisServer::own_encrypted(&pki.server(&["redis.example"]), &[]).await else {
        return;
    };
    let right = files(&pki, REDIS, "ca.pem", Some("client"));
    let (worked, text) = checked(("REDIS_URI", elsewhere.uri()), &right);
    assert!(!worked && text.contains("not valid for name"), "{text}");
    let old = RedisServer::own_encrypted(&pki.server(&HERE), &["--tls-protocols", "TLSv1.2"]).await.unwrap();
    let (worked, text) = checked(("REDIS_URI", old.uri()), &right);
    assert!(!worked && text.contains("ProtocolVersion"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_is_reached_over_tls_with_certificates_of_both_sides_only() {
    let pki = Pki::new();
    let Some(rabbit) = RabbitServer::own_encrypted(&pki.server(&HERE)).await else { return };
    let encrypted = rabbit.encrypted_uri();
    let (worked, text) = checked(("AMQP_URI", &encrypted), &files(&pki, AMQP, "ca.pem", Some("client")));
    assert!(worked && text.contains("ok       queue"), "{text}");
    for (authority, client) in
        [("ca.pem", None), ("ca.pem", Some("stranger")), ("other-ca.pem", Some("client"))]
    {
        let (worked, text) = checked(("AMQP_URI", &encrypted), &files(&pki, AMQP, authority, client));
        let line = text.lines().find(|line| line.contains("AMQP_URI")).unwrap_or_default();
        assert!(!worked && !line.is_empty(), "{authority} {client:?}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_must_prove_itself_by_its_name_and_authority() {
    let pki = Pki::new();
    let Some(postgres) = PostgresServer::own_encrypted(&pki.server(&["localhost"])).await else { return };
    let database = postgres.database().await;
    let verified = |host: &str, authority: &str| {
        let uri = database.uri().replace("127.0.0.1", host);
        format!("{uri}?sslmode=verify-full&sslrootcert={}", pki.text(authority))
    };
    let (worked, text) = check(&[("DB_URI", &verified("localhost", "ca.pem"))]);
    assert!(worked && text.contains("database"), "{text}");
    for (host, authority) in [("127.0.0.1", "ca.pem"), ("localhost", "other-ca.pem")] {
        let (worked, text) = check(&[("DB_URI", &verified(host, authority))]);
        assert!(!worked && text.contains("invalid peer certificate"), "{host} {authority}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_of_tls_1_2_is_refused_with_what_to_set() {
    let pki = Pki::new();
    let Some(postgres) = PostgresServer::own_encrypted(&pki.server(&["localhost"])).await else { return };
    let database = postgres.database().await;
    let uri = database.uri().replace("127.0.0.1", "localhost");
    let uri = format!("{uri}?sslmode=verify-full&sslrootcert={}", pki.text("ca.pem"));
    let (worked, text) = check(&[("DB_URI", &uri)]);
    assert!(worked, "{text}");
    postgres.speak_tls_1_2_alone().await;
    let (worked, text) = check(&[("DB_URI", &uri)]);
    assert!(!worked && text.contains("TLSv1.2") && text.contains("ssl_min_protocol_version"), "{text}");
    let (worked, text) = check(&[("DB_URI", &uri.replace("verify-full", "require"))]);
    assert!(!worked && text.contains("TLSv1.2"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_asks_for_a_client_certificate_gets_it() {
    let pki = Pki::new();
    let Some(postgres) = PostgresServer::own_encrypted(&pki.server(&["localhost"])).await else { return };
    let database = postgres.database().await;
    let uri = database.uri().replace("127.0.0.1", "localhost");
    let uri = format!("{uri}?sslmode=verify-full&sslrootcert={}", pki.text("ca.pem"));
    let with = |client: &str| {
        let (certificate, key) = (pki.text(&format!("{client}.pem")), pki.text(&format!("{client}-key.pem")));
        format!("{uri}&sslcert={certificate}&sslkey={key}")
    };
    postgres.ask_for_client_certificates().await;
    let (worked, text) = check(&[("DB_URI", &with("client"))]);
    assert!(worked, "{text}");
    let (worked, text) = check(&[("DB_URI", &uri)]);
    assert!(!worked && text.contains("valid client certificate"), "{text}");
    let (worked, text) = check(&[("DB_URI", &with("stranger"))]);
    assert!(!worked && text.contains("database"), "{text}");
}

#[test]
fn a_file_that_is_no_certificate_or_no_key_is_named() {
    let pki = Pki::new();
    let nonsense = |path: &Path| std::fs::write(path, "nonsense").unwrap();
    nonsense(&pki.path("client-key.pem"));
    let wrong = [
        (files(&pki, REDIS, "ca.pem", Some("client")), "REDIS_PRIVATE_KEY"),
        (files(&pki, REDIS, "client-key.pem", None), "REDIS_CA"),
        (vec![("REDIS_CERTIFICATE", pki.text("client.pem"))], "REDIS_PRIVATE_KEY: is required"),
    ];
    for (files, named) in wrong {
        let (worked, text) = checked(("REDIS_URI", "rediss://127.0.0.1:9"), &files);
        assert!(!worked && text.contains(named), "{named} in {text}");
    }
}
