//! Sends a worker's claims to the cache: each in its own call, or several in a shared call that outlives each request.
//!
//! Every call belongs to the root context. The SDK forgets a call only when its response arrives, and in a request's
//! own context that never happens once the request is gone: disconnecting clients would fill the SDK's memory, and its
//! call numbers would wrap around after 2^30.

use std::cell::RefCell;
use std::collections::HashMap;

use edge_core::idempotency::{ClaimCall, ClaimCoalescer, ClaimRequest, Dispatch, SingleCall, Verdict};
use edge_core::waiting::Waiter;
use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;

use crate::cache;
use crate::crash_point;
use crate::http::now_s;
use crate::notify::{ClaimWaiter, Notification, request_tick};
use crate::root::Edge;

#[derive(Default)]
pub(crate) struct ClaimSender {
    coalescer: RefCell<ClaimCoalescer<ClaimWaiter>>,
    /// Shared calls by token: at most as many as the coalescer has slots, because a request waits for each.
    sent: RefCell<HashMap<u32, Vec<Waiter<ClaimWaiter>>>>,
}

/// The result of submitting a claim.
pub(crate) enum Submission {
    /// The response arrives at the request itself, which keeps this until then.
    Single(SingleCall),
    /// The request will be notified.
    Batched,
    /// No response will come.
    NotSent,
    /// Too many claims wait.
    Full,
}

impl ClaimSender {
    /// Sends the claim of the current request, now or in a shared call.
    pub(crate) fn submit(&self, waiter: ClaimWaiter, edge: &Edge, now_s: u64) -> Result<Submission, Status> {
        let dispatch = self.coalescer.borrow_mut().join(waiter, now_s);
        Ok(match dispatch {
            Dispatch::Single(waiter, single) => {
                let call = ClaimCall::new(&[waiter.claim], &edge.config.keys, &waiter.request_id, now_s);
                edge.back_to_root();
                let sent = cache::ask(&call, &edge.config.claims);
                hostcalls::set_effective_context(waiter.held.context_id)?;
                // The SDK is unaware of the switch: it delivers the response to this request while it exists.
                sent.map_or(Submission::NotSent, |_| Submission::Single(single))
            }
            Dispatch::Queued { wake: false } => Submission::Batched,
            // The SDK would assign a shared call sent here to this request, and lose the response with it.
            Dispatch::Queued { wake: true } => match request_tick() {
                Ok(()) => Submission::Batched,
                Err(_) => {
                    // The next claim requests a tick again; this one's verdict is then ignored.
                    self.coalescer.borrow_mut().woken();
                    Submission::NotSent
                }
            },
            Dispatch::Full => Submission::Full,
        })
    }

    /// The client of a single call has gone.
    pub(crate) fn abandon(&self, single: SingleCall, edge: &Edge) {
        // With a clock of whole seconds, the call has certainly ended by then.
        let longest_s = edge.config.claims.timeout.as_secs() + 1;
        // Without a clock the call is forgotten at once.
        let until_s = now_s().map_or(0, |now_s| now_s + longest_s);
        self.coalescer.borrow_mut().abandon(single, until_s);
    }

    /// The root context's tick that a claim has requested.
    pub(crate) fn on_tick(&self, edge: &Edge) {
        self.coalescer.borrow_mut().woken();
        self.send(edge);
    }

    /// A shared call has ended. Returns false if the token belongs to no shared call.
    pub(crate) fn on_answer(&self, token: u32, body_len: usize, edge: &Edge) -> bool {
        let Some(waiters) = self.sent.borrow_mut().remove(&token) else { return false };
        crash_point::reached("claims_answered");
        let verdicts = cache::verdicts(body_len, waiters.len());
        // First send the claims that have arrived since, so that their call is in flight while these requests proceed.
        let unsent = match &verdicts {
            Some(_) => {
                self.coalescer.borrow_mut().batch_answered();
                self.send(edge);
                Vec::new()
            }
            None => self.coalescer.borrow_mut().batch_failed(),
        };
        let verdicts = verdicts.into_iter().flatten().chain(std::iter::repeat(None));
        let notifications =
            waiters.into_iter().zip(verdicts).map(|(waiter, verdict)| Notification::Verdict(waiter, verdict));
        edge.notifications.borrow_mut().add(notifications.chain(unanswered(unsent)));
        true
    }

    /// Sends all due batches. Must run in the root context.
    fn send(&self, edge: &Edge) {
        loop {
            let Some(mut waiters) = self.coalescer.borrow_mut().next_batch() else { break };
            // Skips requests whose client has gone.
            waiters.retain(|waiter| waiter.request.held.exists());
            match dispatch(&waiters, edge) {
                BatchCall::Sent(token) => drop(self.sent.borrow_mut().insert(token, waiters)),
                BatchCall::Empty => self.coalescer.borrow_mut().batch_answered(),
                BatchCall::Failed => {
                    let unsent = self.coalescer.borrow_mut().batch_failed();
                    edge.notifications.borrow_mut().add(unanswered(waiters).chain(unanswered(unsent)));
                }
            }
        }
    }
}

enum BatchCall {
    Sent(u32),
    Empty,
    /// The cluster is unknown or has no healthy host.
    Failed,
}

fn dispatch(waiters: &[Waiter<ClaimWaiter>], edge: &Edge) -> BatchCall {
    let Some(first) = waiters.first() else { return BatchCall::Empty };
    let Ok(now_s) = now_s() else { return BatchCall::Failed };
    let claims: Vec<ClaimRequest> = waiters.iter().map(|waiter| waiter.request.claim).collect();
    let call = ClaimCall::new(&claims, &edge.config.keys, &first.request.request_id, now_s);
    cache::ask(&call, &edge.config.claims).map_or(BatchCall::Failed, BatchCall::Sent)
}

fn unanswered(waiters: Vec<Waiter<ClaimWaiter>>) -> impl Iterator<Item = Notification> {
    waiters.into_iter().map(|waiter| Notification::Verdict(waiter, None::<Verdict>))
}
