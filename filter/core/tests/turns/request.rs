//! One request on its way.

use edge_core::idempotency::Fence;

use crate::durable::{Heard, KeyChange, Verdict};

/// What happens at the provider, if this is the step that calls it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    Good,
    /// Executed, and nobody hears of it.
    AnswerLost,
    /// Neither executed nor known not to be.
    Lost,
    NotSent,
    TurnedAway,
    Declined,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    /// Which request it is; others under the key have another body.
    pub(crate) body: u8,
    /// Whether a client waits for it; for a worker, nobody does.
    pub(crate) has_client: bool,
    /// The turn that the cache gave it, if it was asked.
    pub(crate) fence: Option<Fence>,
    pub(crate) place: Place,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// Before the edge asks the cache.
    Edge,
    /// At the control plane, which takes the key or finds it taken.
    ControlPlane,
    /// About to call the provider.
    Call { attempt: usize },
    /// Back from it, nothing written down yet.
    Heard { attempt: usize, heard: Heard },
    /// About to commit what becomes of the key.
    Concluding(KeyChange),
    /// The answer is final and the cache does not know it.
    Decided(Verdict),
    /// Nothing is final: the turn is given back.
    Undecided,
    /// It has its answer, or the process that worked on it is gone.
    Over,
}

impl Request {
    pub(crate) const fn sent(body: u8) -> Self {
        Self { body, has_client: true, fence: None, place: Place::Edge }
    }

    /// Nobody's: what was queued is called for.
    pub(crate) const fn of_a_worker(body: u8, attempt: usize) -> Self {
        Self { body, has_client: false, fence: None, place: Place::Call { attempt } }
    }
}
