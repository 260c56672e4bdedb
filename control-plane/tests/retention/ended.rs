//! What ends, what stays, and what readers get instead.

use edge_core::client::ClientId;
use edge_core::provider::Provider;
use payments::model::log::{EventId, Position};
use payments::ports::store::{Filter, LogQuery};
use payments_stores::retention::{Schedule, StepReport, What};

use super::database::{NEW, OLD, TestDatabase};
use super::old::*;
use super::samples::*;

super::on_both! {
    a_plan_tells_what_would_end_and_changes_nothing
    personal_fields_end_and_everything_else_of_a_payment_stays
    what_the_audit_trail_stores_stays_the_same_to_the_byte
    a_trail_that_is_sealed_is_read_whole_whatever_has_ended
    what_a_providers_event_said_ends_and_a_dismissed_one_keeps_its_row
    a_repeat_of_an_ended_key_is_a_new_request
    an_ended_payment_is_not_found_by_its_customer_any_more
    a_day_that_is_held_does_not_keep_later_ones_under_their_customers
    the_entries_of_what_has_ended_do_not_stop_resealing
    without_its_keys_nothing_of_a_sealed_database_ends
    neither_rotation_nor_resealing_brings_back_what_has_ended
    a_process_that_still_had_the_key_forgets_it
    the_event_log_serves_what_is_young_and_refuses_older_cursors
    a_reader_of_a_log_that_has_ended_as_a_whole_goes_on_with_what_comes
    a_client_without_events_goes_on_however_often_events_end
    a_kind_that_is_kept_for_good_does_not_end
    values_that_are_sealed_later_end_when_they_would_have_ended
}

fn ended(parts: &[StepReport], what: What) -> (u64, u64) {
    let of_kind = parts.iter().filter(|part| part.what == what);
    of_kind.fold((0, 0), |(rows, keys), part| (rows + part.ended, keys + part.keys))
}

/// The rows and keys of the six kinds, in the order in which they end.
fn all(parts: &[StepReport]) -> Vec<(u64, u64)> {
    What::ALL.into_iter().map(|what| ended(parts, what)).collect()
}

async fn a_plan_tells_what_would_end_and_changes_nothing(database: TestDatabase) {
    filled(&database).await;
    let tables = ["payments", "idempotency_keys", "webhook_events", "data_keys", "payment_customers"];
    let count = async || {
        let mut counts = Vec::new();
        for table in tables {
            counts.extend(database.texts(&format!("SELECT CAST(count(*) AS TEXT) FROM {table}")).await);
        }
        counts
    };
    let before = count().await;
    let retention = retention(&database).await;
    let plan = retention.plan(SCHEDULE, later()).await.unwrap();
    let planned = all(&parts(&*retention, plan, later()).await);
    assert_eq!(count().await, before);
    assert!(retention.runs(10).await.unwrap().is_empty());
    let done = all(&run(&database, later()).await);
    // A run has deleted the event before it comes to the key that seals what it says.
    assert_eq!(planned[..4], [(3, 0), (1, 0), (1, 1), (3, 1)]);
    assert_eq!(done[..4], [(3, 0), (1, 0), (0, 1), (3, 1)]);
    // The second run finds nothing.
    assert!(all(&run(&database, later()).await).iter().all(|kind| *kind == (0, 0)));
}

