//! The TLS of a service's listeners, against peers of all kinds.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use local_stack::{Authority, Issued};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream, SupportedProtocolVersion, version};

use super::service::Service;
use super::{KEYS, run};

/// Longer than two looks at the files take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

const HEALTH: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";

/// The files of a service, and who issues them.
struct Pki {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Pki {
    fn new() -> Self {
        let pki = Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new().unwrap() };
        fs::write(pki.path("ca.pem"), pki.authority.pem()).unwrap();
        pki.serve_as(&pki.authority.issue(&["control-plane", "127.0.0.1"]).unwrap());
        pki
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn serve_as(&self, issued: &Issued) {
        issued.replace(&self.path("service.pem"), &self.path("service-key.pem")).unwrap();
    }

    fn settings(&self) -> Vec<(&'static str, String)> {
        let text = |name: &str| self.path(name).display().to_string();
        vec![
            ("SERVICE_TLS_CERTIFICATE", text("service.pem")),
            ("SERVICE_TLS_PRIVATE_KEY", text("service-key.pem")),
            ("SERVICE_TLS_CLIENT_CA", text("ca.pem")),
            ("SERVICE_TLS_CLIENT_NAMES", "envoy.example,spiffe://example/scraper".to_owned()),
        ]
    }

    fn start(&self) -> Service {
        let settings = self.settings();
        let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
        Service::start(&settings)
    }

    /// A client that trusts this service and shows this certificate.
    fn client(
        &self,
        issued: Option<&Issued>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem().as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_protocol_versions(versions).unwrap().with_root_certificates(roots);
        match issued {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(issued.private_key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        }
    }

    fn genuine(&self) -> ClientConfig {
        self.client(Some(&self.authority.issue(&["envoy.example"]).unwrap()), &[&version::TLS13])
    }
}

/// What the service answers to a client's request, or why it answers nothing.
fn ask(service: &Service, client: ClientConfig) -> Result<String, String> {
    let socket = TcpStream::connect(service.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    talk(socket, client)
}

fn talk(mut socket: TcpStream, client: ClientConfig) -> Result<String, String> {
    let name = ServerName::try_from("control-plane").unwrap();
    let mut connection = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    let mut answer = String::new();
    stream.write_all(HEALTH).map_err(|error| error.to_string())?;
    match stream.read_to_string(&mut answer) {
        Err(error) if answer.is_empty() => Err(error.to_string()),
        _ => Ok(answer),
    }
}

fn until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(100));
    }
}

/// The metrics, as an allowed scraper sees them.
fn metrics(pki: &Pki, service: &Service) -> String {
    let scraper = pki.authority.issue(&["spiffe://example/scraper"]).unwrap();
    let mut socket = TcpStream::connect(service.address()).unwrap();
    let client = pki.client(Some(&scraper), &[&version::TLS13]);
    let name = ServerName::try_from("control-plane").unwrap();
    let mut connection = ClientConnection::new(Arc::new(client), name).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).unwrap()
}

