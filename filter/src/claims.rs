//! The claims of a worker on their way to the cache: alone in their request's own context, or several in one call of
//! the root context, which outlives them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Weak;
use std::time::Duration;

use edge_core::idempotency::{Alone, ClaimCall, ClaimRequest, Gathering, Verdict, Way};
use proxy_wasm::hostcalls;

use crate::cache;
use crate::http::{Stream, now_s};
use crate::root::Edge;

#[derive(Default)]
pub(crate) struct Claims {
    gathering: RefCell<Gathering<Waiting>>,
    /// Shared calls by their tokens.
    sent: RefCell<HashMap<u32, Vec<Waiting>>>,
}

/// A request that waits for the cache's word.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) context_id: u32,
    pub(crate) stream: Weak<RefCell<Stream>>,
    pub(crate) claim: ClaimRequest,
    pub(crate) request_id: String,
}

/// What became of a claim that was to be sent.
pub(crate) enum Asked {
    /// The answer comes to the request's own context; to be kept until then.
    Alone(Alone),
    /// The request is told.
    Together,
    /// No answer will come.
    Never,
}

impl Claims {
    /// Sends the claim of the request whose turn it is, now or with others.
    pub(crate) fn ask(&self, waiting: Waiting, edge: &Edge, now_s: u64) -> Asked {
        let way = self.gathering.borrow_mut().join(waiting);
        match way {
            Way::Alone(waiting, alone) => {
                let call = ClaimCall::new(&[waiting.claim], &edge.config.keys, &waiting.request_id, now_s);
                cache::ask(&call, &edge.config.claiming).map_or(Asked::Never, |_| Asked::Alone(alone))
            }
            Way::Waits { call: false } => Asked::Together,
            // The next tick is the root context's turn. What is sent before it would be the request's own, and be given
            // up with it.
            Way::Waits { call: true } => match hostcalls::set_tick_period(Duration::from_millis(1)) {
                Ok(()) => Asked::Together,
                Err(_) => {
                    // The next claim asks for a turn again; what comes of this one then is not heard any more.
                    self.gathering.borrow_mut().called();
                    Asked::Never
                }
            },
        }
    }

    /// The root context's turn, for which a claim has asked.
    pub(crate) fn on_tick(&self, edge: &Edge) {
        self.gathering.borrow_mut().called();
        self.send(edge);
    }

    /// A shared call has ended. False if the token is of none.
    pub(crate) fn on_answer(&self, token: u32, body_len: usize, edge: &Edge) -> bool {
        let Some(asked) = self.sent.borrow_mut().remove(&token) else { return false };
        let verdicts = cache::verdicts(body_len, asked.len());
        // What has come meanwhile goes first, so that it is on its way while these go on.
        let unasked = match &verdicts {
            Some(_) => {
                self.gathering.borrow_mut().answered();
                self.send(edge);
                Vec::new()
            }
            None => self.gathering.borrow_mut().failed(),
        };
        let verdicts = verdicts.into_iter().flatten().chain(std::iter::repeat(None));
        tell(asked.into_iter().zip(verdicts).chain(without_word(unasked)), edge);
        true
    }

    /// Sends what is to be sent now. In the root context.
    fn send(&self, edge: &Edge) {
        let mut unasked = Vec::new();
        loop {
            let Some(mut waiting) = self.gathering.borrow_mut().due() else { break };
            // One whose client has gone asks for nothing.
            waiting.retain(|waiting| waiting.stream.strong_count() > 0);
            match dispatch(&waiting, edge) {
                Sent::Under(token) => drop(self.sent.borrow_mut().insert(token, waiting)),
                Sent::Nothing => self.gathering.borrow_mut().answered(),
                Sent::Never => {
                    unasked.append(&mut waiting);
                    unasked.append(&mut self.gathering.borrow_mut().failed());
                }
            }
        }
        tell(without_word(unasked), edge);
    }
}

enum Sent {
    Under(u32),
    Nothing,
    /// No such cluster, or nobody in it is healthy.
    Never,
}

fn dispatch(waiting: &[Waiting], edge: &Edge) -> Sent {
    let Some(first) = waiting.first() else { return Sent::Nothing };
    let Ok(now_s) = now_s() else { return Sent::Never };
    let claims: Vec<ClaimRequest> = waiting.iter().map(|waiting| waiting.claim).collect();
    let call = ClaimCall::new(&claims, &edge.config.keys, &first.request_id, now_s);
    cache::ask(&call, &edge.config.claiming).map_or(Sent::Never, Sent::Under)
}

fn without_word(waiting: Vec<Waiting>) -> impl Iterator<Item = (Waiting, Option<Verdict>)> {
    waiting.into_iter().map(|waiting| (waiting, None))
}

/// Lets each request go on, in its own context.
fn tell(told: impl Iterator<Item = (Waiting, Option<Verdict>)>, edge: &Edge) {
    for (waiting, verdict) in told {
        let Some(stream) = waiting.stream.upgrade() else { continue };
        if hostcalls::set_effective_context(waiting.context_id).is_ok() {
            Stream::on_verdict(&stream, verdict);
        }
    }
    edge.back_to_root();
}
