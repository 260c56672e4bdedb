//! What money still depends on does not end, however old it is.

use payments::model::idempotency::{KeyChange, KeyClaim};
use payments_stores::retention::{Schedule, StepReport, What};

use super::database::{OLD, TestDatabase};
use super::old::*;
use super::samples::*;

super::on_both! {
    a_payment_that_waits_for_its_payer_keeps_the_fields_of_its_day
    whatever_money_depends_on_holds_its_day_back
    a_key_of_an_undecided_payment_is_kept
    the_row_of_an_attestation_ends_after_an_hour_whatever_its_payment_does
    the_row_of_an_attestation_ends_although_keys_are_kept_for_good
    an_answer_whose_row_is_kept_holds_back_the_day_on_which_it_was_given
    an_event_that_is_not_done_keeps_its_row_and_what_it_says
    the_key_that_seals_never_ends
}

fn held(parts: &[StepReport], what: What) -> Vec<String> {
    let of_kind = parts.iter().filter(|part| part.what == what);
    of_kind.flat_map(|part| &part.held).map(|held| held.by.clone()).collect()
}

/// Whether the fields of the first day are there.
async fn fields_are_there(database: &TestDatabase) -> bool {
    let erased = "SELECT id FROM data_keys WHERE purpose = 'payers' AND erased_at IS NOT NULL";
    database.texts(erased).await.is_empty()
}

async fn a_payment_that_waits_for_its_payer_keeps_the_fields_of_its_day(database: TestDatabase) {
    unfinished(&database).await;
    let parts = run(&database, later()).await;
    assert_eq!(held(&parts, What::PaymentFields), [payment_id(1).to_string()]);
    assert!(fields_are_there(&database).await);
}

/// Each of these as the only thing that is not done.
async fn whatever_money_depends_on_holds_its_day_back(database: TestDatabase) {
    filled(&database).await;
    let (payment, refund) = (payment_id(3), refund_id());
    let holds = [
        (
            format!("UPDATE payments SET due_at = 1 WHERE id = '{payment}'"),
            format!("UPDATE payments SET due_at = NULL WHERE id = '{payment}'"),
        ),
        (
            format!("UPDATE payments SET state = 'authorized' WHERE id = '{payment}'"),
            format!("UPDATE payments SET state = 'completed' WHERE id = '{payment}'"),
        ),
        (
            format!("INSERT INTO watches (payment, provider, due_at) VALUES ('{payment}', 'stripe', 1)"),
            "DELETE FROM watches".to_owned(),
        ),
        (
            format!("UPDATE refunds SET due_at = 1 WHERE id = '{refund}'"),
            format!("UPDATE refunds SET due_at = NULL WHERE id = '{refund}'"),
        ),
        (
            format!(
                "INSERT INTO disputes (provider, id, payment, as_of) VALUES ('stripe', 'dp_1', '{payment}', 1)"
            ),
            "UPDATE disputes SET closed_at = 2".to_owned(),
        ),
    ];
    for (hold, release) in holds {
        database.execute(&hold).await;
        let parts = run(&database, later()).await;
        assert_eq!(held(&parts, What::PaymentFields), [payment.to_string()], "{hold}");
        assert!(fields_are_there(&database).await, "{hold}");
        database.execute(&release).await;
    }
    run(&database, later()).await;
    assert!(!fields_are_there(&database).await);
}

async fn a_key_of_an_undecided_payment_is_kept(database: TestDatabase) {
    let store = unfinished(&database).await;
    let parts = run(&database, later()).await;
    assert_eq!(held(&parts, What::IdempotencyKeys), [payment_id(1).to_string()]);
    assert!(store.key(&claim(1).scope).await.unwrap().is_some());
    assert!(store.key(&claim(2).scope).await.unwrap().is_none());
}

