//! `/_sandbox/webhooks`

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State, rejection::QueryRejection},
    http::StatusCode,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};

use super::{happen::play, invalid, invalid_query, read};
use crate::{
    faults::InvalidRule,
    http_response::HttpResponse,
    provider::Provider,
    scripts,
    state::Shared,
    webhooks::{Announcer, Content, Given, Record, SettingsChange},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Filter {
    #[serde(default)]
    summary: u8,
    provider: Option<Provider>,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// The id of the event's object.
    object: Option<String>,
    transaction_id: Option<String>,
    /// `recorded`, `waiting`, `withheld`, `delivered` or `failed`.
    status: Option<String>,
}

impl Filter {
    fn matches(&self, record: &Record) -> bool {
        let event = &record.event;
        self.provider.is_none_or(|provider| provider == event.provider())
            && self.kind.as_deref().is_none_or(|kind| kind == event.kind)
            && self.object.as_deref().is_none_or(|object| event.object() == Some(object))
            && self.status.as_deref().is_none_or(|status| record.status() == status)
            && self.transaction_id.as_deref().is_none_or(|id| event.transaction_id().as_deref() == Some(id))
    }
}

/// The events, oldest first, with their deliveries; with `summary=1` the counts of all.
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    filter: Result<Query<Filter>, QueryRejection>,
) -> HttpResponse {
    let Query(filter) = match filter {
        Ok(filter) => filter,
        Err(rejection) => return invalid_query(&rejection),
    };
    if filter.summary != 0 {
        return HttpResponse::json(StatusCode::OK, &by_provider(&shared, |lane| json!(lane.summary())));
    }
    // Copied, so that writing them does not block the providers.
    let mut records: Vec<Record> = {
        let state = shared.state();
        let all = Provider::ALL.into_iter().flat_map(|provider| state.webhooks.lane(provider).records());
        all.filter(|record| filter.matches(record)).cloned().collect()
    };
    records.sort_by_key(|record| record.event.at);
    let events: Vec<Value> = records.iter().map(Record::view).collect();
    let targets = by_provider(&shared, |lane| lane.target().view());
    HttpResponse::json(StatusCode::OK, &json!({ "targets": targets, "events": events }))
}

fn by_provider(shared: &Shared, view: impl Fn(&crate::webhooks::Lane) -> Value) -> Value {
    let state = shared.state();
    let name = |provider: Provider| json!(provider).as_str().unwrap_or_default().to_owned();
    let views = Provider::ALL.map(|provider| (name(provider), view(state.webhooks.lane(provider))));
    Value::Object(Map::from_iter(views))
}

/// Sets the targets of webhooks and the secrets that sign them.
pub(super) async fn aim(State(shared): State<Arc<Shared>>, body: Bytes) -> HttpResponse {
    let change: SettingsChange = match read(&body) {
        Ok(change) => change,
        Err(rule) => return invalid(&rule),
    };
    let applied = {
        let mut state = shared.state();
        let changed = Provider::ALL.map(|provider| {
            change.apply(state.webhooks.lane(provider).target()).map(|target| (provider, target))
        });
        // All or nothing.
        changed.into_iter().collect::<Result<Vec<_>, _>>().map(|targets| {
            for (provider, target) in targets {
                state.webhooks.lane_mut(provider).aim(target);
            }
        })
    };
    match applied {
        Ok(()) => HttpResponse::json(StatusCode::OK, &by_provider(&shared, |lane| lane.target().view())),
        Err(rule) => invalid(&rule),
    }
}

/// One event with its deliveries, and under `event` its body.
pub(super) async fn show(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> HttpResponse {
    let found = {
        let state = shared.state();
        Provider::ALL.into_iter().find_map(|provider| state.webhooks.lane(provider).find(&id).cloned())
    };
    let Some(record) = found else { return no_such_event() };
    let mut view = record.view();
    let body: Value = serde_json::from_slice(&record.event.body(&shared.public_url)).unwrap_or_default();
    if let Some(view) = view.as_object_mut() {
        view.insert("event".to_owned(), body);
    }
    HttpResponse::json(StatusCode::OK, &view)
}

/// Delivers an event once more, immediately and correctly signed, regardless of faults. An unused body is read all the
/// same: unread, it would cost the caller the connection.
pub(super) async fn redeliver(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    _body: Bytes,
) -> HttpResponse {
    let mut state = shared.state();
    for provider in Provider::ALL {
        let lane = state.webhooks.lane_mut(provider);
        if lane.find(&id).is_none() {
            continue;
        }
        if !lane.delivers() {
            return invalid(&scripts::invalid("url", "no target is set: PUT /_sandbox/webhooks"));
        }
        lane.redeliver(&id);
        return HttpResponse::json(StatusCode::ACCEPTED, &json!({ "id": id }));
    }
    no_such_event()
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    provider: Option<Provider>,
}

/// Delivers withheld events, and those held back for reordering.
pub(super) async fn release(
    State(shared): State<Arc<Shared>>,
    which: Result<Query<Which>, QueryRejection>,
    _body: Bytes,
) -> HttpResponse {
    let Query(which) = match which {
        Ok(which) => which,
        Err(rejection) => return invalid_query(&rejection),
    };
    let mut state = shared.state();
    let wanted = Provider::ALL.into_iter().filter(|it| which.provider.is_none_or(|only| only == *it));
    let released: usize = wanted.map(|provider| state.webhooks.lane_mut(provider).release()).sum();
    HttpResponse::json(StatusCode::OK, &json!({ "released": released }))
}

/// An event with arbitrary content.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Handwritten {
    provider: Provider,
    event: Box<RawValue>,
}

/// Triggers a scripted event, or sends the given event.
pub(super) async fn send(State(shared): State<Arc<Shared>>, body: Bytes) -> HttpResponse {
    let is_given = serde_json::from_slice::<Value>(&body).is_ok_and(|body| body.get("event").is_some());
    let sent = if is_given { send_given(&shared, &body) } else { play(&shared, &body) };
    match sent {
        Ok(view) => HttpResponse::json(StatusCode::CREATED, &view),
        Err(rule) => invalid(&rule),
    }
}

fn send_given(shared: &Shared, body: &[u8]) -> Result<Value, InvalidRule> {
    let Handwritten { provider, event } = read(body)?;
    let fields: Map<String, Value> =
        serde_json::from_str(event.get()).map_err(|_| scripts::invalid("event", "must be an object"))?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = match provider {
        Provider::Stripe => text("type"),
        Provider::Paypal => text("event_type"),
    };
    let content = Content::Given(Given { provider, id: text("id"), text: event });
    let mut state = shared.state();
    let state = &mut *state;
    let now = shared.now();
    let event = Announcer { outbox: &mut state.webhooks, faults: &mut state.faults, now }
        .announce(kind.unwrap_or_default(), content);
    let record = state.webhooks.lane(provider).find(&event.id).map(Record::view);
    Ok(json!({ "events": [record] }))
}

fn no_such_event() -> HttpResponse {
    let rule = scripts::invalid("event", "must be an event that this sandbox still keeps");
    HttpResponse::json(StatusCode::NOT_FOUND, &json!({ "error": rule }))
}
