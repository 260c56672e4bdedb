//! Notifies waiting requests of their verdict or certificate, a bounded number in each callback.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::time::Duration;

use edge_core::idempotency::{ClaimRequest, Verdict};
use edge_core::waiting::Waiter;
use edge_core::webhook::CannotVerify;
use edge_core::webhook::x509::TrustedKey;
use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;

use crate::crash_point;
use crate::http::Stream;
use crate::root::Edge;

/// A reference to a held request, which may be gone.
#[derive(Clone, Debug)]
pub(crate) struct HeldRequest {
    pub(crate) context_id: u32,
    pub(crate) stream: Weak<RefCell<Stream>>,
}

/// A request that waits for the verdict on its claim.
#[derive(Debug)]
pub(crate) struct ClaimWaiter {
    pub(crate) held: HeldRequest,
    pub(crate) claim: ClaimRequest,
    pub(crate) request_id: String,
}

/// A notification for a waiting request.
pub(crate) enum Notification {
    /// The cache's verdict on its claim, if there is one.
    Verdict(Waiter<ClaimWaiter>, Option<Verdict>),
    /// The key of its certificate, or why there is none.
    Key(Waiter<HeldRequest>, Result<Rc<TrustedKey>, CannotVerify>),
}

impl HeldRequest {
    pub(crate) fn exists(&self) -> bool {
        self.stream.strong_count() > 0
    }

    /// Runs in the request's own context, if the request still exists.
    fn with(&self, proceed: impl FnOnce(&Rc<RefCell<Stream>>)) {
        let Some(stream) = self.stream.upgrade() else { return };
        if hostcalls::set_effective_context(self.context_id).is_ok() {
            proceed(&stream);
        }
    }
}

impl Notification {
    fn deliver(self) {
        match self {
            Self::Verdict(waiter, verdict) => {
                waiter.request.held.with(|stream| Stream::on_verdict(stream, verdict));
            }
            Self::Key(waiter, key) => {
                let key = key.as_deref().map_err(|reason| *reason);
                waiter.request.with(|stream| Stream::on_certificate(stream, key));
            }
        }
        crash_point::reached("told");
    }
}

/// Notifies as many requests as one callback may, and requests a tick for the rest. Must come last in a callback of the
/// root context, because requests proceed in their own contexts.
pub(crate) fn notify_some(edge: &Edge) {
    let batch = edge.notifications.borrow_mut().next_batch();
    if !edge.notifications.borrow().is_empty() {
        // Requesting a tick has worked before, or nothing would wait.
        let _ = request_tick();
    }
    batch.into_iter().for_each(Notification::deliver);
    edge.back_to_root();
}

/// Requests the root context's next tick in a millisecond, the host's shortest period.
pub(crate) fn request_tick() -> Result<(), Status> {
    hostcalls::set_tick_period(Duration::from_millis(1))
}