async fn personal_fields_end_and_everything_else_of_a_payment_stays(database: TestDatabase) {
    let store = filled(&database).await;
    let before = store.payment(&client(), payment_id(3)).await.unwrap().unwrap();
    assert!(!before.is_erased && before.request.description.is_some());
    run(&database, later()).await;
    // Another process, which never had the key.
    let store = database.open(OLD).await;
    let after = store.payment(&client(), payment_id(3)).await.unwrap().unwrap();
    assert!(after.is_erased);
    let request = &after.request;
    assert!(request.description.is_none() && request.payment_method_id.is_none());
    assert!(request.customer_reference.is_none() && request.return_url.is_none());
    assert!(request.metadata.is_empty());
    assert_eq!((request.amount, request.currency), (before.request.amount, before.request.currency));
    assert_eq!((request.provider, request.capture), (before.request.provider, before.request.capture));
    assert_eq!((&after.state, &after.reference), (&before.state, &before.reference));
    // In every way of reading it.
    let page = store.payments(&client(), &Filter { limit: 10, ..Filter::default() }).await.unwrap();
    assert_eq!(
        page.items.iter().map(|payment| payment.is_erased).collect::<Vec<_>>(),
        [false, true, true, true]
    );
    assert!(store.payment_by_id(payment_id(1)).await.unwrap().unwrap().is_erased);
    let reference = before.reference.clone().unwrap();
    assert!(store.payment_by_reference(Provider::Stripe, &reference).await.unwrap().is_some());
    assert_eq!(store.refunds(&client(), payment_id(3)).await.unwrap().items.len(), 1);
    // Its money still moves: what a refund needs is there.
    assert_eq!(after.captured(), before.captured());
    // Nothing of the payment that is younger has ended.
    let young = store.payment(&client(), payment_id(200)).await.unwrap().unwrap();
    assert!(!young.is_erased && young.request.description.is_some());
}

async fn what_the_audit_trail_stores_stays_the_same_to_the_byte(database: TestDatabase) {
    const TRAIL: &str =
        "SELECT payment || coalesce(refund, '') || version || to_state || at || request_id || detail
        FROM events ORDER BY seq";
    filled(&database).await;
    let before = database.texts(TRAIL).await;
    run(&database, later()).await;
    assert_eq!(database.texts(TRAIL).await, before);
    let trail = database.open(OLD).await.events(&client(), payment_id(2)).await.unwrap();
    assert_eq!(trail.len(), 3);
    assert!(trail.last().unwrap().detail.reason.is_some(), "and says what it said");
}

async fn a_trail_that_is_sealed_is_read_whole_whatever_has_ended(database: TestDatabase) {
    let store = filled(&database).await;
    assert!(store.audit().take_sealing("a", at(300), at(400)).await.unwrap());
    let before = in_the_log(&database, &*store).await;
    drop(store);
    let parts = run(&database, later()).await;
    assert!(ended(&parts, What::EventLog).0 > 0 && ended(&parts, What::PaymentFields).1 > 0, "{parts:?}");
    database.maintenance(OLD).await.rotate(true).await.unwrap();
    database.reseal(OLD).await;
    // With the keys, and by who has none.
    assert_eq!(in_the_log(&database, &*database.open(OLD).await).await, before);
    let bare = payments_stores::open_trail(database.settings("")).await.unwrap();
    assert_eq!(in_the_log(&database, &*bare).await, before);
    // The keys that the records need are alive, though retired.
    let trail = database.open(OLD).await.events(&client(), payment_id(2)).await.unwrap();
    assert!(trail.len() == 3 && trail.last().unwrap().detail.reason.is_some());
}

async fn what_a_providers_event_said_ends_and_a_dismissed_one_keeps_its_row(database: TestDatabase) {
    let store = filled(&database).await;
    // Sealed on the first day.
    database
        .execute(
            "UPDATE webhook_events SET state = 'ignored',
             reason = 'dismissed: {\"by\":\"anna\",\"reason\":\"of another shop\",\"at\":\"2026-01-02T00:00:00Z\"}'",
        )
        .await;
    let parts = run(&database, later()).await;
    assert_eq!((ended(&parts, What::WebhookEvents), ended(&parts, What::WebhookBodies)), ((0, 0), (1, 1)));
    drop(store);
    let event = database.open(OLD).await.webhook(Provider::Stripe, "evt_1").await.unwrap().unwrap();
    assert!(event.is_ended() && event.body_sha256.is_some());
    assert_eq!(event.state.name(), "dismissed");
}

