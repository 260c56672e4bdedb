//! Sends webhooks in the background.

use std::{io, sync::Arc};

use jiff::Timestamp;
use reqwest::{
    Client, RequestBuilder,
    header::{CONTENT_TYPE, USER_AGENT},
    redirect,
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    journal::{Attempt, Outcome},
    lane::{DeliveryInFlight, LaneAction},
    settings::DeliveryTarget,
    signature::{self, Transmission},
};
use crate::{ids, provider::Provider, state::Shared};

/// Delivers a provider's events until `stop`.
pub(crate) async fn deliver(shared: Arc<Shared>, provider: Provider, stop: CancellationToken) {
    let (wake, timeout) = {
        let state = shared.state();
        let lane = state.webhooks.lane(provider);
        (lane.wake(), lane.delivery().timeout)
    };
    // Created on first use: most sandboxes deliver nothing.
    let mut client: Option<Client> = None;
    let mut deliveries_in_flight = JoinSet::new();
    loop {
        let action = shared.state().webhooks.lane_mut(provider).next(Instant::now());
        match action {
            LaneAction::Send(in_flight) => {
                let client = match &client {
                    Some(client) => client.clone(),
                    None => match build_client(timeout) {
                        Ok(new) => client.insert(new).clone(),
                        Err(error) => {
                            warn!(%error, "webhooks cannot be delivered");
                            return;
                        }
                    },
                };
                deliveries_in_flight.spawn(send(Arc::clone(&shared), provider, client, in_flight));
                while deliveries_in_flight.try_join_next().is_some() {}
            }
            LaneAction::Wait(until) => {
                let due = async {
                    match until {
                        Some(until) => sleep_until(until).await,
                        None => std::future::pending().await,
                    }
                };
                tokio::select! {
                    () = due => {}
                    () = wake.notified() => {}
                    () = stop.cancelled() => return,
                }
            }
        }
    }
}

/// Webhooks go directly to their target, regardless of proxy settings in the environment.
fn build_client(timeout: std::time::Duration) -> reqwest::Result<Client> {
    Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(timeout).build()
}

async fn send(shared: Arc<Shared>, provider: Provider, client: Client, in_flight: DeliveryInFlight) {
    let at = shared.now();
    let outcome = match prepare(&shared, &client, &in_flight, at).await {
        Ok(request) => match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                // Read to the end, so that the connection can be reused.
                let _ = response.bytes().await;
                Outcome::Status(status)
            }
            Err(error) => Outcome::Unanswered(reason(&error)),
        },
        Err(error) => Outcome::Unanswered(error.to_string()),
    };
    debug!(event = in_flight.pending.event.id, kind = %in_flight.pending.event.kind, ?outcome, "webhook");
    let attempt = Attempt { at, outcome, forged: in_flight.pending.forged };
    shared.state().webhooks.lane_mut(provider).finished(in_flight, attempt, Instant::now());
}

/// The innermost cause says most: `Connection refused`.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

async fn prepare(
    shared: &Shared,
    client: &Client,
    in_flight: &DeliveryInFlight,
    at: Timestamp,
) -> io::Result<RequestBuilder> {
    let (event, forged) = (&in_flight.pending.event, in_flight.pending.forged);
    let url = in_flight.target.url().ok_or_else(|| io::Error::other("no target"))?;
    let body = event.body(&shared.public_url);
    let request = match &*in_flight.target {
        DeliveryTarget::Stripe(target) => client
            .post(url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(USER_AGENT, "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("Stripe-Signature", signature::stripe(&target.secrets, &body, at, forged)),
        DeliveryTarget::Paypal(target) => {
            let authority = shared.authority().await?;
            let webhook_id = target.webhook_id.as_deref().unwrap_or_default();
            let transmission = Transmission::sign(&authority, webhook_id, &body, at, forged)?;
            client
                .post(url)
                .header(CONTENT_TYPE, "application/json")
                .header(USER_AGENT, "PayPal/AUHD-1.0-1")
                .header("PAYPAL-TRANSMISSION-ID", transmission.id)
                .header("PAYPAL-TRANSMISSION-TIME", transmission.time)
                .header("PAYPAL-TRANSMISSION-SIG", transmission.signature)
                .header("PAYPAL-CERT-URL", shared.certificate_url(&authority))
                .header("PAYPAL-AUTH-ALGO", "SHA256withRSA")
                .header("PAYPAL-AUTH-VERSION", "v2")
                .header("Correlation-Id", ids::debug_id())
        }
    };
    Ok(request.body(body))
}
