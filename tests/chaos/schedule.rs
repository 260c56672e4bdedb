//! Derives from a seed what is broken, when, and for how long.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crash_points as crash_point;
use gateway_tests::Reader;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use test_services::proxy::Mode;

/// The lease of an idempotency key (`IDEMPOTENCY_LEASE_MS` of the cluster).
pub(crate) const LEASE: Duration = Duration::from_millis(1_000);

/// A process of the first gateway (0) or the second (1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pub(crate) part: &'static str,
    pub(crate) gateway: usize,
}

/// A network connection of a gateway, through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Wire {
    EnvoyToControlPlane,
    ControlPlaneToProviders,
    ControlPlaneToDatabase,
    ToRedis,
    ToRabbit,
}

/// An action on the cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Action {
    Kill(Process),
    Start(Process),
    /// Restarts the process with this in `CRASH_POINTS`.
    Arm(Process, String),
    Freeze(Process),
    Thaw(Process),
    /// Sets the behaviour of its log's reader.
    Log(Process, Reader),
    /// Fills the disk with a gateway's access log (and the second control plane's log).
    FillLogDisk(usize),
    EmptyLogDisk(usize),
    CrashPostgres,
    StartPostgres,
    EndDatabaseSessions,
    /// Promotes the standby; the old primary keeps running read-only and keeps its connections.
    FailOver,
    /// After a failover: stops the old primary and adds a standby to the new one.
    AddStandby,
    DenyWrites,
    AllowWrites,
    KillRedis,
    StartRedis,
    FreezeRedis,
    ThawRedis,
    Redis(&'static [&'static str]),
    KillRabbit,
    StartRabbit,
    FreezeRabbit,
    ThawRabbit,
    PurgeQueues,
    /// A fault rule of the sandbox.
    Provider(Value),
    HealProviders,
    Set {
        wire: Wire,
        gateway: usize,
        mode: Mode,
    },
}

/// An action and its time since the start.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ScheduledAction {
    pub(crate) at: Duration,
    pub(crate) action: Action,
}

/// The topology of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Two gateways, each with a worker, on PostgreSQL, Redis and RabbitMQ.
    Distributed,
    /// One gateway on SQLite.
    Embedded,
}

/// Draws a schedule. Faults begin within `length`, and are repaired by then or soon after. The same seed gives the same
/// schedule.
pub(crate) fn draw(seed: u64, shape: Shape, length: Duration) -> Vec<ScheduledAction> {
    let mut draw =
        Draw { rng: StdRng::seed_from_u64(seed), shape, busy: HashMap::new(), schedule: Vec::new() };
    let mut at = Duration::from_millis(500);
    while at < length {
        draw.window(at);
        at += draw.millis(150..=1_500);
    }
    let mut schedule = draw.schedule;
    schedule.sort_by_key(|scheduled| scheduled.at);
    schedule
}

struct Draw {
    rng: StdRng,
    shape: Shape,
    /// Until when each target is broken.
    busy: HashMap<String, Duration>,
    schedule: Vec<ScheduledAction>,
}

impl Draw {
    /// Adds a fault at `at`, unless its target is already broken.
    fn window(&mut self, at: Duration) {
        let window = match (self.shape, self.rng.random_range(0..100)) {
            (_, 0..=9) => self.killed(),
            (_, 10..=12) => self.unread_log(),
            (_, 13..=14) => self.full_log_disk(),
            (_, 15..=23) => self.frozen(),
            (_, 24..=38) => self.crash_point(),
            (_, 39..=58) => self.provider(),
            (_, 59..=66) => self.webhooks(),
            (Shape::Embedded, _) | (_, 67..=78) => self.wire(),
            (_, 79..=80) => self.rabbit_dies(),
            (_, 81) => self.rabbit_freezes(),
            (_, 82..=83) => FaultWindow::instant("rabbit", Action::PurgeQueues),
            (_, 84..=86) => self.postgres_crashes(),
            (_, 87) => FaultWindow::instant("postgres", Action::FailOver),
            (_, 88) => self.lasting("postgres", 500..=3_000, Action::DenyWrites, Action::AllowWrites),
            (_, 89..=91) => FaultWindow::instant("postgres", Action::EndDatabaseSessions),
            (_, 92..=94) => self.redis_dies(),
            (_, 95..=96) => self.redis_freezes(),
            (_, 97..=98) => FaultWindow::instant("redis", Action::Redis(&["FLUSHALL"])),
            (..) => FaultWindow::instant("redis", Action::Redis(&["SCRIPT", "FLUSH"])),
        };
        if self.busy.get(&window.target).is_some_and(|until| *until > at) {
            return;
        }
        // A pause for each target between two faults.
        self.busy.insert(window.target, at + window.lasts + Duration::from_millis(300));
        self.schedule.push(ScheduledAction { at, action: window.begin });
        self.schedule.extend(window.end.map(|action| ScheduledAction { at: at + window.lasts, action }));
    }

    fn killed(&mut self) -> FaultWindow {
        let process = self.process(&["envoy", "control-plane", "control-plane", "edge-cache", "worker"]);
        self.lasting(&process.to_string(), 100..=2_000, Action::Kill(process), Action::Start(process))
    }

