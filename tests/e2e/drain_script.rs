//! What `run-envoy.sh` makes of its settings and of signals, with another program in Envoy's place.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Ends well when it is told to.
const ENVOY: &str = "#!/usr/bin/env bash\ntrap 'exit 0' TERM\necho started\nwhile :; do sleep 0.05; done\n";

struct Script {
    child: Child,
    _folder: TempDir,
}

impl Script {
    fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let envoy = folder.path().join("envoy");
        std::fs::write(&envoy, ENVOY).unwrap();
        std::fs::set_permissions(&envoy, std::fs::Permissions::from_mode(0o755)).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../envoy/run-envoy.sh");
        let mut command = Command::new("bash");
        command.arg(script).env("ENVOY", envoy).env("DRAIN_NOTICE_SECONDS", "0").env("DRAIN_SECONDS", "1");
        command.envs(settings.iter().copied()).stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        Self { child, _folder: folder }
    }

    fn until_started(&mut self) {
        let mut line = [0; 8];
        self.child.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
        // The trap is set right behind the start.
        std::thread::sleep(Duration::from_millis(300));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn end(self) -> (Option<i32>, String) {
        let Output { status, stderr, .. } = self.child.wait_with_output().unwrap();
        (status.code(), String::from_utf8(stderr).unwrap())
    }
}

/// An admin interface that does everything and has no request inside; its address, and what it was asked.
fn admin(address: &str) -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind(address).unwrap();
    let (address, asked) = (listener.local_addr().unwrap().to_string(), Arc::new(Mutex::new(String::new())));
    let seen = asked.clone();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 512];
            let read = stream.read(&mut head).unwrap();
            seen.lock().unwrap().push_str(&String::from_utf8_lossy(&head[..read]));
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhttp.ingress.downstream_rq_active: 0\n");
        }
    });
    (address, asked)
}

#[test]
fn a_setting_that_is_wrong_is_refused_before_envoy_starts() {
    for (key, value) in [
        ("DRAIN_SECONDS", "40s"),
        ("DRAIN_SECONDS", "-1"),
        ("DRAIN_NOTICE_SECONDS", "1.5"),
        ("DRAIN_NOTICE_SECONDS", "99999"),
        ("ENVOY_ADMIN_LISTEN", "9901"),
        ("ENVOY_ADMIN_LISTEN", "::1:9901"),
        ("ENVOY_ADMIN_LISTEN", "127.0.0.1:http"),
    ] {
        let (code, said) = Script::start(&[(key, value)]).end();
        assert!(
            code == Some(2) && said.contains(key) && said.contains(value),
            "{key}={value}: {code:?} {said}"
        );
    }
}

#[test]
fn envoy_is_drained_by_its_admin_interface_on_either_kind_of_address() {
    for place in ["127.0.0.1:0", "[::1]:0"] {
        let (address, asked) = admin(place);
        let mut script = Script::start(&[("ENVOY_ADMIN_LISTEN", &address), ("DRAIN_SECONDS", "08")]);
        script.until_started();
        script.signal(Signal::TERM);
        let (code, said) = script.end();
        assert!(code == Some(0) && said.is_empty(), "{place}: {code:?} {said}");
        let asked = asked.lock().unwrap();
        for order in ["POST /healthcheck/fail ", "POST /drain_listeners ", "GET /stats"] {
            assert!(asked.contains(order), "{place}: {order} in {asked}");
        }
    }
}

#[test]
fn an_envoy_that_cannot_be_asked_to_drain_ends_with_a_line_and_a_failure() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut script = Script::start(&[("ENVOY_ADMIN_LISTEN", &closed)]);
    script.until_started();
    // Ignored: it neither ends the script nor leaves Envoy alone.
    for ignored in [Signal::HUP, Signal::XFSZ] {
        script.signal(ignored);
        std::thread::sleep(Duration::from_millis(200));
        assert!(script.child.try_wait().unwrap().is_none(), "{ignored:?}");
    }
    script.signal(Signal::TERM);
    let (code, said) = script.end();
    assert!(code == Some(1) && said.contains("requests in flight may be lost"), "{code:?} {said}");
    assert!(said.contains(&closed) && said.contains("ENVOY_ADMIN_LISTEN"), "{said}");
}
