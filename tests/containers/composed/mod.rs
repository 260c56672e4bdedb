//! The gateway of docker-compose.yml on a container engine, while its containers are killed, frozen, cut off, given
//! other keys and another image. The judge is the sandbox's ledger. Started by `make compose-test`, which builds the
//! images and brings all of it up.

mod scenario;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs};

use gateway_tests::{HttpResponse, Sandbox, fresh_key, until};
use reqwest::{Certificate, Client, Method};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::compose::Environment;
use crate::root;

/// The longest that anything here may keep a charge from its end: a frozen database, and a new Envoy after that.
const PATIENCE: Duration = Duration::from_secs(120);

/// The engine, its client, and what was composed.
struct Composed {
    docker: String,
    compose: Vec<String>,
    file: String,
    env_file: PathBuf,
    http: Client,
    sandbox: Sandbox,
    /// Has the certificate that replaces the one at hand.
    next: Environment,
}

impl Composed {
    fn found() -> Self {
        let variable =
            |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name}: run `make compose-test`"));
        let env_file = PathBuf::from(variable("COMPOSE_TEST_FOLDER")).join(".env");
        let next = Environment::made();
        let certificates = [setting(&env_file, "TLS_FOLDER"), next.values["TLS_FOLDER"].clone()];
        let http = client(certificates.iter().map(|folder| certificate(folder)).collect());
        let compose = variable("COMPOSE_TEST_COMPOSE").split(' ').map(str::to_owned).collect();
        let sandbox = format!("http://127.0.0.1:{}", setting(&env_file, "SANDBOX_PORT"));
        Self {
            docker: variable("COMPOSE_TEST_DOCKER"),
            compose,
            file: variable("COMPOSE_TEST_FILE"),
            env_file,
            http,
            sandbox: Sandbox::at(sandbox),
            next,
        }
    }

    fn setting(&self, name: &str) -> String {
        setting(&self.env_file, name)
    }

    /// Gives a setting another value, and brings everything that has it, or what follows from it, up with it.
    fn set(&self, name: &str, value: &str) {
        let text = fs::read_to_string(&self.env_file).unwrap();
        let lines = text.lines().map(|line| match line.split_once('=') {
            Some((found, _)) if found == name => format!("{name}={value}\n"),
            _ => format!("{line}\n"),
        });
        // In one step, since clients read it meanwhile.
        let next = self.env_file.with_extension("next");
        fs::write(&next, lines.collect::<String>()).unwrap();
        fs::rename(next, &self.env_file).unwrap();
        said(Command::new(root().join("tools/compose-env.sh")).arg(self.env_file.parent().unwrap()));
        self.up();
    }

    /// Moves another certificate and its key to where Envoy looks, as their owner would, and waits until Envoy shows
    /// it.
    async fn replace_certificate(&self) {
        let (from, to) = (PathBuf::from(&self.next.values["TLS_FOLDER"]), self.setting("TLS_FOLDER"));
        for name in ["private-key.pem", "certificate.pem"] {
            let arriving = Path::new(&to).join("arriving");
            fs::copy(from.join(name), &arriving).unwrap();
            fs::rename(arriving, Path::new(&to).join(name)).unwrap();
        }
        let http = client(vec![certificate(&self.next.values["TLS_FOLDER"])]);
        let url = format!("https://localhost:{}/healthz", self.setting("GATEWAY_PORT"));
        until("the new certificate", async || http.get(&url).send().await.ok().map(drop)).await;
    }

    fn up(&self) {
        self.compose(&["up", "--no-build", "--detach", "--wait", "--wait-timeout", "180"]);
    }

    fn compose(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(&self.compose[0]);
        command.args(&self.compose[1..]).arg("--project-directory").arg(root());
        command.arg("--file").arg(&self.file).arg("--env-file").arg(&self.env_file);
        said(command.args(arguments))
    }

    fn docker(&self, arguments: &[&str]) -> String {
        said(Command::new(&self.docker).args(arguments))
    }

    /// The containers of a service, by id.
    fn containers(&self, service: &str) -> Vec<String> {
        self.compose(&["ps", "--quiet", service]).lines().map(str::to_owned).collect()
    }

    /// A request with the client's key.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: &Value,
    ) -> reqwest::Result<HttpResponse> {
        let url = format!("https://localhost:{}{path}", self.setting("GATEWAY_PORT"));
        let clients = self.setting("GATEWAY_CLIENTS");
        let (_, secret) = clients.split_once(':').unwrap();
        let request = self.http.request(method, url).bearer_auth(secret).header("idempotency-key", key);
        HttpResponse::try_of(request.json(body)).await
    }

    async fn charge(&self, key: &str, amount: u64) -> reqwest::Result<HttpResponse> {
        self.ask(Method::POST, "/payments/charge", key, &charge(amount)).await
    }

    /// A charge that is repeated under its key, as a client does, until it is decided.
    async fn decided(&self, key: &str, amount: u64) -> HttpResponse {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.charge(key, amount).await;
            match answer {
                Ok(answer) if answer.status == 200 => return answer,
                Ok(answer) => {
                    let may_repeat = [202, 409, 429, 502, 503, 504].contains(&answer.status);
                    assert!(may_repeat, "{key}: {} {}", answer.status, answer.text());
                }
                // Cut off: the outcome is unknown.
                Err(_) => {}
            }
            assert!(Instant::now() < deadline, "{key} is not decided");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

/// What cannot be tried here fails no check of a change, unless it has to be tried.
#[test]
fn with_an_engine_that_does_not_fit_the_test_is_skipped_unless_it_is_required() {
    let folder = tempfile::tempdir().unwrap();
    let docker = folder.path().join("docker");
    fs::write(&docker, "#!/bin/sh\necho 'Client: Podman Engine'\n").unwrap();
    fs::set_permissions(&docker, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), env::var("PATH").unwrap());
    for (required, succeeds) in [("", true), ("required", false)] {
        let mut test = Command::new(root().join("tests/containers/engine/compose-test.sh"));
        test.arg(folder.path().join("build")).env("PATH", &path).env("COMPOSE_TEST", required);
        let output = test.env_remove("SCOPE").env_remove("IMAGES").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), succeeds, "{said}");
        assert!(said.contains("Podman") && said.contains("SKIPPED") == succeeds, "{said}");
    }
}

