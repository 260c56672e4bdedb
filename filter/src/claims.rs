//! The claims of a worker on their way to the cache: alone, or several in one call that outlives each of them.
//!
//! Every call belongs to the root context. The SDK forgets a call only when its answer comes, and that of a request's
//! own context never comes once the request has gone: clients that leave would fill its memory, and its call numbers
//! would meet themselves after 2^30.

use std::cell::RefCell;
use std::collections::HashMap;

use edge_core::idempotency::{Alone, ClaimCall, ClaimRequest, Gathering, Verdict, Way};
use edge_core::waiting::Waiter;
use proxy_wasm::hostcalls;
use proxy_wasm::types::Status;

use crate::cache;
use crate::crash_point;
use crate::http::now_s;
use crate::root::Edge;
use crate::told::{Claimer, Told, ask_for_a_turn};

#[derive(Default)]
pub(crate) struct Claims {
    gathering: RefCell<Gathering<Claimer>>,
    /// Shared calls by their tokens: at most as many as there are places in the gathering, since a request waits for
    /// each.
    sent: RefCell<HashMap<u32, Vec<Waiter<Claimer>>>>,
}

/// What became of a claim that was to be sent.
pub(crate) enum Asked {
    /// The answer comes to the request itself; to be kept until then.
    Alone(Alone),
    /// The request is told.
    Together,
    /// No answer will come.
    Never,
    /// Too many wait already.
    Crowded,
}

impl Claims {
    /// Sends the claim of the request whose turn it is, now or with others.
    pub(crate) fn ask(&self, claimer: Claimer, edge: &Edge, now_s: u64) -> Result<Asked, Status> {
        let way = self.gathering.borrow_mut().join(claimer, now_s);
        Ok(match way {
            Way::Alone(claimer, alone) => {
                let call = ClaimCall::new(&[claimer.claim], &edge.config.keys, &claimer.request_id, now_s);
                edge.back_to_root();
                let sent = cache::ask(&call, &edge.config.claiming);
                hostcalls::set_effective_context(claimer.held.context_id)?;
                // The SDK, which knows nothing of that, brings the answer to this request as long as it is there.
                sent.map_or(Asked::Never, |_| Asked::Alone(alone))
            }
            Way::Waits { call: false } => Asked::Together,
            // To the SDK, what is sent in the request's turn would be the request's own, and the answer be lost with it.
            Way::Waits { call: true } => match ask_for_a_turn() {
                Ok(()) => Asked::Together,
                Err(_) => {
                    // The next claim asks for a turn again; what comes of this one then is not heard any more.
                    self.gathering.borrow_mut().called();
                    Asked::Never
                }
            },
            Way::Full => Asked::Crowded,
        })
    }

    /// The client of a claim that went alone has gone.
    pub(crate) fn left(&self, alone: Alone, edge: &Edge) {
        // By a clock of whole seconds, its call has certainly ended after that.
        let longest_s = edge.config.claiming.timeout.as_secs() + 1;
        // Without a clock it is forgotten at once.
        let until_s = now_s().map_or(0, |now_s| now_s + longest_s);
        self.gathering.borrow_mut().left(alone, until_s);
    }

    /// The root context's turn, for which a claim has asked.
    pub(crate) fn on_tick(&self, edge: &Edge) {
        self.gathering.borrow_mut().called();
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
                self.gathering.borrow_mut().answered();
                self.send(edge);
                Vec::new()
            }
            None => self.gathering.borrow_mut().failed(),
        };
        let verdicts = verdicts.into_iter().flatten().chain(std::iter::repeat(None));
        let told = asked.into_iter().zip(verdicts).map(|(waiter, verdict)| Told::Verdict(waiter, verdict));
        edge.untold.borrow_mut().add(told.chain(without_word(unasked)));
        true
    }

    /// Sends what is to be sent now. In the root context.
    fn send(&self, edge: &Edge) {
        loop {
            let Some(mut waiters) = self.gathering.borrow_mut().due() else { break };
            // One whose client has gone asks for nothing.
            waiters.retain(|waiter| waiter.who.held.is_there());
            match dispatch(&waiters, edge) {
                Sent::Under(token) => drop(self.sent.borrow_mut().insert(token, waiters)),
                Sent::Nothing => self.gathering.borrow_mut().answered(),
                Sent::Never => {
                    let unasked = self.gathering.borrow_mut().failed();
                    edge.untold.borrow_mut().add(without_word(waiters).chain(without_word(unasked)));
                }
            }
        }
    }
}

enum Sent {
    Under(u32),
    Nothing,
    /// No such cluster, or nobody in it is healthy.
    Never,
}

fn dispatch(waiters: &[Waiter<Claimer>], edge: &Edge) -> Sent {
    let Some(first) = waiters.first() else { return Sent::Nothing };
    let Ok(now_s) = now_s() else { return Sent::Never };
    let claims: Vec<ClaimRequest> = waiters.iter().map(|waiter| waiter.who.claim).collect();
    let call = ClaimCall::new(&claims, &edge.config.keys, &first.who.request_id, now_s);
    cache::ask(&call, &edge.config.claiming).map_or(Sent::Never, Sent::Under)
}

fn without_word(waiters: Vec<Waiter<Claimer>>) -> impl Iterator<Item = Told> {
    waiters.into_iter().map(|waiter| Told::Verdict(waiter, None::<Verdict>))
}
