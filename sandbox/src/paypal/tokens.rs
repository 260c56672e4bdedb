//! Issued access tokens.

use std::collections::HashMap;

use axum::http::{HeaderMap, header::AUTHORIZATION};
use jiff::{SignedDuration, Timestamp};

use super::errors::{PaypalError, Result};
use crate::ids;

#[derive(Debug, Default)]
pub(crate) struct Tokens(HashMap<String, Timestamp>);

impl Tokens {
    pub(crate) fn issue(&mut self, now: Timestamp, seconds: u32) -> String {
        self.0.retain(|_, expires| *expires > now);
        let token = ids::access_token();
        let expires = now.saturating_add(SignedDuration::from_secs(seconds.into())).unwrap_or(Timestamp::MAX);
        self.0.insert(token.clone(), expires);
        token
    }

    /// Checks the bearer token of a request.
    pub(crate) fn check(&self, headers: &HeaderMap, now: Timestamp) -> Result<()> {
        let authorization =
            headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (scheme, token) = authorization.split_once(' ').unwrap_or_default();
        let valid =
            scheme.eq_ignore_ascii_case("bearer") && self.0.get(token.trim()).is_some_and(|&end| end > now);
        if valid { Ok(()) } else { PaypalError::unauthenticated().refuse() }
    }
}
