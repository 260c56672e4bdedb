//! REST and GraphQL say the same of a payment, whatever became of it.

mod steps;

use std::collections::BTreeSet;

use jiff::SignedDuration;
use payments::ports::clock::{Clock as _, SystemClock};
use payments_stores::keys::open_keys;
use payments_stores::retention::{Schedule, open_retention};
use proptest::prelude::*;

use self::steps::{ParityStep, ScriptedAnswer, said, steps};
use super::*;
use crate::common::settings;

const DISPUTE: &str =
    "disputeId verified reason status outcome outcomeCode amount currency openedAt closedAt";
const EVENT: &str = "id type transactionId refundId version from to at client requestId address outcome operation \
    amount attemptId providerReference code reason tries nextAt unverified";

fn upper(value: &Value) -> Value {
    value.as_str().map_or(Value::Null, |text| text.to_uppercase().into())
}

/// What GraphQL must say where REST says this.
fn expected(rest: &Value, id: &str) -> serde_json::Map<String, Value> {
    let mut fields = rest.as_object().unwrap().clone();
    for name in ["success", "refunds", "disputes"] {
        fields.remove(name);
    }
    let own = fields.remove(id).unwrap();
    fields.insert("id".to_owned(), own);
    for name in ["status", "provider", "capture", "cancelReason"] {
        if let Some(value) = fields.get_mut(name) {
            *value = upper(value);
        }
    }
    if let Some(action) = fields.get_mut("nextAction") {
        action["type"] = upper(&action["type"]);
    }
    let metadata = fields.remove("metadata").unwrap_or_else(|| json!({}));
    let entries =
        metadata.as_object().unwrap().iter().map(|(key, value)| json!({ "key": key, "value": value }));
    if id == "transactionId" {
        fields.insert("metadata".to_owned(), entries.collect());
        fields.entry("erased").or_insert(false.into());
    } else {
        fields.remove("transactionId");
    }
    fields
}

/// Without what is null: REST leaves it out.
fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(k, v)| (k.clone(), without_nulls(v)))
            .collect(),
        Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
    }
}

/// The same for a dispute, and for an event.
fn expected_of_part(rest: &Value) -> Value {
    let mut fields = rest.as_object().unwrap().clone();
    if let Some(outcome) = fields.get_mut("outcome") {
        *outcome = upper(outcome);
    }
    if fields.contains_key("version") {
        fields.entry("unverified").or_insert(false.into());
    }
    fields.into()
}

fn nodes(connection: &Value) -> Vec<Value> {
    connection["edges"].as_array().unwrap().iter().map(|edge| without_nulls(&edge["node"])).collect()
}

fn all<'v>(list: &'v Value, told: impl FnMut(&'v Value) -> Value) -> Vec<Value> {
    list.as_array().unwrap().iter().map(told).collect()
}

/// Compares what both say of a payment, its refunds, disputes and events. What REST says of the payment.
async fn compare(api: &Api, id: &str) -> Value {
    let (_, rest) = api.demo("GET", &format!("/payments/{id}"), "").await;
    let (_, log) = api.demo("GET", &format!("/events?payment={id}"), "").await;
    let query = format!(
        "{{ payment(id: \"{id}\") {{ {PAYMENT} erased refunds(first: 20) {{ edges {{ node {{ {REFUND} }} }} }}
            disputes {{ {DISPUTE} }} events {{ edges {{ node {{ {EVENT} }} }} }} }} }}"
    );
    let (_, answer) = api.graphql(&query, &json!({})).await;
    assert_eq!(answer["errors"], Value::Null, "{answer}");
    let mut payment = answer["data"]["payment"].clone();
    let mut part = |name: &str| payment.as_object_mut().unwrap().remove(name).unwrap();
    let (refunds, disputes, events) = (part("refunds"), part("disputes"), part("events"));
    assert_eq!(without_nulls(&payment), Value::from(expected(&rest, "transactionId")));
    assert_eq!(nodes(&refunds), all(&rest["refunds"], |one| expected(one, "refundId").into()));
    assert_eq!(all(&disputes, without_nulls), all(&rest["disputes"], expected_of_part));
    assert_eq!(nodes(&events), all(&log["data"], expected_of_part));
    rest
}

/// Ends what the client sent of the payer, in some years, unless the payment is undecided.
async fn erase(api: Api) -> Api {
    let uri = api.test.store.uri();
    // The keys that seal never end, so others take their place.
    open_keys(settings(uri)).await.unwrap().rotate(true).await.unwrap();
    let retention = open_retention(settings(uri)).await.unwrap();
    let later = SystemClock.now() + SignedDuration::from_hours(24 * 800);
    let mut ending = retention.begin(Schedule::DEFAULT, "ada", later).await.unwrap();
    while retention.next(&mut ending, later).await.unwrap().is_some() {}
    api.restarted().await
}

/// What REST says of the payment after each of these.
async fn both_say_the_same(
    charge: &Value,
    outcome: &ScriptedAnswer,
    steps: &[ParityStep],
    is_erased: bool,
) -> Vec<Value> {
    let api = Api::start().await;
    api.test.provider.charges.lock().unwrap().push(outcome.of_charge(charge["capture"] == "manual"));
    api.demo("POST", "/payments/charge", &charge.to_string()).await;
    // Not all refusals name it.
    let (_, page) = api.demo("GET", "/payments", "").await;
    let id = page["data"][0]["transactionId"].as_str().unwrap().to_owned();
    let mut told = vec![compare(&api, &id).await];
    for (number, step) in steps.iter().enumerate() {
        step.take(&api, &id, number).await;
        told.push(compare(&api, &id).await);
    }
    if is_erased {
        told.push(compare(&erase(api).await, &id).await);
    }
    told
}

fn charge_of(amount: u64, is_manual: bool) -> Value {
    let capture = if is_manual { "manual" } else { "automatic" };
    json!({ "provider": "stripe", "amount": amount, "currency": "EUR", "paymentMethodId": "pm_card_visa",
        "capture": capture, "customerReference": "order-1" })
}

#[tokio::test]
async fn both_say_the_same_in_every_status_and_of_an_erased_payment() {
    let mut statuses = BTreeSet::new();
    for (outcome, is_manual, steps) in ParityStep::to_every_status() {
        let told = both_say_the_same(&charge_of(100, is_manual), &outcome, &steps, false).await;
        statuses.extend(told.iter().map(|one| one["status"].as_str().unwrap().to_owned()));
    }
    let every = ["authorized", "canceled", "captured", "completed", "failed", "pending", "requires_action"];
    assert_eq!(statuses.iter().map(String::as_str).collect::<Vec<_>>(), every);
    let told = both_say_the_same(&charge_of(100, false), &ScriptedAnswer::Done(None), &[], true).await;
    let erased: Vec<_> = told.iter().map(|one| (one["erased"] == true, &one["customerReference"])).collect();
    assert_eq!(erased, [(false, &json!("order-1")), (true, &Value::Null)]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn rest_and_graphql_say_the_same_of_a_payment(
        amount in 1_u64..200,
        is_manual in any::<bool>(),
        description in prop::option::of("[a-z ]{1,20}"),
        metadata in prop::collection::btree_map("[a-z]{1,8}", "[a-z0-9 ]{1,20}", 0..4),
        outcome in said(),
        steps in steps(),
        is_erased in prop::bool::weighted(0.2),
    ) {
        let mut charge = charge_of(amount, is_manual);
        charge["metadata"] = json!(metadata);
        if let Some(description) = description {
            charge["description"] = description.into();
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(both_say_the_same(&charge, &outcome, &steps, is_erased));
    }
}
