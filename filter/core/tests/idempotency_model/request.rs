//! One request and how far it has got.

use edge_core::idempotency::Fence;

use crate::durable::{CallResult, FinalAnswer, KeyChange};

/// What happens at the provider, if this action calls it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Good,
    /// Executed, but the answer is lost.
    AnswerLost,
    /// Not executed, but the caller cannot know.
    Lost,
    NotSent,
    TurnedAway,
    Declined,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Identifies the request; different requests under the key have different bodies.
    pub(crate) body: u8,
    /// Whether a client waits for it. No client waits for a worker.
    pub(crate) is_for_client: bool,
    /// The fence that the cache granted, if it was asked.
    pub(crate) fence: Option<Fence>,
    pub(crate) stage: Stage,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// Before the edge asks the cache.
    Edge,
    /// At the control plane, which takes the key or finds it taken.
    ControlPlane,
    /// About to call the provider.
    Call { attempt: usize },
    /// The call has returned; nothing is recorded yet.
    Called { attempt: usize, result: CallResult },
    /// About to commit a change of the key.
    Concluding(KeyChange),
    /// The answer is final, and the cache does not have it yet.
    Decided(FinalAnswer),
    /// Nothing is final: the lease is released.
    Undecided,
    /// Answered, or its process has died.
    Over,
}

impl Request {
    pub(crate) const fn sent(body: u8) -> Self {
        Self { body, is_for_client: true, fence: None, stage: Stage::Edge }
    }

    /// A worker sends a queued call; no client waits.
    pub(crate) const fn of_a_worker(body: u8, attempt: usize) -> Self {
        Self { body, is_for_client: false, fence: None, stage: Stage::Call { attempt } }
    }
}
