//! The faults that a schedule is drawn from.

use std::time::Duration;

use crash_points as crash_point;
use gateway_tests::PipeReader;
use rand::RngExt as _;
use rand::seq::IndexedRandom as _;
use serde_json::json;
use test_services::proxy::Mode;

use super::{Action, CALL_LEASE, Draw, FaultWindow, LEASE, Process, Shape, Wire};
use crate::commands::{Name, RESEAL, RETENTION};

impl Draw {
    pub(super) fn killed(&mut self) -> FaultWindow {
        let process = self.process(&["envoy", "control-plane", "control-plane", "edge-cache", "worker"]);
        self.lasting(&process.to_string(), 100..=2_000, Action::Kill(process), Action::Start(process))
    }

    pub(super) fn frozen(&mut self) -> FaultWindow {
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
    pub(super) fn unread_log(&mut self) -> FaultWindow {
        let process = self.process(&["control-plane", "control-plane", "edge-cache", "worker", "sandbox"]);
        let process = match process.part {
            "control-plane" | "sandbox" => Process { gateway: 0, ..process },
            _ => process,
        };
        let how = *[PipeReader::Stalls, PipeReader::IsGone].choose(&mut self.rng).unwrap();
        let target = format!("the log of {process}");
        self.lasting(&target, 300..=5_000, Action::Log(process, how), Action::Log(process, PipeReader::Reads))
    }

    pub(super) fn full_log_disk(&mut self) -> FaultWindow {
        let gateway = self.gateway();
        let target = format!("the log disk of {gateway}");
        self.lasting(&target, 300..=5_000, Action::FillLogDisk(gateway), Action::EmptyLogDisk(gateway))
    }

    pub(super) fn crash_point(&mut self) -> FaultWindow {
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
        if matches!(name, "after_intent" | "after_provider") && self.rng.random_bool(0.5) {
            return self.outlasted_lease(process, name);
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

    /// Holds up four calls in a row, so that captures and refunds are among them, for longer than their leases: others
    /// decide them meanwhile.
    fn outlasted_lease(&mut self, process: Process, name: &str) -> FaultWindow {
        let (first, held) = (self.rng.random_range(1..=12), CALL_LEASE.as_secs() + 2);
        // The last one first: a pass that is held up at one point is not counted by those behind it.
        let points: Vec<_> = (first..first + 4).rev().map(|nth| format!("{name}:{nth}:{held}")).collect();
        FaultWindow {
            target: process.to_string(),
            lasts: Duration::from_secs(held + 1),
            begin: Action::Arm(process, points.join(",")),
            end: None,
        }
    }

    pub(super) fn provider(&mut self) -> FaultWindow {
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

    pub(super) fn webhooks(&mut self) -> FaultWindow {
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

    pub(super) fn operator(&mut self) -> FaultWindow {
        const COMMANDS: [Name; 4] =
            [&["keys", "rotate"], &["keys", "rotate", "--new-data-keys"], RESEAL, RETENTION];
        let command = Action::Operate(COMMANDS.choose(&mut self.rng).unwrap());
        if self.rng.random_bool(0.5) {
            FaultWindow::instant("operator", command)
        } else {
            self.lasting("operator", 20..=1_000, command, Action::Interrupt)
        }
    }

    pub(super) fn table_is_locked(&mut self) -> FaultWindow {
        let table =
            *["payments", "idempotency_keys", "events", "webhook_events"].choose(&mut self.rng).unwrap();
        self.lasting("postgres", 500..=5_000, Action::LockTable(table), Action::UnlockTable)
    }

    pub(super) fn wire(&mut self) -> FaultWindow {
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

    pub(super) fn postgres_crashes(&mut self) -> FaultWindow {
        self.lasting("postgres", 100..=1_500, Action::CrashPostgres, Action::StartPostgres)
    }

    pub(super) fn redis_dies(&mut self) -> FaultWindow {
        self.lasting("redis", 100..=1_500, Action::KillRedis, Action::StartRedis)
    }

    pub(super) fn rabbit_dies(&mut self) -> FaultWindow {
        self.lasting("rabbit", 100..=3_000, Action::KillRabbit, Action::StartRabbit)
    }

    pub(super) fn rabbit_freezes(&mut self) -> FaultWindow {
        self.lasting("rabbit", 300..=2_500, Action::FreezeRabbit, Action::ThawRabbit)
    }

    pub(super) fn redis_freezes(&mut self) -> FaultWindow {
        self.lasting("redis", 300..=2_500, Action::FreezeRedis, Action::ThawRedis)
    }
}
