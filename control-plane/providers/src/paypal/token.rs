//! PayPal's OAuth 2 access token: one for all requests, fetched once regardless of the number of waiters.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use payments::model::provider::{Refusal, RefusalKind, Uncertainty};
use payments::ports::clock::Clock;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::requests;
use crate::provider_result::{NotDone, ProviderResult};
use crate::transport::{Conversation, Credential, ProviderResponse, TransportFailure};

/// A token is retired this long before its expiry, so that none expires in transit.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Longer than PayPal's nine hours; keeps an absurd lifetime from overflowing the clock.
const LIFETIME_SECONDS_MAX: u32 = 7 * 24 * 3600;

#[derive(Clone, Debug)]
pub(super) struct Token {
    secret: SecretString,
    usable_until: Timestamp,
}

impl Token {
    pub(super) fn credential(&self) -> Credential {
        Credential::Bearer(self.secret.clone())
    }
}

/// One fetch and its result, shared by all waiters.
type Fetch = Arc<OnceCell<ProviderResult<Token>>>;

pub(super) struct Tokens {
    client: Credential,
    clock: Arc<dyn Clock>,
    latest: Mutex<Fetch>,
}

impl Tokens {
    pub(super) fn new(client: Credential, clock: Arc<dyn Clock>) -> Self {
        Self { client, clock, latest: Mutex::default() }
    }

    /// # Errors
    /// Returns `Refused` for wrong credentials, otherwise `NotSent`: without a token, nothing else was sent.
    pub(super) async fn get(&self, talk: &Conversation<'_>) -> ProviderResult<Token> {
        self.current().get_or_init(|| self.fetch(talk)).await.clone()
    }

    /// Drops a token that PayPal no longer accepts. One that was fetched meanwhile stays.
    pub(super) fn forget(&self, token: &Token) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let is_latest = |fetched: &ProviderResult<Token>| {
            fetched.as_ref().is_ok_and(|t| t.secret.expose_secret() == token.secret.expose_secret())
        };
        if latest.get().is_some_and(is_latest) {
            *latest = Fetch::default();
        }
    }

    /// The fetch to use: the latest, unless it failed or its token has expired.
    fn current(&self) -> Fetch {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = |fetched: &ProviderResult<Token>| {
            fetched.as_ref().is_ok_and(|token| self.clock.now() < token.usable_until)
        };
        if latest.get().is_some_and(|fetched| !usable(fetched)) {
            *latest = Fetch::default();
        }
        Arc::clone(&latest)
    }

    async fn fetch(&self, talk: &Conversation<'_>) -> ProviderResult<Token> {
        let asked_at = self.clock.now();
        let answer = self.ask(talk).await;
        let answer = answer.map_err(|failure| NotDone::from(failure).after_reading_only())?;
        read(&answer, asked_at)
    }

    /// Asks for a token that nobody keeps.
    pub(super) async fn ask(&self, talk: &Conversation<'_>) -> Result<ProviderResponse, TransportFailure> {
        talk.send(&requests::token(), &self.client).await
    }
}

#[derive(Deserialize)]
struct Issued {
    access_token: String,
    expires_in: u32,
}

pub(super) fn is_issued(answer: &ProviderResponse) -> bool {
    answer.succeeded() && answer.json::<Issued>().is_ok()
}

/// An error of OAuth 2 (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct NotIssued {
    #[serde(rename = "error")]
    _code: String,
}

/// Whether PayPal itself, not something else at its address, issues no token for these credentials.
pub(super) fn is_refused(answer: &ProviderResponse) -> bool {
    (400..429).contains(&answer.status) && answer.json::<NotIssued>().is_ok()
}

fn read(answer: &ProviderResponse, asked_at: Timestamp) -> ProviderResult<Token> {
    match answer.status {
        200..=299 => {}
        // Wrong credentials give 401 `invalid_client`; any other 4xx would be this gateway's fault, too.
        400..=428 | 430..=499 => {
            let status = answer.status;
            tracing::error!(provider = "paypal", status, "the provider refuses to issue an access token");
            return Err(NotDone::Refused(Box::new(Refusal {
                kind: RefusalKind::Configuration,
                code: Some("invalid_client".to_owned()),
                decline_code: None,
                message: "PayPal does not accept this gateway's credentials".to_owned(),
                reference: None,
            })));
        }
        status => return Err(no_token(&format!("status {status}"))),
    }
    let Issued { access_token, expires_in } = answer.json().map_err(|problem| no_token(&problem))?;
    let lifetime = SignedDuration::from_secs(expires_in.min(LIFETIME_SECONDS_MAX).into());
    let usable_until = asked_at.saturating_add(lifetime - MARGIN).unwrap_or(asked_at);
    Ok(Token { secret: access_token.into(), usable_until })
}

fn no_token(reason: &str) -> NotDone {
    NotDone::NotSent(Uncertainty::new(format!("PayPal issued no access token: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> ProviderResponse {
        ProviderResponse::of(status, body)
    }

    #[test]
    fn a_token_is_given_up_a_minute_before_it_runs_out() {
        let body =
            r#"{"access_token":"A21","token_type":"Bearer","expires_in":32400,"scope":"","nonce":"n"}"#;
        let token = read(&answer(200, body), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(token.usable_until, Timestamp::from_second(32_340).unwrap());
        assert!(!format!("{token:?}").contains("A21"));
    }

    #[test]
    fn wrong_credentials_are_for_the_operator_and_anything_else_is_not_sent() {
        let wrong = answer(401, r#"{"error":"invalid_client","error_description":"…"}"#);
        let Err(NotDone::Refused(refusal)) = read(&wrong, Timestamp::UNIX_EPOCH) else {
            panic!("not refused")
        };
        assert_eq!(refusal.kind, RefusalKind::Configuration);
        let others = [
            answer(429, ""),
            answer(503, "<html>"),
            answer(200, "<html>"),
            answer(200, "{}"),
            answer(302, ""),
        ];
        for answer in others {
            assert!(matches!(read(&answer, Timestamp::UNIX_EPOCH), Err(NotDone::NotSent(_))), "{answer:?}");
        }
    }
}
