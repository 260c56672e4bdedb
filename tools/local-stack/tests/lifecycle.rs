//! A gateway starts, runs beside others, and leaves nothing behind however it ends.
//!
//! These start the real parts: `make build` (or `make test`) builds them first.
#![expect(clippy::unwrap_used, reason = "a test says what it expects")]

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::ffi::OsStrExt as _,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use local_stack::{DEMO_KEY, Options, Programs, Stack};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

const PARTS: [&str; 3] = ["envoy", "control-plane", "sandbox"];

/// `local-stack` with its own ports and folder, and without the provider keys of the tests' environment.
fn local_stack(run_dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-stack"));
    command.args(arguments).env("RUN_DIR", run_dir).stdin(Stdio::null());
    for name in [
        "GATEWAY_LISTEN",
        "GATEWAY_TLS_LISTEN",
        "ENVOY_ADMIN_LISTEN",
        "ENVOY_STATS_LISTEN",
        "CONTROL_PLANE_LISTEN",
        "EDGE_CACHE_LISTEN",
        "WORKER_LISTEN",
        "SANDBOX_LISTEN",
    ] {
        command.env(name, "127.0.0.1:0");
    }
    for name in [
        "REDIS_URI",
        "AMQP_URI",
        "STRIPE_SECRET_KEY",
        "STRIPE_API_BASE",
        "PAYPAL_CLIENT_ID",
        "PAYPAL_CLIENT_SECRET",
        "PAYPAL_API_BASE",
    ] {
        command.env_remove(name);
    }
    command
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn pid(run_dir: &Path, part: &str) -> Pid {
    let text = fs::read_to_string(run_dir.join(format!("{part}.pid"))).unwrap();
    Pid::from_raw(text.trim().parse().unwrap()).unwrap()
}

fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "not within a minute: {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// `run` in the foreground; killed when a test fails.
struct Supervisor(Option<Child>);

impl Supervisor {
    /// Once it is ready.
    fn start(run_dir: &Path) -> Self {
        let supervisor = Self(Some(local_stack(run_dir, &["run"]).stdout(Stdio::piped()).spawn().unwrap()));
        until("the stack is ready", || run_dir.join("ready").exists());
        supervisor
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(self.0.as_ref().unwrap()), signal).unwrap();
    }

    /// Once it has ended.
    fn output(mut self) -> Output {
        until("the supervisor ends", || self.0.as_mut().unwrap().try_wait().unwrap().is_some());
        self.0.take().unwrap().wait_with_output().unwrap()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A stack in the background, stopped at the end of the test.
struct Background<'a>(&'a Path);

impl Drop for Background<'_> {
    fn drop(&mut self) {
        let _ = local_stack(self.0, &["down"]).output();
    }
}

#[tokio::test]
async fn two_stacks_run_side_by_side_and_leave_nothing() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let [first, second] = folders.each_ref().map(|folder| Options::for_test(folder.path()).unwrap());
    let stacks = tokio::try_join!(Stack::start(first), Stack::start(second)).unwrap();
    assert_ne!(stacks.0.gateway_url(), stacks.1.gateway_url());
    let pids: Vec<Pid> =
        folders.iter().flat_map(|folder| PARTS.map(|part| pid(folder.path(), part))).collect();
    assert!(pids.iter().all(|&pid| test_kill_process(pid).is_ok()));
    stacks.0.stop().await;
    drop(stacks.1);
    assert!(pids.iter().all(|&pid| test_kill_process(pid).is_err()));
}