    fn frozen(&mut self) -> FaultWindow {
        let process = self.process(&["envoy", "control-plane", "control-plane", "edge-cache", "worker"]);
        let lease = u64::try_from(LEASE.as_millis()).unwrap();
        self.lasting(
            &process.to_string(),
            lease + 300..=lease * 3,
            Action::Freeze(process),
            Action::Thaw(process),
        )
    }

    /// For our own processes only: Envoy writes its log synchronously, except the access log. The second control
    /// plane's log is on a disk.
    fn unread_log(&mut self) -> FaultWindow {
        let process = self.process(&["control-plane", "control-plane", "edge-cache", "worker", "sandbox"]);
        let process = match process.part {
            "control-plane" | "sandbox" => Process { gateway: 0, ..process },
            _ => process,
        };
        let how = *[Reader::Stalls, Reader::IsGone].choose(&mut self.rng).unwrap();
        let target = format!("the log of {process}");
        self.lasting(&target, 300..=5_000, Action::Log(process, how), Action::Log(process, Reader::Reads))
    }

    fn full_log_disk(&mut self) -> FaultWindow {
        let gateway = self.gateway();
        let target = format!("the log disk of {gateway}");
        self.lasting(&target, 300..=5_000, Action::FillLogDisk(gateway), Action::EmptyLogDisk(gateway))
    }

    fn crash_point(&mut self) -> FaultWindow {
        let process = self.process(&["control-plane", "control-plane", "worker"]);
        let name = *crash_point::NAMES.choose(&mut self.rng).unwrap();
        if let "before_release" | "before_late_answer" = name {
            // Delayed beyond the key's lease, so that another request holds the key.
            let held = self.rng.random_range(2..=5);
            let point = format!("{name}:{}:{held}", self.rng.random_range(1..=3));
            let lasts = Duration::from_secs(held + 1);
            return FaultWindow {
                target: format!("{process}"),
                lasts,
                begin: Action::Arm(process, point),
                end: None,
            };
        }
        let nth = self.rng.random_range(1..=12);
        let point = match self.rng.random_range(0..4) {
            0 => format!("{name}:{nth}:{}", self.rng.random_range(2..=3)),
            _ => format!("{name}:{nth}"),
        };
        // `Cluster::watch` restarts the process when it has died.
        let lasts = self.millis(2_000..=4_000);
        FaultWindow { target: format!("{process}"), lasts, begin: Action::Arm(process, point), end: None }
    }

    fn provider(&mut self) -> FaultWindow {
        const FAULTS: [&str; 8] = [
            "drop_before",
            "drop_after",
            "error_before",
            "error_after",
            "rate_limited",
            "html_error",
            "truncated",
            "latency",
        ];
        let fault = *FAULTS.choose(&mut self.rng).unwrap();
        let provider = *["stripe", "paypal", "*"].choose(&mut self.rng).unwrap();
        let operation =
            *["charge", "authorize", "capture", "cancel", "refund", "retrieve", "token", "*", "*"]
                .choose(&mut self.rng)
                .unwrap();
        let mut rule = json!({
            "provider": provider, "operation": operation, "fault": fault, "every": self.rng.random_range(1..=3),
        });
        // Stripe answers a key from a saved failure for a day, whether or not the effect happened before it.
        if matches!(fault, "error_before" | "error_after")
            && provider == "stripe"
            && self.rng.random_bool(0.4)
        {
            rule["frozen"] = true.into();
        }
        if fault == "latency" {
            // Some exceed the control plane's timeout.
            rule["delayMs"] = self.rng.random_range(100..=3_000).into();
        }
        self.lasting("providers", 500..=4_000, Action::Provider(rule), Action::HealProviders)
    }

    fn webhooks(&mut self) -> FaultWindow {
        let fault = *["duplicate", "reorder", "delay", "withhold"].choose(&mut self.rng).unwrap();
        let mut rule =
            json!({ "operation": "webhook", "fault": fault, "every": self.rng.random_range(1..=2) });
        match fault {
            "duplicate" | "reorder" => rule["count"] = self.rng.random_range(2..=5).into(),
            "delay" => rule["delayMs"] = self.rng.random_range(200..=5_000).into(),
            _ => {}
        }
        self.lasting("providers", 1_000..=4_000, Action::Provider(rule), Action::HealProviders)
    }

    fn wire(&mut self) -> FaultWindow {
        let wires: &[Wire] = match self.shape {
            Shape::Embedded => &[Wire::EnvoyToControlPlane, Wire::ControlPlaneToProviders],
            Shape::Distributed => &[
                Wire::EnvoyToControlPlane,
                Wire::ControlPlaneToProviders,
                Wire::ControlPlaneToDatabase,
                Wire::ToRedis,
                Wire::ToRabbit,
            ],
        };
        let wire = *wires.choose(&mut self.rng).unwrap();
        let gateway = self.gateway();
        let bytes = self.rng.random_range(0..=1_500);
        let mode = match self.rng.random_range(0..7) {
            0 => Mode::Refuse,
            1 => Mode::BlackHole,
            2 => Mode::CutRequest(bytes),
            3 => Mode::CutAnswer(bytes),
            4 => Mode::Slice,
            5 => Mode::Silence,
            _ => Mode::Latency(self.millis(5..=400)),
        };
        let set = |mode| Action::Set { wire, gateway, mode };
        self.lasting(&format!("{wire:?} {gateway}"), 300..=3_000, set(mode), set(Mode::Pass))
    }

