//! PayPal's API, with the access token that it requires.

use std::sync::Arc;

use edge_core::provider::Provider;
use payments::model::id::AttemptId;
use payments::ports::clock::Clock;

use super::token::Tokens;
use crate::provider_result::ProviderResult;
use crate::settings::{PaypalSettings, Timeouts};
use crate::transport::{
    Conversation, Credential, ProviderRequest, ProviderResponse, Transport, TransportError, TransportFailure,
};

pub(super) struct Client {
    transport: Transport,
    tokens: Tokens,
}

impl Client {
    pub(super) fn new(
        settings: PaypalSettings,
        timeouts: Timeouts,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, TransportError> {
        let PaypalSettings { api_base, client_id, client_secret, outgoing } = settings;
        let credential = Credential::Basic { user: client_id, password: client_secret };
        Ok(Self {
            transport: Transport::new(Provider::Paypal, api_base, "paypal-debug-id", timeouts, outgoing)?,
            tokens: Tokens::new(credential, clock),
        })
    }

    /// Begins a look-up, which has no effect and so belongs to no attempt.
    pub(super) fn look(&self) -> Talk<'_> {
        Talk { conversation: self.transport.look(), tokens: &self.tokens }
    }

    pub(super) fn converse(&self, attempt: AttemptId) -> Talk<'_> {
        Talk { conversation: self.transport.converse(attempt), tokens: &self.tokens }
    }
}

/// The requests of one operation.
pub(super) struct Talk<'a> {
    conversation: Conversation<'a>,
    tokens: &'a Tokens,
}

impl Talk<'_> {
    pub(super) const fn attempt(&self) -> &AttemptId {
        &self.conversation.attempt
    }

    /// PayPal's answer to a request for a token, whatever it is.
    pub(super) async fn ask_for_token(&self) -> Result<ProviderResponse, TransportFailure> {
        self.tokens.ask(&self.conversation).await
    }

    /// Sends one request. If the token was revoked before its time, nothing was executed, and the request is sent once
    /// more with a new token, under the same request id.
    pub(super) async fn send(&self, request: &ProviderRequest) -> ProviderResult<ProviderResponse> {
        let token = self.tokens.get(&self.conversation).await?;
        let answer = self.conversation.send(request, &token.credential()).await?;
        if answer.status != 401 {
            return Ok(answer);
        }
        self.tokens.forget(&token);
        let token = self.tokens.get(&self.conversation).await?;
        Ok(self.conversation.send(request, &token.credential()).await?)
    }
}
