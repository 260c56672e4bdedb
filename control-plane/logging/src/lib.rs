//! Logging that never blocks, fails or ends the work that it reports on.
//!
//! Lines go to a bounded queue, and a dedicated thread writes them to standard error. If the reader has gone or stalls,
//! or the disk is full, lines are dropped and counted; once lines can be written again, one of them reports how many
//! were lost and why.

mod level;
mod loss;
mod program;
mod size_limit;
mod writer;

pub use level::{Level, WrongLevel};
pub use loss::Loss;
pub use program::{Format, LevelError, StartError, flush, lines_dropped, say, set_level, start};
pub use size_limit::outlive_size_limits;
pub use writer::{FLUSH_MAX, Writer};
