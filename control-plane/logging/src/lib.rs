//! Logs that never hold up, fail or end the work that they tell of.
//!
//! Lines go to a queue with a bound and from there, by a thread of their own, to standard error. Where the reader has
//! gone, does not read, or the disk is full, lines are dropped and counted; once lines can be written again, one of them
//! says how many were lost and why.

mod level;
mod loss;
mod program;
mod writer;

pub use level::{Level, WrongLevel};
pub use loss::Loss;
pub use program::{Format, LevelError, StartError, flush, lines_dropped, say, set_level, start};
pub use writer::{FLUSH_MAX, Writer};