#[tokio::test]
async fn a_charge_under_way_is_answered_before_the_gateway_stops() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::start(Options::for_test(folder.path()).unwrap()).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let slow =
        r#"{"provider":"stripe","operation":"charge","fault":"latency","delayMs":1500,"every":1,"times":1}"#;
    let faults = format!("{}/_sandbox/faults", stack.sandbox_url());
    let set = client.post(faults).header("content-type", "application/json").body(slow).send().await.unwrap();
    assert!(set.status().is_success(), "{}", set.text().await.unwrap());

    let charge = r#"{"provider":"stripe","amount":4999,"currency":"USD","paymentMethodId":"pm_card_visa"}"#;
    let charge = client
        .post(format!("{}/payments/charge", stack.gateway_url()))
        .bearer_auth(DEMO_KEY)
        .header("content-type", "application/json")
        .header("idempotency-key", "under-way")
        .body(charge);
    let charge = tokio::spawn(charge.send());
    let inside = format!("{}/stats?filter=http.gateway.downstream_rq_active", stack.admin_url());
    while !client.get(&inside).send().await.unwrap().text().await.unwrap().trim_end().ends_with(": 1") {
        assert!(!charge.is_finished(), "the charge is to be slow");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // It would last for longer than the stop may take, and is not waited for.
    let stream = client.get(format!("{}/events", stack.gateway_url())).bearer_auth(DEMO_KEY);
    let stream = stream.header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let begun = Instant::now();
    stack.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let answer = charge.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
}

#[test]
fn up_tells_where_it_listens_and_down_stops_it() {
    let folder = tempfile::tempdir().unwrap();
    let order = |command: &str| local_stack(folder.path(), &[command]).output().unwrap();
    let _stopped_at_the_end = Background(folder.path());
    let up = order("up");
    assert!(up.status.success(), "{}", text(&up));
    let settings: BTreeMap<String, String> = fs::read_to_string(folder.path().join("env"))
        .unwrap()
        .lines()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert!(text(&up).contains(&format!("http://{}", settings["GATEWAY_LISTEN"])), "{}", text(&up));

    // Every name in the file is a setting of one of the programs.
    let control_plane = Programs::of_this_build().unwrap().control_plane;
    let mut check = Command::new(control_plane);
    check.arg("--config").arg(folder.path().join("env")).args(["config", "check"]).env_clear();
    let checked = check.output().unwrap();
    assert!(checked.status.success(), "{}", text(&checked));

    let again = order("up");
    assert!(again.status.success() && text(&again).contains("runs already"), "{}", text(&again));
    assert!(order("status").status.success());

    let pids = PARTS.map(|part| pid(folder.path(), part));
    assert!(order("down").status.success());
    assert!(pids.iter().all(|&pid| test_kill_process(pid).is_err()));
    assert!(!order("status").status.success());
    assert!(order("down").status.success(), "nothing to stop is no failure");
}

#[test]
fn the_end_of_a_part_stops_the_stack_and_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::start(folder.path());
    let others = ["envoy", "sandbox"].map(|part| pid(folder.path(), part));
    kill_process(pid(folder.path(), "control-plane"), Signal::KILL).unwrap();
    let output = supervisor.output();
    assert!(!output.status.success());
    assert!(text(&output).contains("control-plane has ended (signal: 9 (SIGKILL))"), "{}", text(&output));
    assert!(others.iter().all(|&pid| test_kill_process(pid).is_err()));
}

#[test]
fn a_killed_supervisor_takes_its_parts_along() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::start(folder.path());
    let pids = PARTS.map(|part| pid(folder.path(), part));
    supervisor.signal(Signal::KILL);
    supervisor.output();
    until("every part ends", || pids.iter().all(|&pid| test_kill_process(pid).is_err()));
    let status = local_stack(folder.path(), &["status"]).output().unwrap();
    assert!(text(&status).contains("no gateway runs here"), "{}", text(&status));
}

#[test]
fn ctrl_c_stops_it_without_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::start(folder.path());
    supervisor.signal(Signal::INT);
    let output = supervisor.output();
    assert!(output.status.success(), "{}", text(&output));
}

/// As when its terminal is closed: both the kernel and the shell send SIGHUP.
#[test]
fn the_end_of_the_terminal_stops_it_as_ctrl_c_does() {
    let folder = tempfile::tempdir().unwrap();
    let supervisor = Supervisor::start(folder.path());
    let pids = PARTS.map(|part| pid(folder.path(), part));
    supervisor.signal(Signal::HUP);
    thread::sleep(Duration::from_millis(100));
    supervisor.signal(Signal::HUP);
    let output = supervisor.output();
    assert!(output.status.success(), "{}", text(&output));
    assert!(!text(&output).contains("stopped at once"), "{}", text(&output));
    assert!(pids.iter().all(|&pid| test_kill_process(pid).is_err()));
}