#[test]
fn a_peer_that_may_not_connect_is_refused_with_the_reason_in_log_and_metrics() {
    let pki = Pki::new();
    let service = pki.start();
    let other = Authority::new().unwrap();
    let expired = pki.authority.issue_with(&["envoy.example"], |params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let server_only = pki.authority.issue_with(&["envoy.example"], |params| {
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    });
    let good = pki.authority.issue(&["envoy.example"]).unwrap();
    let (tls_1_2, tls_1_3) = (&[&version::TLS12][..], &[&version::TLS13][..]);
    for (reason, certificate, versions) in [
        ("version", Some(good), tls_1_2),
        ("no_certificate", None, tls_1_3),
        ("authority", Some(other.issue(&["envoy.example"]).unwrap()), tls_1_3),
        ("expired", Some(expired.unwrap()), tls_1_3),
        ("name", Some(pki.authority.issue(&["other.example", "*.example"]).unwrap()), tls_1_3),
        ("certificate", Some(server_only.unwrap()), tls_1_3),
    ] {
        let refused = ask(&service, pki.client(certificate.as_ref(), versions));
        assert!(refused.is_err(), "{reason}: {refused:?}");
        service.until(&format!(r#""reason":"{reason}""#));
    }
    // Plain HTTP.
    let mut socket = TcpStream::connect(service.address()).unwrap();
    socket.write_all(HEALTH).unwrap();
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    service.until(r#""reason":"not_tls""#);
    let log = service.log();
    assert!(log.contains("no name of the certificate may connect; it has other.example"), "{log}");
    let metrics = metrics(&pki, &service);
    for reason in ["version", "no_certificate", "authority", "expired", "name", "certificate", "not_tls"] {
        let line = format!(r#"tls_connections_refused_total{{reason="{reason}"}} 1"#);
        assert!(metrics.contains(&line), "{line} in {metrics}");
    }
    assert!(ask(&service, pki.genuine()).unwrap().starts_with("HTTP/1.1 200"));
}

#[test]
fn the_listener_for_claims_refuses_the_same_peers() {
    let pki = Pki::new();
    let service = pki.start();
    let ask = |client: ClientConfig| {
        let socket = TcpStream::connect(service.address_of("EDGE_CACHE_LISTEN")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        talk(socket, client)
    };
    let (tls_1_2, tls_1_3) = (&[&version::TLS12][..], &[&version::TLS13][..]);
    let issue = |name: &str| Some(pki.authority.issue(&[name]).unwrap());
    for (reason, certificate, versions) in [
        ("version", issue("envoy.example"), tls_1_2),
        ("no_certificate", None, tls_1_3),
        ("authority", Some(Authority::new().unwrap().issue(&["envoy.example"]).unwrap()), tls_1_3),
        ("name", issue("other.example"), tls_1_3),
    ] {
        let refused = ask(pki.client(certificate.as_ref(), versions));
        assert!(refused.is_err(), "{reason}: {refused:?}");
        service.until(&format!(r#""reason":"{reason}""#));
    }
    assert!(ask(pki.genuine()).unwrap().starts_with("HTTP/1.1 "));
}

#[test]
fn a_peer_with_a_wildcard_name_alone_is_told_that_it_needs_a_whole_one() {
    let pki = Pki::new();
    for wildcard in ["*.example", "*.envoy.example"] {
        let service = pki.start();
        let certificate = pki.authority.issue(&[wildcard]).unwrap();
        assert!(ask(&service, pki.client(Some(&certificate), &[&version::TLS13])).is_err(), "{wildcard}");
        service.until(&format!("a wildcard name is not accepted ({wildcard})"));
        assert!(service.log().contains("a whole name of SERVICE_TLS_CLIENT_NAMES"), "{}", service.log());
    }
}

#[test]
fn new_certificates_are_used_without_a_restart_and_unusable_ones_change_nothing() {
    let pki = Pki::new();
    let service = pki.start();
    let serial = |service: &Service| {
        let mut socket = TcpStream::connect(service.address()).unwrap();
        let name = ServerName::try_from("control-plane").unwrap();
        let mut connection = ClientConnection::new(Arc::new(pki.genuine()), name).unwrap();
        connection.complete_io(&mut socket).unwrap();
        connection.peer_certificates().unwrap()[0].to_vec()
    };
    let first = serial(&service);
    // An idle connection that stays open.
    let mut idle = TcpStream::connect(service.address()).unwrap();
    idle.set_read_timeout(Some(PATIENCE)).unwrap();
    let name = ServerName::try_from("control-plane").unwrap();
    let mut connection = ClientConnection::new(Arc::new(pki.genuine()), name).unwrap();
    let mut stream = Stream::new(&mut connection, &mut idle);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let mut answer = [0; 15];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200 OK");

    fs::write(pki.path("service.pem"), "nonsense").unwrap();
    service.until("the new TLS files are unusable; the old ones stay in use");
    assert_eq!(serial(&service), first);
    assert!(service.log().contains("service.pem: has no certificate in PEM"), "{}", service.log());

    pki.serve_as(&pki.authority.issue(&["control-plane"]).unwrap());
    service.until("new TLS certificates are in use");
    assert_ne!(serial(&service), first);
    assert_eq!(service.log().matches("are unusable").count(), 1, "certificate and key are read together");
    // The rest of the answer, and then the end: the peer has to connect again.
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);

    // A peer whose authority goes may not connect any more.
    let next = Authority::new().unwrap();
    let (old, new) = (pki.genuine(), next.issue(&["envoy.example"]).unwrap());
    assert!(ask(&service, pki.client(Some(&new), &[&version::TLS13])).is_err());
    fs::write(pki.path("ca.new"), next.pem()).unwrap();
    fs::rename(pki.path("ca.new"), pki.path("ca.pem")).unwrap();
    until("the new authority", || ask(&service, pki.client(Some(&new), &[&version::TLS13])).is_ok());
    assert!(ask(&service, old).is_err());
}

#[test]
fn a_health_check_beside_the_process_needs_no_certificate_of_its_own() {
    let pki = Pki::new();
    let service = pki.start();
    let settings = pki.settings();
    let settings: Vec<_> = settings.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let check = |arguments: &[&str]| run(service.folder.path(), arguments, &settings);
    let address = service.address();
    until("ready", || check(&["ready", &address]).0);
    assert_eq!(check(&["ready", "--alive", &address]), (true, String::new()));
    // Another's certificate is none.
    let other = Pki::new();
    let elsewhere = other.settings();
    let elsewhere: Vec<_> = elsewhere.iter().map(|(key, value)| (*key, value.as_str())).collect();
    let (worked, text) = run(service.folder.path(), &["ready", &address], &elsewhere);
    assert!(!worked && text.contains("does not answer"), "{text}");
}

#[test]
fn a_peer_that_never_finishes_its_handshake_keeps_nobody_from_connecting() {
    let pki = Pki::new();
    let service = pki.start();
    let silent: Vec<_> = (0..50).map(|_| TcpStream::connect(service.address()).unwrap()).collect();
    assert!(ask(&service, pki.genuine()).unwrap().starts_with("HTTP/1.1 200"));
    service.until(r#""reason":"timeout""#);
    drop(silent);
}

fn refused(folder: &Path, settings: &[(&str, &str)]) -> String {
    let settings = [&[KEYS], settings].concat();
    let (worked, text) = run(folder, &["config", "check"], &settings);
    assert!(!worked, "{text}");
    text
}

#[test]
fn files_that_make_no_tls_are_named_at_the_start_with_what_would_be_right() {
    let pki = Pki::new();
    let all = pki.settings();
    let all: Vec<_> = all.iter().map(|(key, value)| (*key, value.as_str())).collect();
    for (key, _) in &all {
        let others: Vec<_> = all.iter().filter(|(other, _)| other != key).copied().collect();
        assert!(refused(pki.folder.path(), &others).contains(&format!("{key}: is required")), "{key}");
    }
    let with = |key: &str, value: &str| {
        let changed: Vec<_> =
            all.iter().map(|(own, old)| (*own, if *own == key { value } else { *old })).collect();
        refused(pki.folder.path(), &changed)
    };
    let ca = pki.path("ca.pem").display().to_string();
    for (key, value, problem) in [
        ("SERVICE_TLS_CERTIFICATE", "/nowhere", "/nowhere: No such file"),
        ("SERVICE_TLS_PRIVATE_KEY", &*ca, "has no private key in PEM"),
        ("SERVICE_TLS_CERTIFICATE", &*ca, "is not the key of the certificate"),
        ("SERVICE_TLS_CLIENT_NAMES", "*.example", "entry 1 must be a DNS name without wildcard"),
    ] {
        assert!(with(key, value).contains(problem), "{key}={value}: {}", with(key, value));
    }
}

#[test]
fn production_starts_nothing_in_clear_text_that_no_setting_allows() {
    let folder = tempfile::tempdir().unwrap();
    let plain = [
        ("GATEWAY_PROFILE", "production"),
        ("CONTROL_PLANE_LISTEN", "0.0.0.0:8081"),
        ("EDGE_CACHE_LISTEN", "0.0.0.0:8082"),
        ("DB_URI", "postgres://u:hidden@db/gateway?sslmode=require"),
        ("REDIS_URI", "redis://:hidden@redis"),
        ("AMQP_URI", "amqp://u:hidden@broker"),
        ("STRIPE_SECRET_KEY", "sk_test_sandbox_1"),
        ("STRIPE_API_BASE", "http://sandbox:8090"),
    ];
    let text = refused(folder.path(), &plain);
    for (key, wire) in [
        ("CONTROL_PLANE_LISTEN", "control-plane"),
        ("EDGE_CACHE_LISTEN", "edge-cache"),
        ("DB_URI", "database"),
        ("REDIS_URI", "redis"),
        ("AMQP_URI", "queue"),
        ("STRIPE_API_BASE", "providers"),
    ] {
        let line = text.lines().find(|line| line.trim_start().starts_with(key));
        let line = line.unwrap_or_else(|| panic!("{key} in {text}"));
        assert!(line.ends_with(&format!("ALLOW_PLAINTEXT={wire}")), "{line}");
    }
    assert!(!text.contains("hidden"), "{text}");
    let all = ("ALLOW_PLAINTEXT", "control-plane,edge-cache,database,redis,queue,providers");
    let (worked, text) = run(folder.path(), &["config", "check"], &[&[KEYS, all], &plain[..]].concat());
    assert!(worked, "{text}");
    let local = [&[KEYS], &plain[1..]].concat();
    assert!(run(folder.path(), &["config", "check"], &local).0, "without the profile nothing is refused");
    // What nothing allows.
    let live =
        [&plain[..6], &[all, ("STRIPE_SECRET_KEY", "sk_live_1"), ("STRIPE_API_BASE", "http://127.0.0.1:1")]];
    assert!(refused(folder.path(), &live.concat()).contains("never goes over plain HTTP"));
}

#[test]
fn production_takes_every_wire_that_is_encrypted_or_on_this_machine() {
    let folder = tempfile::tempdir().unwrap();
    let common = [KEYS, ("GATEWAY_PROFILE", "production"), ("STRIPE_SECRET_KEY", "sk_live_1")];
    let encrypted = [
        ("DB_URI", "postgres://u:p@db/gateway"),
        ("REDIS_URI", "rediss://:p@redis"),
        ("AMQP_URI", "amqps://u:p@broker"),
    ];
    let here = [
        ("DB_URI", "postgres://u:p@127.0.0.1/gateway"),
        ("REDIS_URI", "redis://localhost"),
        ("AMQP_URI", "amqp://[::1]"),
    ];
    for wires in [encrypted, here] {
        let (worked, text) = run(folder.path(), &["config", "check"], &[&common[..], &wires].concat());
        assert!(worked, "{text}");
    }
}
