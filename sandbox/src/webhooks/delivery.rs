//! Sends webhooks, in the background.

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
    lane::{Flight, Step},
    settings::Target,
    signature::{self, Transmission},
};
use crate::{ids, provider::Provider, world::Shared};

/// Delivers a provider's events until `stop`.
pub(crate) async fn deliver(shared: Arc<Shared>, provider: Provider, stop: CancellationToken) {
    let (wake, timeout) = {
        let world = shared.world();
        let lane = world.webhooks.lane(provider);
        (lane.wake(), lane.delivery().timeout)
    };
    // Made when first needed: most sandboxes deliver nothing.
    let mut client: Option<Client> = None;
    let mut flights = JoinSet::new();
    loop {
        let step = shared.world().webhooks.lane_mut(provider).next(Instant::now());
        match step {
            Step::Send(flight) => {
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
                flights.spawn(fly(Arc::clone(&shared), provider, client, flight));
                while flights.try_join_next().is_some() {}
            }
            Step::Wait(until) => {
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

/// Webhooks go straight to their target, whatever the environment says of proxies.
fn build_client(timeout: std::time::Duration) -> reqwest::Result<Client> {
    Client::builder().no_proxy().redirect(redirect::Policy::none()).timeout(timeout).build()
}

async fn fly(shared: Arc<Shared>, provider: Provider, client: Client, flight: Flight) {
    let at = shared.now();
    let outcome = match prepare(&shared, &client, &flight, at).await {
        Ok(request) => match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                // Read to its end, so that the connection serves the next one.
                let _ = answer.bytes().await;
                Outcome::Status(status)
            }
            Err(error) => Outcome::Unanswered(reason(&error)),
        },
        Err(error) => Outcome::Unanswered(error.to_string()),
    };
    debug!(event = flight.job.event.id, kind = %flight.job.event.kind, ?outcome, "webhook");
    let attempt = Attempt { at, outcome, forged: flight.job.forged };
    shared.world().webhooks.lane_mut(provider).landed(flight, attempt, Instant::now());
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
    flight: &Flight,
    at: Timestamp,
) -> io::Result<RequestBuilder> {
    let (event, forged) = (&flight.job.event, flight.job.forged);
    let url = flight.target.url().ok_or_else(|| io::Error::other("no target"))?;
    let body = event.body(&shared.public_url);
    let request = match &*flight.target {
        Target::Stripe(target) => client
            .post(url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .header(USER_AGENT, "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("Stripe-Signature", signature::stripe(&target.secrets, &body, at, forged)),
        Target::Paypal(target) => {
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
