//! The claims of a worker on their way to the cache: single, or several in one call that outlives each of them.
//!
//! Every call belongs to the root context. The SDK forgets a call only when its answer comes, and that of a request's
//! own context never comes once the request has gone: clients that leave would fill its memory, and its call numbers
//! would meet themselves after 2^30.

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
    /// Shared calls by their tokens: at most as many as there are slots in the coalescer, since a request waits for
    /// each.
    sent: RefCell<HashMap<u32, Vec<Waiter<ClaimWaiter>>>>,
}

/// What became of a claim that was to be sent.
pub(crate) enum Submission {
    /// The answer comes to the request itself; to be kept until then.
    Single(SingleCall),
    /// The request is told.
    Batched,
    /// No answer will come.
    Failed,
    /// Too many wait already.
    Full,
}

impl ClaimSender {
    /// Sends the claim of the request whose turn it is, now or with others.
    pub(crate) fn submit(&self, waiter: ClaimWaiter, edge: &Edge, now_s: u64) -> Result<Submission, Status> {
        let way = self.coalescer.borrow_mut().join(waiter, now_s);
        Ok(match way {
            Dispatch::Single(waiter, single) => {
                let call = ClaimCall::new(&[waiter.claim], &edge.config.keys, &waiter.request_id, now_s);
                edge.back_to_root();
                let sent = cache::ask(&call, &edge.config.claims);
                hostcalls::set_effective_context(waiter.held.context_id)?;
                // The SDK, which knows nothing of that, brings the answer to this request as long as it is there.
                sent.map_or(Submission::Failed, |_| Submission::Single(single))
            }
            Dispatch::Queued { wake: false } => Submission::Batched,
            // To the SDK, what is sent in the request's turn would be the request's own, and the answer be lost with it.
            Dispatch::Queued { wake: true } => match request_tick() {
                Ok(()) => Submission::Batched,
                Err(_) => {
                    // The next claim asks for a turn again; what comes of this one then is not heard any more.
                    self.coalescer.borrow_mut().woken();
                    Submission::Failed
                }
            },
            Dispatch::Full => Submission::Full,
        })
    }

    /// The client of a claim that went single has gone.
    pub(crate) fn abandon(&self, single: SingleCall, edge: &Edge) {
        // By a clock of whole seconds, its call has certainly ended after that.
        let longest_s = edge.config.claims.timeout.as_secs() + 1;
        // Without a clock it is forgotten at once.
        let until_s = now_s().map_or(0, |now_s| now_s + longest_s);
        self.coalescer.borrow_mut().abandon(single, until_s);
    }

    /// The root context's turn, for which a claim has asked.
    pub(crate) fn on_tick(&self, edge: &Edge) {
        self.coalescer.borrow_mut().woken();
        self.send(edge);
    }

    /// A shared call has ended. False if the token is of none.
    pub(crate) fn on_answer(&self, token: u32, body_len: usize, edge: &Edge) -> bool {
        let Some(asked) = self.sent.borrow_mut().remove(&token) else { return false };
        crash_point::reached("claims_answered");
        let verdicts = cache::verdicts(body_len, asked.len());
        // What has come meanwhile goes first, so that it is on its way while these go on.
        let unasked = match &verdicts {
            Some(_) => {
                self.coalescer.borrow_mut().batch_answered();
                self.send(edge);
                Vec::new()
            }
            None => self.coalescer.borrow_mut().batch_failed(),
        };
        let verdicts = verdicts.into_iter().flatten().chain(std::iter::repeat(None));
        let notifications =
            asked.into_iter().zip(verdicts).map(|(waiter, verdict)| Notification::Verdict(waiter, verdict));
        edge.notifications.borrow_mut().add(notifications.chain(unanswered(unasked)));
        true
    }

    /// Sends what is to be sent now. In the root context.
    fn send(&self, edge: &Edge) {
        loop {
            let Some(mut waiters) = self.coalescer.borrow_mut().next_batch() else { break };
            // One whose client has gone asks for nothing.
            waiters.retain(|waiter| waiter.request.held.is_there());
            match dispatch(&waiters, edge) {
                BatchCall::Sent(token) => drop(self.sent.borrow_mut().insert(token, waiters)),
                BatchCall::Empty => self.coalescer.borrow_mut().batch_answered(),
                BatchCall::Failed => {
                    let unasked = self.coalescer.borrow_mut().batch_failed();
                    edge.notifications.borrow_mut().add(unanswered(waiters).chain(unanswered(unasked)));
                }
            }
        }
    }
}

enum BatchCall {
    Sent(u32),
    Empty,
    /// No such cluster, or nobody in it is healthy.
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