/// Characters that would end the path in a URL or encode another character are escaped.
#[test]
fn a_folder_may_have_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = folder.path().join("50% off?%41#");
    let _stopped_at_the_end = Background(&run_dir);
    let up = local_stack(&run_dir, &["up"]).output().unwrap();
    assert!(up.status.success(), "{}", text(&up));
    assert!(run_dir.join("gateway.db").is_file());
}

#[test]
fn variables_that_are_not_utf_8_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let _stopped_at_the_end = Background(folder.path());
    let latin_1 = OsStr::from_bytes(b"caf\xe9");
    let up = local_stack(folder.path(), &["up"]).env("UNRELATED_NAME", latin_1).output().unwrap();
    assert!(up.status.success(), "{}", text(&up));
}

/// A blocked terminal (Ctrl-S) delays neither the start nor the end.
#[test]
fn a_blocked_terminal_does_not_block_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    let (_reader, mut terminal) = std::io::pipe().unwrap();
    // As much as a pipe holds on Linux.
    terminal.write_all(&vec![b'.'; 65_536]).unwrap();
    let child = local_stack(folder.path(), &["run"]).stdout(terminal).spawn().unwrap();
    let supervisor = Supervisor(Some(child));
    until("the stack is ready", || folder.path().join("ready").exists());
    supervisor.signal(Signal::TERM);
    assert!(supervisor.output().status.success());
}

/// What `make clean` would do, without doing it.
#[test]
fn make_clean_removes_the_run_folder_that_is_named() {
    let planned = |run_dir: &[(&str, &str)]| {
        let mut make = Command::new("make");
        make.args(["--dry-run", "clean"]).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        for name in ["RUN_DIR", "MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
            make.env_remove(name);
        }
        let output = make.envs(run_dir.iter().copied()).output().unwrap();
        assert!(output.status.success(), "{}", text(&output));
        text(&output)
    };
    let removes = |plan: &str, folder: &str| plan.contains(&format!("then rm -rf '{folder}'; fi"));
    let (usual, named) = (planned(&[]), planned(&[("RUN_DIR", ".run-2")]));
    assert!(removes(&usual, ".run"), "{usual}");
    assert!(removes(&named, ".run-2") && !removes(&named, ".run"), "{named}");
}

#[test]
fn the_help_names_every_variable_that_moves_a_port() {
    let folder = tempfile::tempdir().unwrap();
    let help = text(&local_stack(folder.path(), &["--help"]).output().unwrap());
    for part in [
        "GATEWAY",
        "GATEWAY_TLS",
        "ENVOY_ADMIN",
        "ENVOY_STATS",
        "CONTROL_PLANE",
        "EDGE_CACHE",
        "WORKER",
        "SANDBOX",
    ] {
        assert!(help.contains(&format!("{part}_LISTEN")), "{part} in {help}");
    }
}

#[test]
fn a_taken_port_is_an_error_that_tells_how_to_move_it() {
    let folder = tempfile::tempdir().unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let output = local_stack(folder.path(), &["up"]).env("SANDBOX_LISTEN", &taken).output().unwrap();
    assert!(!output.status.success());
    let wanted = format!("{taken} is taken; set SANDBOX_LISTEN");
    assert!(text(&output).contains(&wanted), "{}", text(&output));
}

#[test]
fn a_setting_that_a_part_refuses_is_shown_from_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let output = local_stack(folder.path(), &["up"]).env("DB_URI", "mysql://nowhere").output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output).contains("DB_URI"), "{}", text(&output));
}

#[test]
fn a_live_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let output = local_stack(folder.path(), &["up"]).env("STRIPE_SECRET_KEY", "sk_live_x").output().unwrap();
    assert!(!output.status.success());
    assert!(text(&output).contains("STRIPE_SECRET_KEY is a live key"), "{}", text(&output));
}
