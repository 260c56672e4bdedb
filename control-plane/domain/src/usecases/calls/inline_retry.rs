//! The one retry that a request waits for: a lost answer is often available on the next call, and the client then gets
//! it immediately.

use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use crate::usecases::gateway::Gateway;

/// Whether a client waits for a retry.
pub(crate) struct InlineRetry {
    /// When the request began; `None`: no client waits, or the retry is used up.
    began: Option<Timestamp>,
}

/// The decision after a call: whether to retry here.
pub(crate) struct NextTry {
    pause: Option<SignedDuration>,
    /// Keeps other workers away while the request itself continues.
    lease: SignedDuration,
}

impl InlineRetry {
    pub(crate) fn of_a_request(gateway: &Gateway) -> Self {
        Self { began: Some(gateway.now()) }
    }

    pub(crate) const fn none() -> Self {
        Self { began: None }
    }

    /// Decides whether the call is retried here; at most once.
    pub(crate) fn after_call(&mut self, gateway: &Gateway, provider: Provider, is_unknown: bool) -> NextTry {
        let lease = gateway.retries.policy().call_lease;
        let began = if is_unknown { self.began.take() } else { None };
        let pause =
            began.and_then(|began| gateway.retries.inline(provider, began, gateway.now(), gateway.random()));
        NextTry { pause, lease }
    }
}

impl NextTry {
    /// How long other workers must leave the operation alone.
    pub(crate) fn hold(&self) -> Option<SignedDuration> {
        self.pause.map(|_| self.lease)
    }

    /// Waits until the retry is due; `false`: there is none.
    pub(crate) async fn wait(&self) -> bool {
        let Some(pause) = self.pause else { return false };
        tokio::time::sleep(pause.unsigned_abs()).await;
        true
    }
}