fn certificate(folder: &str) -> Certificate {
    Certificate::from_pem(&fs::read(Path::new(folder).join("certificate.pem")).unwrap()).unwrap()
}

fn client(trusted: Vec<Certificate>) -> Client {
    let http = Client::builder().no_proxy().tls_certs_only(trusted);
    http.timeout(Duration::from_secs(45)).build().unwrap()
}

fn setting(env_file: &Path, name: &str) -> String {
    let text = fs::read_to_string(env_file).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}=")));
    line.unwrap_or_else(|| panic!("no {name}")).to_owned()
}

fn charge(amount: u64) -> Value {
    json!({ "provider": "stripe", "amount": amount, "currency": "USD", "paymentMethodId": "pm_card_visa" })
}

fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Clients that charge without a pause between two charges, whatever happens.
struct Clients {
    stop: Arc<AtomicBool>,
    running: Vec<JoinHandle<BTreeMap<String, String>>>,
}

impl Clients {
    const COUNT: u64 = 3;

    fn start(composed: &Arc<Composed>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let running = (0..Self::COUNT).map(|client| {
            let (composed, stop) = (Arc::clone(composed), Arc::clone(&stop));
            tokio::spawn(async move {
                let mut charged = BTreeMap::new();
                while !stop.load(Ordering::Relaxed) {
                    let (key, amount) = (fresh_key(), 1_000 + client);
                    let answer = composed.decided(&key, amount).await;
                    charged.insert(key, answer.transaction_id());
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                charged
            })
        });
        Self { running: running.collect(), stop }
    }

    /// Ends after each has its last answer; gives the transaction of each key.
    async fn stopped(self) -> BTreeMap<String, String> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = BTreeMap::new();
        for client in self.running {
            all.extend(client.await.unwrap());
        }
        all
    }
}