async fn the_row_of_an_attestation_ends_after_an_hour_whatever_its_payment_does(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let claim = KeyClaim::of_attestation(&[7; 32]);
    let take = KeyChange::Take { claim, client: client(), at: at(0), answer: None };
    store.commit(opening(7).1.with_key(Some(take))).await.unwrap();
    run(&database, at(3_600)).await;
    assert!(store.key(&claim.scope).await.unwrap().is_some());
    let parts = run(&database, at(3_601)).await;
    assert_eq!(held(&parts, What::IdempotencyKeys), <[String; 0]>::default());
    assert!(store.key(&claim.scope).await.unwrap().is_none());
    assert!(store.key(&super::samples::claim(1).scope).await.unwrap().is_some());
}

async fn the_row_of_an_attestation_ends_although_keys_are_kept_for_good(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill(&*store).await;
    let claim = KeyClaim::of_attestation(&[7; 32]);
    let take = KeyChange::Take { claim, client: client(), at: at(0), answer: None };
    store.commit(opening(7).1.with_key(Some(take))).await.unwrap();
    let schedule = Schedule { idempotency_days: None, ..SCHEDULE };
    let retention = retention(&database).await;
    let ending = retention.begin(schedule, "anna", later()).await.unwrap();
    let parts = parts(&*retention, ending, later()).await;
    let ended: u64 =
        parts.iter().filter(|part| part.what == What::IdempotencyKeys).map(|part| part.ended).sum();
    assert_eq!(ended, 1);
    assert!(store.key(&claim.scope).await.unwrap().is_none());
    let kept =
        format!("SELECT scope FROM idempotency_keys WHERE scope = '{}'", super::samples::claim(1).scope);
    assert_eq!(database.texts(&kept).await.len(), 1);
}

/// The answer is of the first day, and its payment of the day after.
async fn an_answer_whose_row_is_kept_holds_back_the_day_on_which_it_was_given(database: TestDatabase) {
    let store = filled(&database).await;
    let (payment, scope) = (payment_id(200), claim(3).scope);
    let of_the_payment = format!("UPDATE idempotency_keys SET payment = '{payment}' WHERE scope = '{scope}'");
    database.execute(&of_the_payment).await;
    database.execute(&format!("UPDATE payments SET state = 'authorized' WHERE id = '{payment}'")).await;
    let parts = run(&database, later()).await;
    assert_eq!(held(&parts, What::IdempotencyKeys), [payment.to_string()]);
    assert_eq!(held(&parts, What::PaymentFields), [payment.to_string()]);
    assert!(fields_are_there(&database).await);
    assert_eq!(store.key(&scope).await.unwrap().unwrap().answer, Some(answer()));
    database.execute(&format!("UPDATE payments SET state = 'completed' WHERE id = '{payment}'")).await;
    run(&database, later()).await;
    assert!(!fields_are_there(&database).await);
    assert!(store.key(&scope).await.unwrap().is_none());
}

async fn an_event_that_is_not_done_keeps_its_row_and_what_it_says(database: TestDatabase) {
    let store = unfinished(&database).await;
    for state in ["received", "failed"] {
        database.execute(&format!("UPDATE webhook_events SET state = '{state}'")).await;
        let parts = run(&database, later()).await;
        assert_eq!(held(&parts, What::WebhookEvents), ["evt_1"]);
        assert_eq!(held(&parts, What::WebhookBodies), ["evt_1"]);
        let event = store.webhook(edge_core::provider::Provider::Stripe, "evt_1").await.unwrap().unwrap();
        assert_eq!(event.body, webhook(1).body);
    }
}

async fn the_key_that_seals_never_ends(database: TestDatabase) {
    filled(&database).await;
    // However far in the future.
    run(&database, days_later(30_000)).await;
    run(&database, days_later(30_000)).await;
    let living =
        "SELECT purpose FROM data_keys WHERE erased_at IS NULL AND values_since IS NULL ORDER BY purpose";
    let living = database.texts(living).await;
    for purpose in ["payers", "webhooks"] {
        assert_eq!(living.iter().filter(|one| *one == purpose).count(), 1, "{living:?}");
    }
    let store = database.open(super::database::OLD).await;
    store.commit(opening(7).1).await.unwrap();
    let store = database.open(super::database::OLD).await;
    assert!(!store.payment(&client(), payment_id(7)).await.unwrap().unwrap().is_erased);
}
