//! Issued access tokens.

use std::collections::HashMap;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};

use super::errors::{PaypalError, Result};
use crate::ids;

#[derive(Debug, Default)]
pub(crate) struct Tokens(HashMap<String, Issued>);

#[derive(Debug, Clone, Copy)]
struct Issued {
    expires: Timestamp,
    holder: Holder,
}

/// Who may have a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The merchant's server.
    Server,
    /// The payer's browser: a client token for PayPal's script.
    Browser,
}

impl Tokens {
    pub(crate) fn issue(&mut self, now: Timestamp, seconds: u32, holder: Holder) -> String {
        self.0.retain(|_, issued| issued.expires > now);
        let token = ids::access_token();
        let expires = now.saturating_add(SignedDuration::from_secs(seconds.into())).unwrap_or(Timestamp::MAX);
        self.0.insert(token.clone(), Issued { expires, holder });
        token
    }

    /// Checks the bearer token of a request. `for_browsers`: also takes a client token.
    pub(crate) fn check(&self, headers: &HeaderMap, now: Timestamp, for_browsers: bool) -> Result<()> {
        let authorization =
            headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
        let valid = scheme.eq_ignore_ascii_case("bearer")
            && self.0.get(token.trim()).is_some_and(|issued| {
                issued.expires > now && (for_browsers || issued.holder == Holder::Server)
            });
        if valid { Ok(()) } else { PaypalError::unauthenticated().refuse() }
    }
}
