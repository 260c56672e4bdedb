//! Files that may grow no further (`ulimit -f`, `LimitFSIZE=`).

use std::io;

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};

/// From now on, a write beyond the limit fails, as one on a full disk does. By default the kernel kills the process
/// instead, for a line of its log as well. Must be called within a Tokio runtime.
///
/// # Errors
/// If the system does not let the process handle the signal.
pub fn outlive_size_limits() -> io::Result<()> {
    // The handler stays when the stream ends. It has nothing to do: that there is one keeps the process alive.
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}
