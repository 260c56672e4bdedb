//! `POST /_sandbox/happen`

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{invalid, read};
use crate::{
    faults::InvalidRule, http_response::HttpResponse, paypal, provider::Provider, scripts::Script,
    state::Shared, stripe, webhooks::Record,
};

/// Triggers an event at a provider without a request from the gateway.
pub(super) async fn happen(State(shared): State<Arc<Shared>>, body: Bytes) -> HttpResponse {
    match play(&shared, &body) {
        Ok(view) => HttpResponse::json(StatusCode::CREATED, &view),
        Err(rule) => invalid(&rule),
    }
}

/// Runs the script in the body; returns the resulting events and the changed object.
pub(super) fn play(shared: &Shared, body: &[u8]) -> Result<Value, InvalidRule> {
    let script: Script = read(body)?;
    script.check()?;
    let mut state = shared.state();
    let before = state.webhooks.lane(script.provider).summary().events();
    let withholding = script.withhold.then(|| state.faults.withhold(script.provider));
    let object = match script.provider {
        Provider::Stripe => stripe::scripts::run(shared, &mut state, &script),
        Provider::Paypal => paypal::scripts::run(shared, &mut state, &script),
    };
    if let Some(fault) = withholding {
        state.faults.remove(fault);
    }
    let object = object?;
    let lane = state.webhooks.lane(script.provider);
    let made = usize::try_from(lane.summary().events() - before).unwrap_or_default();
    let mut events: Vec<Value> = lane.records().rev().take(made).map(Record::view).collect();
    events.reverse();
    Ok(json!({ "events": events, "object": object }))
}
