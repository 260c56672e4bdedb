//! The one retry that a request waits for: a lost answer is often there when it is asked for again, and then the
//! client gets it at once.

use edge_core::provider::Provider;
use jiff::{SignedDuration, Timestamp};

use crate::usecases::gateway::Gateway;

/// Whether a client waits for a retry.
pub(crate) struct InlineRetry {
    /// When the request began; `None`: no client waits, or its retry is used.
    began: Option<Timestamp>,
}

/// What follows a call.
pub(crate) struct NextTry {
    pause: Option<SignedDuration>,
    /// Keeps other workers away while the request itself goes on.
    lease: SignedDuration,
}

impl InlineRetry {
    pub(crate) fn of_a_request(gateway: &Gateway) -> Self {
        Self { began: Some(gateway.now()) }
    }

    pub(crate) const fn none() -> Self {
        Self { began: None }
    }

    /// Whether the call is made again here; at most once.
    pub(crate) fn after_call(&mut self, gateway: &Gateway, provider: Provider, is_unknown: bool) -> NextTry {
        let lease = gateway.retries.policy().call_lease;
        let began = if is_unknown { self.began.take() } else { None };
        let pause =
            began.and_then(|began| gateway.retries.inline(provider, began, gateway.now(), gateway.random()));
        NextTry { pause, lease }
    }
}

impl NextTry {
    /// For how long other workers leave it alone.
    pub(crate) fn hold(&self) -> Option<SignedDuration> {
        self.pause.map(|_| self.lease)
    }

    /// Waits for the moment of the retry; `false`: there is none.
    pub(crate) async fn wait(&self) -> bool {
        let Some(pause) = self.pause else { return false };
        tokio::time::sleep(pause.unsigned_abs()).await;
        true
    }
}