async fn a_repeat_of_an_ended_key_is_a_new_request(database: TestDatabase) {
    let store = filled(&database).await;
    assert!(store.key(&claim(3).scope).await.unwrap().is_some());
    run(&database, days_later(729)).await;
    assert!(store.key(&claim(3).scope).await.unwrap().is_some(), "it is not over yet");
    run(&database, later()).await;
    for n in 1..=3 {
        assert!(store.key(&claim(n).scope).await.unwrap().is_none());
    }
}

async fn an_ended_payment_is_not_found_by_its_customer_any_more(database: TestDatabase) {
    let store = filled(&database).await;
    let found = async |n: u8| {
        let filter = Filter { limit: 10, customer_reference: Some(customer(n)), ..Filter::default() };
        store.payments(&client(), &filter).await.unwrap().items.len()
    };
    assert_eq!((found(1).await, found(200).await), (1, 1));
    run(&database, later()).await;
    assert_eq!((found(1).await, found(2).await, found(3).await), (0, 0, 0));
    let left = database.texts("SELECT payment FROM payment_customers").await;
    assert!(left.is_empty() || left == [payment_id(200).to_string()], "{left:?}");
}

async fn a_day_that_is_held_does_not_keep_later_ones_under_their_customers(database: TestDatabase) {
    const ERASED: &str = "SELECT id FROM data_keys WHERE purpose = 'payers' AND erased_at IS NOT NULL";
    let store = unfinished(&database).await;
    // The key of the second day ends as well, once a run has made the next one, in the background.
    let mut tries = 0;
    while database.texts(ERASED).await.is_empty() {
        tries += 1;
        assert!(tries < 200, "the second day does not end");
        run(&database, days_later(30_000)).await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let left = database.texts("SELECT payment FROM payment_customers ORDER BY payment").await;
    assert_eq!(left, [1, 2, 3].map(|n| payment_id(n).to_string()));
    let found = async |n: u8| {
        let filter = Filter { limit: 10, customer_reference: Some(customer(n)), ..Filter::default() };
        store.payments(&client(), &filter).await.unwrap().items.len()
    };
    assert_eq!((found(1).await, found(200).await), (1, 0));
}

async fn the_entries_of_what_has_ended_do_not_stop_resealing(database: TestDatabase) {
    filled(&database).await;
    // A run that dies before it comes to the entries.
    let retention = retention(&database).await;
    let mut ending = retention.begin(SCHEDULE, "anna", later()).await.unwrap();
    while let Some(part) = retention.next(&mut ending, later()).await.unwrap() {
        if part.what == What::PaymentFields && part.is_done {
            break;
        }
    }
    assert_eq!(database.texts("SELECT payment FROM payment_customers").await.len(), 4);
    database.maintenance(OLD).await.rotate(true).await.unwrap();
    database.reseal(OLD).await;
    let left = database.texts("SELECT payment FROM payment_customers").await;
    assert_eq!(left, [payment_id(200).to_string()]);
}

async fn without_its_keys_nothing_of_a_sealed_database_ends(database: TestDatabase) {
    filled(&database).await;
    let bare = payments_stores::retention::open_retention(database.settings("")).await.unwrap();
    let problem = bare.begin(SCHEDULE, "anna", later()).await.unwrap_err();
    assert!(problem.to_string().contains("ENCRYPTION_KEYS"), "{problem}");
    assert!(bare.runs(10).await.unwrap().is_empty());
}

async fn neither_rotation_nor_resealing_brings_back_what_has_ended(database: TestDatabase) {
    filled(&database).await;
    run(&database, later()).await;
    let both = format!("{NEW},{OLD}");
    let maintenance = database.maintenance(&both).await;
    maintenance.rotate(false).await.unwrap();
    maintenance.rotate(true).await.unwrap();
    database.reseal(&both).await;
    let store = database.open(NEW).await;
    let payment = store.payment(&client(), payment_id(3)).await.unwrap().unwrap();
    assert!(payment.is_erased && payment.request.description.is_none());
    assert!(!store.payment(&client(), payment_id(200)).await.unwrap().unwrap().is_erased);
    let erased =
        "SELECT id FROM data_keys WHERE erased_at IS NOT NULL AND length(wrapped) = 0 AND wrapped_by = ''";
    assert_eq!(database.texts(erased).await.len(), 2);
    // Nobody puts a key back, not even behind the store's back.
    let back = "UPDATE data_keys SET erased_at = NULL WHERE erased_at IS NOT NULL";
    assert!(database.try_execute(back).await.is_err());
    assert!(database.try_execute("DELETE FROM data_keys WHERE erased_at IS NOT NULL").await.is_err());
    assert!(database.is_sqlite() || database.try_execute("TRUNCATE data_keys").await.is_err());
    // The status counts no row as lacking a key.
    let status = database.maintenance(NEW).await.status().await.unwrap();
    assert!(status.wrapping_keys.iter().all(|key| key.is_usable), "{status:?}");
}

async fn a_process_that_still_had_the_key_forgets_it(database: TestDatabase) {
    let store = filled(&database).await;
    run(&database, later()).await;
    // It knows of it once it has read the table again, at the latest with the first commit after some minutes. A
    // look-up by customer reads it at once.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let filter = Filter { limit: 10, customer_reference: Some(customer(1)), ..Filter::default() };
    store.payments(&client(), &filter).await.unwrap();
    assert!(store.payment(&client(), payment_id(3)).await.unwrap().unwrap().is_erased);
}

async fn the_event_log_serves_what_is_young_and_refuses_older_cursors(database: TestDatabase) {
    let store = filled(&database).await;
    // What is readable once stays so; before that, other transactions of the server may still hide the end of the log.
    in_the_log(&database, &*store).await;
    let read = |after| LogQuery { after, client: None, payment: None, limit: 100 };
    let log = store.log(&read(Position::START)).await.unwrap().events;
    let (first, last) = (log[0].position.id(), log.last().unwrap().position.id());
    let beginning = store.log_position(Position::START.id()).await.unwrap();
    assert_eq!(beginning, Some(Position::START), "nothing has ended");
    drop(store);
    let schedule = Schedule { events_days: Some(7), ..SCHEDULE };
    // A second after the events of the first thirty seconds are seven days old.
    let retention = retention(&database).await;
    let now = at(30) + jiff::SignedDuration::from_hours(7 * 24);
    let ending = retention.begin(schedule, "anna", now).await.unwrap();
    let parts = parts(&*retention, ending, now).await;
    let young = log.iter().position(|one| one.event.at >= at(30)).unwrap();
    assert!(young > 0);
    assert_eq!(ended(&parts, What::EventLog).0, u64::try_from(young).unwrap());
    let store = database.open(OLD).await;
    let served = store.log(&read(Position::START)).await.unwrap();
    assert!(served.is_cut);
    assert_eq!(served.events, log[young..]);
    // A reader that was underway learns of it, unless it has read all that ended.
    assert!(store.log(&read(log[0].position)).await.unwrap().is_cut);
    let edge = log[young - 1].position;
    let rest = store.log(&read(edge)).await.unwrap();
    assert!(!rest.is_cut && rest.events == log[young..], "{rest:?}");
    assert_eq!(store.log_position(edge.id()).await.unwrap(), Some(edge));
    assert_eq!(store.log_position(first).await.unwrap(), None, "a reader is told");
    assert!(store.log_position(last).await.unwrap().is_some());
    let beginning = store.log_position(Position::START.id()).await.unwrap();
    assert_eq!(beginning, None, "a reader of the beginning would miss what has ended");
    assert_eq!(store.log_position(EventId { transaction: 0, sequence: u64::MAX }).await.unwrap(), None);
    // The payment's own trail is whole.
    assert_eq!(store.events(&client(), payment_id(2)).await.unwrap().len(), 3);
}

async fn a_reader_of_a_log_that_has_ended_as_a_whole_goes_on_with_what_comes(database: TestDatabase) {
    let store = filled(&database).await;
    in_the_log(&database, &*store).await;
    drop(store);
    run(&database, later()).await;
    let store = database.open(OLD).await;
    let read = |after| LogQuery { after, client: None, payment: None, limit: 100 };
    let page = store.log(&read(Position::START)).await.unwrap();
    assert!(page.events.is_empty() && page.is_cut && !page.has_more, "{page:?}");
    assert_eq!(store.log_position(page.end.id()).await.unwrap(), Some(page.end));
    assert_eq!(store.log_end().await.unwrap(), page.end);
    store.commit(opening(201).1).await.unwrap();
    in_the_log(&database, &*store).await;
    let next = store.log(&read(page.end)).await.unwrap();
    assert_eq!((next.events.len(), next.is_cut), (2, false), "{next:?}");
}

async fn a_client_without_events_goes_on_however_often_events_end(database: TestDatabase) {
    let store = filled(&database).await;
    in_the_log(&database, &*store).await;
    drop(store);
    run(&database, later()).await;
    let store = database.open(OLD).await;
    store.commit(opening(201).1).await.unwrap();
    in_the_log(&database, &*store).await;
    drop(store);
    // A process reads the end of the log when it starts, and then from time to time.
    let store = database.open(OLD).await;
    let of_client = LogQuery {
        after: Position::START,
        client: Some(ClientId::parse("quiet").unwrap()),
        payment: None,
        limit: 100,
    };
    let of_payment = LogQuery { client: None, payment: Some(payment_id(99)), ..of_client.clone() };
    let mut ends = Vec::new();
    for query in [of_client, of_payment] {
        let page = store.log(&query).await.unwrap();
        assert!(page.events.is_empty() && !page.has_more, "{page:?}");
        ends.push(LogQuery { after: page.end, ..query });
    }
    drop(store);
    let parts = run(&database, later()).await;
    assert!(ended(&parts, What::EventLog).0 > 0, "{parts:?}");
    let store = database.open(OLD).await;
    for query in ends {
        assert_eq!(store.log_position(query.after.id()).await.unwrap(), Some(query.after));
        assert!(!store.log(&query).await.unwrap().is_cut, "nothing of its own has ended");
    }
}

async fn a_kind_that_is_kept_for_good_does_not_end(database: TestDatabase) {
    filled(&database).await;
    let retention = retention(&database).await;
    let kept =
        Schedule { payments_days: None, webhooks_days: None, idempotency_days: None, events_days: None };
    let ending = retention.begin(kept, "anna", days_later(30_000)).await.unwrap();
    let parts = parts(&*retention, ending, days_later(30_000)).await;
    assert!(all(&parts).iter().all(|kind| *kind == (0, 0)), "{parts:?}");
    assert!(parts.iter().all(|part| part.before.is_none()));
}

/// A database of the release before holds plain values, and gets keys for each of its months.
async fn values_that_are_sealed_later_end_when_they_would_have_ended(database: TestDatabase) {
    fill(&*database.open("").await).await;
    database.execute("UPDATE webhook_events SET state = 'done'").await;
    assert!(database.reseal(OLD).await > 0);
    read_all_but_the_event(&database).await;
    let spans = database
        .texts("SELECT purpose || CAST(values_since AS TEXT) FROM data_keys WHERE values_since IS NOT NULL ORDER BY 1")
        .await;
    assert_eq!(spans, ["payers1767225600000000", "webhooks1767225600000000"]);
    // The payment that waits for its payer holds the month back.
    let parts = run(&database, days_later(770)).await;
    assert_eq!(ended(&parts, What::PaymentFields).1, 0);
    assert_eq!(ended(&parts, What::WebhookBodies).1, 1);
    database.execute("UPDATE payments SET state = 'failed' WHERE state = 'requires_action'").await;
    assert_eq!(
        ended(&run(&database, days_later(750)).await, What::PaymentFields).1,
        0,
        "January is not over"
    );
    assert_eq!(ended(&run(&database, days_later(770)).await, What::PaymentFields).1, 1);
}

async fn read_all_but_the_event(database: &TestDatabase) {
    let store = database.open(OLD).await;
    for n in 1..=3 {
        assert!(!store.payment(&client(), payment_id(n)).await.unwrap().unwrap().is_erased);
    }
}
