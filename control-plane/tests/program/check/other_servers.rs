//! Servers that are not the right one, or speak TLS 1.2: they are sent nothing, and the reason is told.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, Stream, SupportedProtocolVersion, version};

use super::check;
use super::encrypted::{AMQP, Pki, checked, files};

/// As Vault answers what was encrypted under no key of its own.
const REFUSAL: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";

/// Speaks TLS, and answers everything alike. Ends with the test's process.
struct Server {
    port: u16,
    /// How often it was sent anything.
    asked: Arc<AtomicUsize>,
}

impl Server {
    fn start(pki: &Pki, name: &str, versions: &[&'static SupportedProtocolVersion]) -> Self {
        let issued = pki.authority.issue(&[name]).unwrap();
        let chain = vec![CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(issued.private_key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_protocol_versions(versions).unwrap().with_no_client_auth();
        let config = Arc::new(config.with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, asked) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
        let counted = asked.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let _ = answer(socket.unwrap(), config.clone(), &counted);
            }
        });
        Self { port, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn answer(mut socket: TcpStream, config: Arc<ServerConfig>, asked: &AtomicUsize) -> io::Result<()> {
    socket.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = Stream::new(&mut connection, &mut socket);
    let read = stream.read(&mut [0; 4096])?;
    asked.fetch_add(usize::from(read > 0), Ordering::SeqCst);
    stream.write_all(REFUSAL)
}

/// `config check --connect` with a key of the Vault there.
fn vault(server: &Server, authorities: &str) -> (bool, String) {
    check(&[
        ("KMS_KEY", "vault:transit/payments"),
        ("VAULT_ADDR", &format!("https://localhost:{}", server.port)),
        ("VAULT_TOKEN", "hvs.hidden"),
        ("VAULT_CA", authorities),
    ])
}

const TLS_1_3: &[&SupportedProtocolVersion] = &[&version::TLS13];
const TLS_1_2: &[&SupportedProtocolVersion] = &[&version::TLS12];

#[test]
fn vault_gets_its_token_over_tls_1_3_alone_and_proves_its_name() {
    let pki = Pki::new();
    let right = Server::start(&pki, "localhost", TLS_1_3);
    let (worked, text) = vault(&right, &pki.text("ca.pem"));
    assert!(!worked && text.contains("Vault refuses the request with 400"), "{text}");
    assert_ne!(right.asked(), 0);
    let asked = right.asked();
    let (worked, text) = vault(&right, &pki.text("other-ca.pem"));
    assert!(!worked && text.contains("invalid peer certificate"), "{text}");
    assert_eq!(right.asked(), asked, "nothing was sent to a Vault of another authority");
    for (name, versions, why) in
        [("vault.example", TLS_1_3, "not valid for name"), ("localhost", TLS_1_2, "ProtocolVersion")]
    {
        let other = Server::start(&pki, name, versions);
        let (worked, text) = vault(&other, &pki.text("ca.pem"));
        assert!(!worked && text.contains("KMS_KEY") && text.contains(why), "{why}: {text}");
        assert!(!text.contains("hidden"), "{text}");
        assert_eq!(other.asked(), 0, "{why}");
    }
    for nonsense in ["client-key.pem", "missing.pem"] {
        let (worked, text) = vault(&right, &pki.text(nonsense));
        assert!(!worked && text.contains("VAULT_CA"), "{nonsense}: {text}");
    }
}

#[test]
fn a_rabbitmq_of_another_name_or_of_tls_1_2_is_sent_nothing() {
    let pki = Pki::new();
    let settings = files(&pki, AMQP, "ca.pem", Some("client"));
    let uri = |server: &Server| format!("amqps://guest:hidden@localhost:{}", server.port);
    let right = Server::start(&pki, "localhost", TLS_1_3);
    assert!(!checked(("AMQP_URI", &uri(&right)), &settings).0, "it is no RabbitMQ");
    assert_ne!(right.asked(), 0);
    for (name, versions, why) in
        [("rabbit.example", TLS_1_3, "not valid for name"), ("localhost", TLS_1_2, "ProtocolVersion")]
    {
        let other = Server::start(&pki, name, versions);
        let (worked, text) = checked(("AMQP_URI", &uri(&other)), &settings);
        let line = text.lines().find(|line| line.contains("AMQP_URI")).unwrap_or_default();
        assert!(!worked && line.contains(why) && !text.contains("hidden"), "{why}: {text}");
        assert_eq!(other.asked(), 0, "{why}");
    }
}

#[test]
fn a_provider_or_witness_of_another_name_or_authority_is_sent_nothing() {
    let pki = Pki::new();
    let at = |server: &Server, authorities: &str| {
        let url = format!("https://localhost:{}", server.port);
        check(&[
            ("AUDIT_SIGNING_KEY", &format!("shop.example/audit:{}", "03".repeat(32))),
            ("AUDIT_WITNESS_URL", &url),
            ("STRIPE_SECRET_KEY", "sk_test_hidden"),
            ("STRIPE_API_BASE", &url),
            ("OUTGOING_CA", &pki.text(authorities)),
            // Other programs go by these, and nothing answers there; only OUTGOING_PROXY counts here.
            ("HTTPS_PROXY", "http://127.0.0.1:9"),
            ("https_proxy", "http://127.0.0.1:9"),
            ("ALL_PROXY", "http://127.0.0.1:9"),
        ])
    };
    let right = Server::start(&pki, "localhost", TLS_1_3);
    let (_, text) = at(&right, "ca.pem");
    assert!(right.asked() >= 2 && text.contains("a witness answers at"), "{text}");
    let elsewhere = Server::start(&pki, "elsewhere.example", TLS_1_3);
    for (server, authorities) in [(&elsewhere, "ca.pem"), (&right, "other-ca.pem")] {
        let asked = server.asked();
        let (worked, text) = at(server, authorities);
        for key in ["AUDIT_WITNESS_URL", "STRIPE_API_BASE"] {
            let line = text.lines().find(|line| line.starts_with("wrong") && line.contains(key));
            assert!(line.is_some_and(|line| line.contains("ertificate")), "{key}, {authorities}: {text}");
        }
        assert!(!worked && !text.contains("hidden"), "{text}");
        assert_eq!(server.asked(), asked, "{authorities}");
    }
}