    fn postgres_crashes(&mut self) -> FaultWindow {
        self.lasting("postgres", 100..=1_500, Action::CrashPostgres, Action::StartPostgres)
    }

    fn redis_dies(&mut self) -> FaultWindow {
        self.lasting("redis", 100..=1_500, Action::KillRedis, Action::StartRedis)
    }

    fn rabbit_dies(&mut self) -> FaultWindow {
        self.lasting("rabbit", 100..=3_000, Action::KillRabbit, Action::StartRabbit)
    }

    fn rabbit_freezes(&mut self) -> FaultWindow {
        self.lasting("rabbit", 300..=2_500, Action::FreezeRabbit, Action::ThawRabbit)
    }

    fn redis_freezes(&mut self) -> FaultWindow {
        self.lasting("redis", 300..=2_500, Action::FreezeRedis, Action::ThawRedis)
    }

    fn lasting(
        &mut self,
        target: &str,
        millis: std::ops::RangeInclusive<u64>,
        begin: Action,
        end: Action,
    ) -> FaultWindow {
        FaultWindow { target: target.to_owned(), lasts: self.millis(millis), begin, end: Some(end) }
    }

    fn process(&mut self, parts: &[&'static str]) -> Process {
        let part = *parts.choose(&mut self.rng).unwrap();
        // Without servers the control plane includes the edge cache and the worker.
        let alone = self.shape == Shape::Embedded && ["edge-cache", "worker"].contains(&part);
        let part = if alone { "control-plane" } else { part };
        Process { part, gateway: self.gateway() }
    }

    fn gateway(&mut self) -> usize {
        match self.shape {
            Shape::Embedded => 0,
            Shape::Distributed => self.rng.random_range(0..2),
        }
    }

    fn millis(&mut self, range: std::ops::RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.rng.random_range(range))
    }
}

struct FaultWindow {
    /// Windows of the same target never overlap.
    target: String,
    lasts: Duration,
    begin: Action,
    end: Option<Action>,
}

impl FaultWindow {
    fn instant(target: &str, action: Action) -> Self {
        Self { target: target.to_owned(), lasts: Duration::ZERO, begin: action, end: None }
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.part, self.gateway + 1)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(process) => write!(f, "kill -9 {process}"),
            Self::Start(process) => write!(f, "start {process}"),
            Self::Arm(process, point) => write!(f, "start {process} with CRASH_POINTS={point}"),
            Self::Freeze(process) => write!(f, "SIGSTOP {process}"),
            Self::Thaw(process) => write!(f, "SIGCONT {process}"),
            Self::Log(process, Reader::Stalls) => write!(f, "nobody reads the log of {process}"),
            Self::Log(process, Reader::IsGone) => write!(f, "the reader of the log of {process} goes"),
            Self::Log(process, Reader::Reads | Reader::Ends) => write!(f, "the log of {process} is read"),
            Self::FillLogDisk(gateway) => write!(f, "the log disk of gateway {} is full", gateway + 1),
            Self::EmptyLogDisk(gateway) => write!(f, "the log disk of gateway {} has room", gateway + 1),
            Self::CrashPostgres => f.write_str("PostgreSQL dies"),
            Self::StartPostgres => f.write_str("PostgreSQL starts"),
            Self::EndDatabaseSessions => f.write_str("PostgreSQL ends every session"),
            Self::FailOver => f.write_str("PostgreSQL fails over, and the old primary lives on"),
            Self::AddStandby => f.write_str("a new standby follows PostgreSQL"),
            Self::DenyWrites => f.write_str("PostgreSQL takes no writes"),
            Self::AllowWrites => f.write_str("PostgreSQL takes writes"),
            Self::KillRedis => f.write_str("Redis dies"),
            Self::StartRedis => f.write_str("Redis starts, empty"),
            Self::FreezeRedis => f.write_str("SIGSTOP Redis"),
            Self::ThawRedis => f.write_str("SIGCONT Redis"),
            Self::KillRabbit => f.write_str("RabbitMQ dies"),
            Self::StartRabbit => f.write_str("RabbitMQ starts"),
            Self::FreezeRabbit => f.write_str("SIGSTOP RabbitMQ"),
            Self::ThawRabbit => f.write_str("SIGCONT RabbitMQ"),
            Self::PurgeQueues => f.write_str("every queue is purged"),
            Self::Redis(command) => write!(f, "Redis {}", command.join(" ")),
            Self::Provider(rule) => write!(f, "provider fault {rule}"),
            Self::HealProviders => f.write_str("no more provider faults"),
            Self::Set { wire, gateway, mode } => write!(f, "{wire:?} {}: {mode:?}", gateway + 1),
        }
    }
}

#[cfg(test)]
mod tests;
