//! The repeat that a request waits for: a lost answer is often there when it is asked for again, and then the
//! client gets it at once.

use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use crate::usecases::gateway::Gateway;

/// Whether a client waits who may be kept waiting.
pub(crate) struct Patience {
    /// When the request began; `None`: nobody waits, or it has had its repeat.
    began: Option<Timestamp>,
}

/// What comes after a call.
pub(crate) struct Repeat {
    pause: Option<SignedDuration>,
    /// What the request goes on with itself is kept from others meanwhile.
    lease: SignedDuration,
}

impl Patience {
    pub(crate) fn of_a_request(gateway: &Gateway) -> Self {
        Self { began: Some(gateway.now()) }
    }

    pub(crate) const fn none() -> Self {
        Self { began: None }
    }

    /// Whether the call is to be repeated here; once.
    pub(crate) fn repeat(&mut self, gateway: &Gateway, provider: Provider, is_unknown: bool) -> Repeat {
        let lease = gateway.retries.policy().call_lease;
        let began = if is_unknown { self.began.take() } else { None };
        let pause =
            began.and_then(|began| gateway.retries.inline(provider, began, gateway.now(), gateway.random()));
        Repeat { pause, lease }
    }
}

impl Repeat {
    /// Not to be looked after by others for so long.
    pub(crate) fn hold(&self) -> Option<SignedDuration> {
        self.pause.map(|_| self.lease)
    }

    /// Waits for the moment of the repeat; `false`: there is none.
    pub(crate) async fn wait(&self) -> bool {
        let Some(pause) = self.pause else { return false };
        tokio::time::sleep(pause.unsigned_abs()).await;
        true
    }
}
