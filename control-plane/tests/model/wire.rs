//! Requests between us and the provider. One that nobody waits for any more may still arrive.

use crate::Hearing;

/// No request is in flight for longer.
const ARRIVES_WITHIN_S: u32 = 60;
/// More of them at the same time would show nothing new.
const CALLS_MAX: usize = 8;

pub(crate) struct Call<R, A> {
    pub(crate) request: R,
    sent: u32,
    /// What the provider answered, if it was reached.
    pub(crate) answer: Option<A>,
    is_awaited: bool,
}

/// The oldest first: a caller may still wait for an answer after the payment has moved on.
pub(crate) struct Wire<R, A>(Vec<Call<R, A>>);

impl<R: Clone, A: Clone> Wire<R, A> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn send(&mut self, request: R, now: u32) {
        if self.0.len() == CALLS_MAX {
            self.0.remove(0);
        }
        self.0.push(Call { request, sent: now, answer: None, is_awaited: true });
    }

    /// Whether a caller waits for the answer to such a request.
    pub(crate) fn awaits(&self, is_it: impl Fn(&R) -> bool) -> bool {
        self.0.iter().any(|call| call.is_awaited && is_it(&call.request))
    }

    /// Whether such a request may still arrive.
    pub(crate) fn carries(&self, now: u32, is_it: impl Fn(&R) -> bool) -> bool {
        self.0.iter().any(|call| call.may_arrive(now) && is_it(&call.request))
    }

    /// The newest request that a caller waits for and that has not arrived yet.
    pub(crate) fn newest(&mut self, now: u32) -> Option<&mut Call<R, A>> {
        self.0.iter_mut().rev().find(|call| call.is_awaited && call.may_arrive(now))
    }

    /// One that nobody waits for.
    pub(crate) fn stray(&mut self, which: u8, now: u32) -> Option<&mut Call<R, A>> {
        let mut strays = self.0.iter_mut().filter(|call| !call.is_awaited && call.may_arrive(now));
        strays.nth(which.into())
    }

    /// Ends the oldest call that a caller waits for and that can end like that.
    pub(crate) fn hear(&mut self, hearing: Hearing, silence: impl Fn(&R, Hearing) -> A) -> Option<(R, A)> {
        let can_end = |call: &Call<R, A>| match hearing {
            Hearing::Answer => call.answer.is_some(),
            Hearing::Nothing => true,
            Hearing::NotSent | Hearing::TurnedAway => call.answer.is_none(),
        };
        let n = self.0.iter().position(|call| call.is_awaited && can_end(call))?;
        let call = &self.0[n];
        let request = call.request.clone();
        let answer = call.answer.clone().filter(|_| hearing == Hearing::Answer);
        if hearing == Hearing::Nothing && call.answer.is_none() {
            self.0[n].is_awaited = false;
        } else {
            self.0.remove(n);
        }
        let heard = answer.unwrap_or_else(|| silence(&request, hearing));
        Some((request, heard))
    }

    /// The caller is gone.
    pub(crate) fn lose_all(&mut self) {
        self.0.retain(|call| call.answer.is_none());
        self.0.iter_mut().for_each(|call| call.is_awaited = false);
    }
}

impl<R, A> Call<R, A> {
    const fn may_arrive(&self, now: u32) -> bool {
        self.answer.is_none() && now <= self.sent + ARRIVES_WITHIN_S
    }
}
