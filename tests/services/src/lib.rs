//! Dedicated servers for tests, on free ports of this machine, which end with the test process. Where a variable names
//! a server (`TEST_REDIS_URI`, `TEST_POSTGRES_URI`, `TEST_AMQP_URI`), tests that break nothing share that one; if a
//! program is missing, a test reports that it was skipped. Beside them is what else tests of several crates share.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness that cannot go on fails the test that uses it"
)]

mod error_log;
pub mod http2;
mod leash;
mod pgbench;
mod pgbouncer;
mod ports;
mod postgres;
pub mod proxy;
mod rabbitmq;
mod redis;
mod scratch_folder;
mod skip;
mod tools;
mod with_tls;

pub use error_log::{ErrorLog, LogLine};
pub use leash::Leash;
pub use pgbench::PairsOfCommits;
pub use pgbouncer::PgBouncer;
pub use ports::free_port;
pub use postgres::{PostgresServer, TestDatabase};
pub use rabbitmq::RabbitServer;
pub use redis::{RedisServer, run};
pub use rustix::process::Signal;
pub use scratch_folder::ScratchFolder;
pub use skip::{skipped, skipped_here};
pub use tools::{npm_packages, python_packages};
pub use with_tls::ServerTls;
