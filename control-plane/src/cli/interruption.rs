//! SIGTERM and SIGINT (Ctrl-C) to a command that works through data: both stop it where it can continue later.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of a process, which end nothing by themselves as long as this lives.
pub(super) struct Interruption {
    terminate: Signal,
    interrupt: Signal,
}

impl Interruption {
    /// # Errors
    /// The system delivers no signals.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next signal. One that came since the last wait counts as well.
    pub(super) async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
