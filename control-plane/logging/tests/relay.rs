//! The relay as a program: what it runs, what it passes on, and how it ends.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

const PATIENCE: Duration = Duration::from_secs(20);

/// More than the relay's queue and the pipes hold.
const LOUD: &str = "i=0; while [ $i -lt 16 ]; do head -c 1048576 /dev/zero | tr '\\0' x | fold -w 99; echo; i=$((i + 1)); done";

fn relay(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_log-relay"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn code_of(child: &mut Child) -> Option<i32> {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if begun.elapsed() > PATIENCE {
            let _ = (child.kill(), child.wait());
            panic!("it does not end");
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn what_a_program_writes_comes_out_where_it_wrote_it() {
    let output = relay(&["sh", "-c", "echo one; echo two >&2; printf three"]).output().unwrap();
    assert_eq!(output.stdout, b"one\nthree\n");
    assert_eq!(output.stderr, b"two\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn it_ends_with_the_code_of_the_program_or_of_a_shell_in_its_place() {
    for (arguments, code) in [
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -KILL $$"], 137),
        (["/dev/null", "", ""], 126),
        (["no-such-program-of-a-test", "", ""], 127),
    ] {
        assert_eq!(relay(&arguments).output().unwrap().status.code(), Some(code), "{arguments:?}");
    }
    let output = relay(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("usage: log-relay PROGRAM"));
}

#[test]
fn it_asks_an_envoy_whether_it_serves() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answers = ["200 OK", "503 Service Unavailable"];
    let server = thread::spawn(move || {
        for answer in answers {
            let (mut asked, _) = listener.accept().unwrap();
            let mut request = [0; 1024];
            assert!(asked.read(&mut request).unwrap() > 0);
            assert!(request.starts_with(b"GET /ready HTTP/1.1\r\n"));
            write!(asked, "HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n").unwrap();
        }
    });
    for code in [0, 1] {
        assert_eq!(relay(&["--ready", &address]).output().unwrap().status.code(), Some(code));
    }
    server.join().unwrap();
    // Nothing listens any more; the others are no addresses.
    for wrong in [address.as_str(), "localhost", ""] {
        let output = relay(&["--ready", wrong]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{wrong}");
        assert!(String::from_utf8(output.stderr).unwrap().starts_with("log-relay: not ready: "), "{wrong}");
    }
}

#[test]
fn a_signal_reaches_the_program_which_decides_what_it_means() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let script = "trap 'echo asked; exit 5' TERM INT HUP; echo on; while :; do sleep 0.05; done";
        // Tests may run where some signals are ignored.
        let mut command = Command::new("env");
        command.args(["--default-signal=INT,HUP,TERM", env!("CARGO_BIN_EXE_log-relay"), "sh", "-c", script]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "on");
        kill_process(Pid::from_child(&child), signal).unwrap();
        assert_eq!(code_of(&mut child), Some(5), "{signal:?}");
        assert_eq!(lines.next().unwrap().unwrap(), "asked");
    }
}

#[test]
fn a_signal_that_was_ignored_before_is_ignored_by_both() {
    let script = "kill -HUP $PPID; kill -HUP $$; sleep 0.2; echo alive";
    let mut command = Command::new("env");
    command.args(["--ignore-signal=HUP", env!("CARGO_BIN_EXE_log-relay"), "sh", "-c", script]);
    assert_eq!(command.output().unwrap().stdout, b"alive\n");
}

#[test]
fn a_program_does_not_wait_for_a_reader_that_stalls_and_the_reader_is_told() {
    let (mut reader, pipe) = io::pipe().unwrap();
    let script = format!("{LOUD}; echo finished >&2; read -r _ || :");
    let mut command = relay(&["sh", "-c", &script]);
    let mut child = command.stdin(Stdio::piped()).stdout(pipe).stderr(Stdio::piped()).spawn().unwrap();
    // This end of the pipe belongs to it.
    drop(command);
    let mut told = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut told).unwrap();
    assert_eq!(told, "finished\n");

    let reading = thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    // For the line about the loss to be written before the end.
    thread::sleep(Duration::from_secs(1));
    drop(child.stdin.take());
    assert_eq!(code_of(&mut child), Some(0));
    let text = reading.join().unwrap();
    let loss = text.lines().find(|line| line.contains("log lines were lost")).unwrap();
    assert!(loss.contains(r#""reason":"the reader was too slow""#), "{loss}");
}

#[test]
fn an_end_does_not_wait_for_a_reader_that_stalls_or_has_gone() {
    let (reader, pipe) = io::pipe().unwrap();
    let begun = Instant::now();
    assert_eq!(code_of(&mut relay(&["sh", "-c", LOUD]).stdout(pipe).spawn().unwrap()), Some(0));
    assert!(begun.elapsed() < PATIENCE / 2, "{:?}", begun.elapsed());
    drop(reader);

    let (reader, pipe) = io::pipe().unwrap();
    drop(reader);
    assert_eq!(code_of(&mut relay(&["sh", "-c", LOUD]).stdout(pipe).spawn().unwrap()), Some(0));
}

/// `/dev/full` fails like a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_neither_ends_nor_fails_the_program() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let script = "for i in 1 2 3; do echo $i; sleep 0.05; done; exit 3";
    assert_eq!(code_of(&mut relay(&["sh", "-c", script]).stdout(full).spawn().unwrap()), Some(3));
}

/// As Envoy does by itself, which a script that is killed does not leave behind either.
#[cfg(target_os = "linux")]
#[test]
fn it_asks_the_program_to_end_when_its_own_parent_is_gone() {
    let script = format!(
        "'{}' sh -c 'trap \"echo asked; exit\" TERM; echo on; while :; do sleep 0.05; done' & wait",
        env!("CARGO_BIN_EXE_log-relay")
    );
    let mut parent = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "on");
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "asked");
}
