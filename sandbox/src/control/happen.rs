//! `POST /_sandbox/happen`

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{invalid, read};
use crate::{
    answer::Answer, faults::InvalidRule, paypal, provider::Provider, scripts::Script, stripe,
    webhooks::Record, world::Shared,
};

/// Makes something happen at a provider without a request of the gateway.
pub(super) async fn happen(State(shared): State<Arc<Shared>>, body: Bytes) -> Answer {
    match play(&shared, &body) {
        Ok(view) => Answer::json(StatusCode::CREATED, &view),
        Err(rule) => invalid(&rule),
    }
}

/// Plays the script in the body; returns the events that tell of it and the object that changed.
pub(super) fn play(shared: &Shared, body: &[u8]) -> Result<Value, InvalidRule> {
    let script: Script = read(body)?;
    script.check()?;
    let mut world = shared.world();
    let before = world.webhooks.lane(script.provider).summary().events();
    let withholding = script.withhold.then(|| world.faults.withhold(script.provider));
    let object = match script.provider {
        Provider::Stripe => stripe::scripts::run(shared, &mut world, &script),
        Provider::Paypal => paypal::scripts::run(shared, &mut world, &script),
    };
    if let Some(fault) = withholding {
        world.faults.remove(fault);
    }
    let object = object?;
    let lane = world.webhooks.lane(script.provider);
    let made = usize::try_from(lane.summary().events() - before).unwrap_or_default();
    let mut events: Vec<Value> = lane.records().rev().take(made).map(Record::view).collect();
    events.reverse();
    Ok(json!({ "events": events, "object": object }))
}
