//! What requests wait for, and how they are told it: some in each turn of the worker.

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

/// A request that is held, while it is there.
#[derive(Clone, Debug)]
pub(crate) struct HeldRequest {
    pub(crate) context_id: u32,
    pub(crate) stream: Weak<RefCell<Stream>>,
}

/// A request whose claim is with the cache, or soon will be.
#[derive(Debug)]
pub(crate) struct ClaimWaiter {
    pub(crate) held: HeldRequest,
    pub(crate) claim: ClaimRequest,
    pub(crate) request_id: String,
}

/// What a request is to be told.
pub(crate) enum Notification {
    /// The cache's word on its claim, if there is one.
    Verdict(Waiter<ClaimWaiter>, Option<Verdict>),
    /// The key of its certificate, or why there is none.
    Key(Waiter<HeldRequest>, Result<Rc<TrustedKey>, CannotVerify>),
}

impl HeldRequest {
    pub(crate) fn is_there(&self) -> bool {
        self.stream.strong_count() > 0
    }

    /// In the request's own context, if it is still there.
    fn with(&self, go_on: impl FnOnce(&Rc<RefCell<Stream>>)) {
        let Some(stream) = self.stream.upgrade() else { return };
        if hostcalls::set_effective_context(self.context_id).is_ok() {
            go_on(&stream);
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

/// Lets those go on that this turn has room for, and sees to another turn for the rest. The last thing in a callback of
/// the root context, since requests go on in contexts of their own.
pub(crate) fn notify_some(edge: &Edge) {
    let batch = edge.notifications.borrow_mut().next_batch();
    if !edge.notifications.borrow().is_empty() {
        // It has worked for those that wait, or they would not.
        let _ = request_tick();
    }
    batch.into_iter().for_each(Notification::deliver);
    edge.back_to_root();
}

/// The root context's next turn comes in a millisecond, the shortest time that the host has.
pub(crate) fn request_tick() -> Result<(), Status> {
    hostcalls::set_tick_period(Duration::from_millis(1))
}
