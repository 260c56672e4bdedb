//! The attackers: each attack has its own source addresses, and a low-priority thread that leaves the gateway its CPU
//! time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use gateway_tests::Gateway;
use gateway_tests::http1::whole_response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};

use super::attacks::{ATTACKS, JUDGED};
use super::refusal::Refusal;

/// Concurrent attackers per attack.
const CONCURRENCY: u8 = 12;
/// Attackers and gateway share the machine. Attackers only use spare CPU time, so that honest callers are slowed by the
/// traffic and not by its generation.
const NICENESS: i32 = 15;
/// How long an attacker waits for a response.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How many wrong answers are reported.
const WRONG_MAX: usize = 20;

/// Responses by attack and status; status 0 is a connection that was closed without a response.
type Answers = BTreeMap<(&'static str, u16), u64>;

/// Runs until [`Self::end`].
pub(super) struct Attackers {
    is_over: Arc<AtomicBool>,
    answers: Arc<Mutex<Answers>>,
    wrong: Arc<Mutex<Vec<String>>>,
    thread: JoinHandle<()>,
}

/// What the attackers were answered.
pub(super) struct AttackResults {
    /// By attack.
    pub(super) summary: String,
    /// Answers that an attack must not get.
    pub(super) wrong: Vec<String>,
}

/// One attacker.
#[derive(Clone)]
pub(super) struct Attacker {
    attack: &'static str,
    from: Ipv4Addr,
    to: SocketAddr,
    /// The base URL of the certificates that forged webhooks name.
    pub(super) certificates: String,
    is_over: Arc<AtomicBool>,
    answers: Arc<Mutex<Answers>>,
    wrong: Arc<Mutex<Vec<String>>>,
}

impl Attackers {
    pub(super) fn start(gateway: &Gateway<'_>) -> Self {
        let (is_over, answers) = (Arc::<AtomicBool>::default(), Arc::<Mutex<Answers>>::default());
        let wrong = Arc::<Mutex<Vec<String>>>::default();
        let attacker = Attacker {
            attack: "",
            from: Ipv4Addr::LOCALHOST,
            to: gateway.address(),
            certificates: format!("{}/v1/notifications/certs", gateway.stack().sandbox_url()),
            is_over: is_over.clone(),
            answers: answers.clone(),
            wrong: wrong.clone(),
        };
        let thread = thread::spawn(move || attack(&attacker));
        Self { is_over, answers, wrong, thread }
    }

    /// Stops the attackers.
    pub(super) fn end(self) -> AttackResults {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        let answers = self.answers.lock().unwrap();
        let mut summary = String::new();
        for (name, _) in ATTACKS {
            let of_it = answers.iter().filter(|((attack, _), _)| *attack == name);
            let of_it: Vec<_> = of_it.map(|((_, status), times)| format!("{status} {times} times")).collect();
            let _ = write!(summary, "\n  {name}: {}", of_it.join(", "));
        }
        let mut wrong = std::mem::take(&mut *self.wrong.lock().unwrap());
        for (name, status) in JUDGED.iter().filter(|(name, _)| name.contains(&only())) {
            if !answers.contains_key(&(*name, *status)) {
                wrong.push(format!("none of the {name} was refused with {status}"));
            }
        }
        AttackResults { summary, wrong }
    }
}

/// `CHAOS_ATTACK` selects one attack, to measure its cost.
fn only() -> String {
    std::env::var("CHAOS_ATTACK").unwrap_or_default()
}

fn attack(attacker: &Attacker) {
    let _ = rustix::process::nice(NICENESS);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let together = LocalSet::new();
    let only = only();
    for (kind, (name, attempt)) in (2_u8..).zip(ATTACKS).filter(|(_, (name, _))| name.contains(&only)) {
        for number in 1..=CONCURRENCY {
            let from = Ipv4Addr::new(127, 0, kind, number.div_ceil(4));
            let attacker = Attacker { attack: name, from, ..attacker.clone() };
            together.spawn_local(async move {
                let mut n = u64::from(number);
                while !attacker.is_over.load(Ordering::Relaxed) {
                    attempt(attacker.clone(), n).await;
                    n += u64::from(CONCURRENCY);
                }
            });
        }
    }
    runtime.block_on(together);
}

impl Attacker {
    /// Sends the bytes on a new connection, and returns the connection if there is one.
    pub(super) async fn send(&self, bytes: &[u8]) -> Option<TcpStream> {
        let socket = TcpSocket::new_v4().ok()?;
        socket.bind(SocketAddr::new(IpAddr::V4(self.from), 0)).ok()?;
        let connecting = timeout(TIMEOUT, socket.connect(self.to)).await;
        let Ok(Ok(mut connection)) = connecting else {
            // Probably out of local ports.
            sleep(Duration::from_millis(20)).await;
            return None;
        };
        // Closes with a reset, which frees the port at once.
        let _ = connection.set_zero_linger();
        let _ = timeout(TIMEOUT, connection.write_all(bytes)).await;
        Some(connection)
    }

    /// Sends the same request `times` times on one connection, and counts the responses.
    pub(super) async fn send_repeatedly(&self, request: &[u8], times: u32) {
        let Some(mut connection) = self.send(request).await else { return };
        for _ in 1..times {
            if !self.read_response(&mut connection).await
                || timeout(TIMEOUT, connection.write_all(request)).await.is_err()
            {
                return;
            }
        }
        self.read_response(&mut connection).await;
    }

    /// Sends the request and judges its response. `what` names the request in a report.
    pub(super) async fn expect_refusal(&self, request: &[u8], refusal: &Refusal, what: &str) {
        let Some(mut connection) = self.send(request).await else { return };
        let answer = timeout(TIMEOUT, whole_response(&mut connection)).await.ok().and_then(Result::ok);
        self.count(answer.as_ref().map_or(0, |answer| answer.status));
        let Some(answer) = answer.filter(|answer| !refusal.is_told_by(answer)) else { return };
        let mut wrong = self.wrong.lock().unwrap();
        if wrong.len() < WRONG_MAX {
            wrong.push(format!("{} {what}: {} {}", self.attack, answer.status, answer.text()));
        }
    }

    /// Counts one response. Returns false if it was the connection's last one.
    pub(super) async fn read_response(&self, connection: &mut TcpStream) -> bool {
        let mut answer = [0; 4_096];
        let read = timeout(TIMEOUT, connection.read(&mut answer)).await;
        let length = read.unwrap_or(Ok(0)).unwrap_or(0);
        // `HTTP/1.1 401 …`
        let status = answer.get(9..12).filter(|_| answer.starts_with(b"HTTP/1.1 "));
        let status = status.and_then(|status| str::from_utf8(status).ok()?.parse().ok()).unwrap_or(0);
        self.count(status);
        length > 0 && !self.is_over.load(Ordering::Relaxed)
    }

    fn count(&self, status: u16) {
        *self.answers.lock().unwrap().entry((self.attack, status)).or_default() += 1;
    }
}
