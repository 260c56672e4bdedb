//! What can be done to a cluster, and how a report names it.

use std::fmt;

use gateway_tests::PipeReader;
use serde_json::Value;
use test_services::proxy::Mode;

use crate::commands::Name;

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
    Log(Process, PipeReader),
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
    /// Nobody else reads or writes the table.
    LockTable(&'static str),
    UnlockTable,
    /// Runs a command of the control plane beside the services.
    Operate(Name),
    /// Interrupts it.
    Interrupt,
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
            Self::Log(process, PipeReader::Stalls) => write!(f, "nobody reads the log of {process}"),
            Self::Log(process, PipeReader::IsGone) => write!(f, "the reader of the log of {process} goes"),
            Self::Log(process, PipeReader::Reads | PipeReader::Ends) => {
                write!(f, "the log of {process} is read")
            }
            Self::FillLogDisk(gateway) => write!(f, "the log disk of gateway {} is full", gateway + 1),
            Self::EmptyLogDisk(gateway) => write!(f, "the log disk of gateway {} has room", gateway + 1),
            Self::CrashPostgres => f.write_str("PostgreSQL dies"),
            Self::StartPostgres => f.write_str("PostgreSQL starts"),
            Self::EndDatabaseSessions => f.write_str("PostgreSQL ends every session"),
            Self::FailOver => f.write_str("PostgreSQL fails over, and the old primary lives on"),
            Self::AddStandby => f.write_str("a new standby follows PostgreSQL"),
            Self::DenyWrites => f.write_str("PostgreSQL takes no writes"),
            Self::AllowWrites => f.write_str("PostgreSQL takes writes"),
            Self::LockTable(table) => write!(f, "PostgreSQL locks {table}"),
            Self::UnlockTable => f.write_str("PostgreSQL releases the locked table"),
            Self::Operate(command) => write!(f, "control-plane {}", command.join(" ")),
            Self::Interrupt => f.write_str("the operator's command is interrupted"),
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
