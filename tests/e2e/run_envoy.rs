//! The script that runs Envoy in a container, under log-relay as there, with a small real Envoy: its settings, its
//! signals, its exit codes.

use std::fs::{self, File, Permissions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gateway_tests::{path_with_log_relay, until};
use local_stack::Programs;
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// One listener whose manager counts requests, and an admin interface.
const BOOTSTRAP: &str = r#"
admin: { address: { socket_address: { address: "IP", port_value: PORT } } }
static_resources:
  listeners:
    - address: { socket_address: { address: 127.0.0.1, port_value: 0 } }
      filter_chains:
        - filters:
            - name: http
              typed_config:
                "@type": "TYPE.network.http_connection_manager.v3.HttpConnectionManager"
                stat_prefix: public
                route_config: { virtual_hosts: [] }
                http_filters:
                  - name: router
                    typed_config: { "@type": "TYPE.http.router.v3.Router" }
"#;

fn script() -> Command {
    // A shell cannot trap what it is born to ignore, as everything is that a shell runs in the background.
    let mut command = Command::new("env");
    command.args(["--default-signal=INT,QUIT,TERM", "bash"]);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy/run-envoy.sh"));
    command.env("PATH", path_with_log_relay());
    command.env("ENVOY", Programs::of_this_build().unwrap().envoy).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn free(ip: &str) -> SocketAddr {
    TcpListener::bind((ip, 0)).unwrap().local_addr().unwrap()
}

struct RunningEnvoy {
    child: Child,
    admin: SocketAddr,
    client: Client,
    folder: TempDir,
}

impl RunningEnvoy {
    /// Runs an Envoy whose admin interface is at `admin`, and tells the script that it is at `told`.
    async fn start(admin: SocketAddr, told: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let text = BOOTSTRAP.replace("TYPE", "type.googleapis.com/envoy.extensions.filters");
        let text = text.replace("IP", &admin.ip().to_string()).replace("PORT", &admin.port().to_string());
        let bootstrap = folder.path().join("envoy.yaml");
        fs::write(&bootstrap, text).unwrap();
        let mut command = script();
        command.arg("--config-path").arg(bootstrap).args(["--disable-hot-restart", "--concurrency", "1"]);
        // For a busy machine to notice the goodbye.
        command.env("ENVOY_ADMIN_LISTEN", told).env("DRAIN_NOTICE_SECONDS", "5").env("DRAIN_SECONDS", "2");
        command.stderr(File::create(folder.path().join("log")).unwrap());
        let client = Client::builder().no_proxy().build().unwrap();
        let run = Self { child: command.spawn().unwrap(), admin, client, folder };
        until("an Envoy that is ready", async || (run.ready().await == Some(200)).then_some(())).await;
        run
    }

    async fn ready(&self) -> Option<u16> {
        let answer = self.client.get(format!("http://{}/ready", self.admin)).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The relay, and Envoy.
    fn below(&self) -> (Pid, Pid) {
        let relay = only_child(Pid::from_child(&self.child));
        (relay, only_child(relay))
    }

    /// The exit code, and what was logged.
    async fn end(mut self) -> (i32, String) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(self.ready().await, None, "no Envoy is left");
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        (status.code().unwrap_or_else(|| -status.signal().unwrap()), log)
    }
}

impl Drop for RunningEnvoy {
    #[expect(clippy::print_stderr, reason = "the harness shows it where a test fails")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.signal(Signal::TERM);
            std::thread::sleep(Duration::from_secs(8));
            let _ = (self.child.kill(), self.child.wait());
        }
    }
}

fn only_child(of: Pid) -> Pid {
    let of = of.as_raw_nonzero();
    let children = fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap();
    Pid::from_raw(children.trim().parse().unwrap()).unwrap()
}

