//! Who watches: a client all of its payments, the bearer of a ticket one of them.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use edge_core::attestation::AttestationError;
use edge_core::card;
use edge_core::client::ClientId;
use edge_core::ticket::{self, Ticket, TicketError};
use payments::model::id::PaymentId;

use super::audience::Audience;
use crate::http::App;
use crate::http::attested::{self, Verified};
use crate::http::error::ApiError;
use crate::live::Interest;

/// A request without a body, attested by the edge for a client or for the bearer of a client's ticket. The ticket is
/// verified here once more: it is the edge's reason to attest the client.
#[derive(Clone, Debug)]
pub(super) struct Watcher {
    pub(super) client: ClientId,
    pub(super) pass: Option<Pass>,
}

/// What a ticket allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pass {
    payment: PaymentId,
    /// Unix seconds.
    pub(super) expires_s: u64,
}

impl FromRequest<App> for Watcher {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let Verified { statement, parts, .. } = attested::verified(request, app, 0).await?;
        if let Some(found) =
            parts.uri.path_and_query().and_then(|target| card::find_in_target(target.as_str()))
        {
            return Err(found.into());
        }
        let protocols = parts.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
        let query = parts.uri.query().unwrap_or_default();
        let carried = ticket::carried(query, protocols.iter().map(axum::http::HeaderValue::as_bytes))?;
        let now_s = u64::try_from(app.gateway.now().as_second()).unwrap_or(0);
        let presented = match carried {
            Some(text) => Some(Ticket::verify(&text, &app.attestation_keys, now_s)?),
            None => None,
        };
        if presented != statement.ticket {
            return Err(attested::refused(AttestationError::Mismatch, &parts));
        }
        let client = statement.client.ok_or_else(|| attested::refused(AttestationError::Mismatch, &parts))?;
        let pass = presented.map(|ticket| Pass::of(&ticket)).transpose()?;
        Ok(Self { client, pass })
    }
}

impl Pass {
    fn of(ticket: &Ticket) -> Result<Self, TicketError> {
        let payment = ticket.payment.parse().map_err(|_| TicketError::Invalid)?;
        Ok(Self { payment, expires_s: ticket.expires_s })
    }
}

impl Watcher {
    /// What is watched: these payments and types, all if empty.
    ///
    /// # Errors
    /// The ticket is for another payment.
    pub(super) fn interest(
        &self,
        payments: Vec<PaymentId>,
        types: Vec<String>,
    ) -> Result<Interest, TicketError> {
        let client = self.client.clone();
        match self.pass {
            None => Ok(Interest { client, payments, types, is_payers: false }),
            Some(Pass { payment, .. }) if payments.iter().all(|one| *one == payment) => {
                Ok(Interest { client, payments: vec![payment], types, is_payers: true })
            }
            Some(_) => Err(TicketError::OtherPayment),
        }
    }

    /// What a socket watches before it has subscribed.
    pub(super) fn nothing(&self) -> Interest {
        let payments = self.pass.iter().map(|pass| pass.payment).collect();
        Interest { payments, is_payers: self.pass.is_some(), ..Interest::nothing(self.client.clone()) }
    }

    /// Who sees the events.
    pub(super) async fn audience(&self, app: &App) -> Result<Audience, ApiError> {
        let Some(pass) = &self.pass else { return Ok(Audience::Client) };
        let payment = app.gateway.store.payment(&self.client, pass.payment).await?;
        // Payments are kept, so the database is an older one than the ticket's.
        let payment = payment.ok_or(TicketError::Invalid)?;
        Ok(Audience::Payer(payment.state.status()))
    }
}