/// What a script that refuses its settings says. It must not have started Envoy.
fn refusal(name: &str, value: &str) -> String {
    let mut command = script();
    command.env("ENVOY", Path::new("/bin/true")).env(name, value);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{name}={value}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn settings_of_draining_that_cannot_be_meant_are_refused_before_envoy_starts() {
    for (name, values) in [
        ("DRAIN_SECONDS", ["40s", "1.5", "-1", "forty"].as_slice()),
        ("DRAIN_NOTICE_SECONDS", &["5s", "0x5", " "]),
        (
            "ENVOY_ADMIN_LISTEN",
            &["9901", "::1:9901", "[::1]", "127.0.0.1:0", "127.0.0.1:65536", "/run/a.sock"],
        ),
    ] {
        for value in values {
            let said = refusal(name, value);
            assert!(said.contains(name) && said.contains(&format!("'{value}'")), "{said}");
        }
    }
}

#[test]
fn blanks_and_line_ends_around_settings_of_draining_are_no_part_of_them() {
    let mut command = script();
    command.env("ENVOY", "/bin/true").env("ENVOY_ADMIN_LISTEN", " [::1]:9901\r\n");
    command.env("DRAIN_SECONDS", "40\r\n").env("DRAIN_NOTICE_SECONDS", "\t5 ");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_file_with_a_secret_that_cannot_be_used_is_refused_before_envoy_starts() {
    const NAMES: [&str; 2] = ["EDGE_ATTESTATION_KEYS", "STRIPE_WEBHOOK_SECRETS"];
    let folder = TempDir::new().unwrap();
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (good, blank) = (written("good", "hidden-in-a-file\n"), written("blank", " \n\t\n"));
    let missing = folder.path().join("missing").display().to_string();
    for name in NAMES {
        let file = format!("{name}_FILE");
        // What is refused, with the variable beside it, and why.
        for (path, beside, why) in [
            (&good, "hidden", format!("{name} and {file} are both set")),
            (&missing, "", format!("{file} names {missing}, which cannot be read")),
            (&folder.path().display().to_string(), "", "which cannot be read".to_owned()),
            (&blank, "", format!("{file} names {blank}, which is empty")),
        ] {
            let mut command = script();
            command.env("ENVOY", "/bin/true").env(&file, path).env(name, beside);
            let output = command.output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{why}: {said}");
            assert!(said.contains(&why) && !said.contains("hidden"), "{why}: {said}");
        }
        // Envoy gets what a file has, without the line's end.
        let program = written("envoy", &format!("#!/bin/sh\n[ \"${name}\" = hidden-in-a-file ]\n"));
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        let output = script().env("ENVOY", &program).env(&file, &good).env_remove(name).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn envoy_is_drained_through_an_admin_interface_with_an_ipv6_address() {
    for asked in [Signal::TERM, Signal::QUIT] {
        let admin = free("::1");
        let run = RunningEnvoy::start(admin, &admin.to_string()).await;
        run.signal(asked);
        until("a goodbye", async || (run.ready().await == Some(503)).then_some(())).await;
        let (code, log) = run.end().await;
        assert_eq!(code, 0, "{log}");
    }
}

#[tokio::test]
async fn an_envoy_that_cannot_be_asked_to_drain_ends_and_the_exit_code_says_so() {
    let nobody = free("127.0.0.1").to_string();
    let run = RunningEnvoy::start(free("127.0.0.1"), &nobody).await;
    run.signal(Signal::TERM);
    let (code, log) = run.end().await;
    assert_eq!(code, 1, "{log}");
    assert!(log.contains(&format!("could not be asked to drain at {nobody} (ENVOY_ADMIN_LISTEN)")), "{log}");
}

#[tokio::test]
async fn a_hangup_neither_ends_envoy_nor_keeps_it_from_draining_later() {
    let admin = free("127.0.0.1");
    let run = RunningEnvoy::start(admin, &admin.to_string()).await;
    run.signal(Signal::HUP);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(run.ready().await, Some(200));
    run.signal(Signal::TERM);
    let (code, log) = run.end().await;
    assert_eq!(code, 0, "{log}");
}

#[tokio::test]
async fn an_envoy_that_was_killed_ends_its_relay_and_the_script_with_its_code() {
    let admin = free("127.0.0.1");
    let run = RunningEnvoy::start(admin, &admin.to_string()).await;
    kill_process(run.below().1, Signal::KILL).unwrap();
    let (code, log) = run.end().await;
    assert_eq!(code, 137, "{log}");
}

/// What lost its relay would fill its memory with logs.
#[tokio::test]
async fn an_envoy_whose_relay_was_killed_ends() {
    let admin = free("127.0.0.1");
    let run = RunningEnvoy::start(admin, &admin.to_string()).await;
    kill_process(run.below().0, Signal::KILL).unwrap();
    until("the end of Envoy", async || run.ready().await.is_none().then_some(())).await;
    let (code, log) = run.end().await;
    assert_eq!(code, 137, "{log}");
}

/// As where it was built for a newer system.
#[test]
fn envoy_runs_without_a_relay_that_cannot_run() {
    let folder = TempDir::new().unwrap();
    let relay = folder.path().join("log-relay");
    fs::write(&relay, "#!/bin/sh\nexit 127\n").unwrap();
    fs::set_permissions(&relay, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.path().display(), path_with_log_relay());
    let mut command = script();
    command.env("ENVOY", "/bin/true").env("PATH", path);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("log-relay or setpriv cannot run here, so Envoy runs without them"), "{said}");
}

#[test]
fn a_reader_that_has_gone_changes_no_exit_code() {
    let (reader, pipe) = io::pipe().unwrap();
    drop(reader);
    let status = script().env("DRAIN_SECONDS", "forty").stderr(pipe).status().unwrap();
    assert_eq!(status.code(), Some(2));
}
