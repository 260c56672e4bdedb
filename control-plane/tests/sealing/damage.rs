//! Every kind of damage to every sealed column: it is named, and every other row is read as before.

use edge_core::money::Amount;
use edge_core::provider::Provider;
use payments::model::event::{Cause, Event};
use payments::model::id::{AttemptId, RefundId};
use payments::model::refund::Refund;
use payments::ports::store::{Change, Mutation, Problem, Store, StoreError};

use super::database::{OLD, TestDatabase};
use super::samples::*;

super::on_both! {
    each_damage_in_each_sealed_column_is_named_and_no_other_row_is_lost
}

/// A sealed column, the row that is damaged, and another one of the table.
struct Sealed {
    table: &'static str,
    column: &'static str,
    row: String,
    other: String,
}

impl Sealed {
    fn all() -> [Self; 6] {
        let new = |table, column, row: String, other: String| Self { table, column, row, other };
        let id = |id: String| format!("id = '{id}'");
        let [first, second] = [1, 2].map(|n| id(payment_id(n).to_string()));
        let event = |version: u8| format!("payment = '{}' AND version = {version}", payment_id(1));
        let [scope, other_scope] = [1, 2].map(|n| format!("scope = '{}'", claim(n).scope));
        [
            new("payments", "request", first.clone(), second.clone()),
            new("payments", "detail", first, second),
            new("refunds", "detail", id(refund_id().to_string()), id(second_refund().to_string())),
            new("events", "detail", event(1), event(0)),
            new("idempotency_keys", "answer_body", scope, other_scope),
            new("webhook_events", "body", id("evt_1".to_owned()), id("evt_2".to_owned())),
        ]
    }

    fn is_bytes(&self) -> bool {
        self.column == "body"
    }

    async fn value(&self, database: &TestDatabase, row: &str) -> Vec<u8> {
        let Self { table, column, .. } = self;
        let digits = match (database.is_sqlite(), self.is_bytes()) {
            (true, _) => format!("hex({column})"),
            (false, true) => format!("encode({column}, 'hex')"),
            (false, false) => format!("encode(convert_to({column}, 'UTF8'), 'hex')"),
        };
        let found = database.texts(&format!("SELECT {digits} FROM {table} WHERE {row}")).await;
        hex::decode(&found[0]).unwrap()
    }

    async fn replace(&self, database: &TestDatabase, value: &[u8]) {
        let Self { table, column, row, .. } = self;
        let value = match (self.is_bytes(), database.is_sqlite()) {
            (false, _) => format!("'{}'", std::str::from_utf8(value).unwrap()),
            (true, true) => format!("x'{}'", hex::encode(value)),
            (true, false) => format!("decode('{}', 'hex')", hex::encode(value)),
        };
        database.execute(&format!("UPDATE {table} SET {column} = {value} WHERE {row}")).await;
    }

    /// What is wrong with the row. A list of events leaves out what it cannot read.
    async fn problem(&self, store: &dyn Store) -> Option<(&'static str, String, Problem)> {
        let found = match self.table {
            "payments" => store.payment(&client(), payment_id(1)).await.err(),
            "refunds" => store.refund(&client(), refund_id()).await.err(),
            "idempotency_keys" => store.key(&claim(1).scope).await.err(),
            "webhook_events" => store.webhook(Provider::Stripe, "evt_1").await.err(),
            other => panic!("{other} is read otherwise"),
        };
        match found? {
            StoreError::Inconsistent(found) => Some((found.table, found.column, found.problem)),
            other => panic!("{other}"),
        }
    }

    async fn is_told(&self, store: &dyn Store, problem: Option<&Problem>) {
        if self.table == "events" {
            let read = store.events(&client(), payment_id(1)).await.unwrap().len();
            assert_eq!(read, if problem.is_some() { 2 } else { 3 }, "{problem:?}");
            return;
        }
        let expected = problem.map(|problem| (self.table, self.column.to_owned(), problem.clone()));
        assert_eq!(self.problem(store).await, expected);
    }
}

fn second_refund() -> RefundId {
    RefundId::new(at(0), [2; 10])
}

/// A second row in the tables that [`fill`] gives one.
async fn fill_twice(store: &dyn Store) {
    fill(store).await;
    assert!(store.receive_webhook(&webhook(2)).await.unwrap());
    let payment = store.payment(&client(), payment_id(3)).await.unwrap().unwrap();
    let (amount, attempt) = (Amount::new(10).unwrap(), AttemptId::new(at(0), [8; 10]));
    let refund = Refund::open(second_refund(), &payment, amount, attempt, at(40));
    let cause = Cause::request(client(), "req-2".to_owned());
    let event = Event::refund_moved(None, &refund, &cause);
    store.commit(Change::from(Mutation::OpenRefund { refund, event })).await.unwrap();
}

/// Another letter of base64, the value of another row, of another column, of a key that is none, and what is left after a
/// cut: in the value, behind the name of its key, and within it.
fn damages(genuine: &[u8], other_row: Vec<u8>, other_column: Vec<u8>) -> [(Vec<u8>, Problem); 7] {
    const HEAD: usize = "enc1:0123456789abcdef:".len();
    const UNKNOWN: &[u8; 16] = b"0123456789abcdef";
    let mut flipped = genuine.to_vec();
    let at = flipped.len() - 8;
    flipped[at] = if flipped[at] == b'A' { b'B' } else { b'A' };
    let mut unknown = genuine.to_vec();
    unknown[5..21].copy_from_slice(UNKNOWN);
    let key = String::from_utf8(UNKNOWN.to_vec()).unwrap();
    [
        (flipped, Problem::NotAuthentic),
        (other_row, Problem::NotAuthentic),
        (other_column, Problem::NotAuthentic),
        (unknown, Problem::UnknownKey(key)),
        (genuine[..genuine.len() - 4].to_vec(), Problem::NotAuthentic),
        (genuine[..HEAD].to_vec(), Problem::NotAuthentic),
        (genuine[..HEAD - 2].to_vec(), Problem::NotAuthentic),
    ]
}

/// Rows beside the damaged one.
async fn others_are_read(store: &dyn Store) {
    for n in [2, 3] {
        assert!(store.payment(&client(), payment_id(n)).await.unwrap().is_some());
        assert_eq!(store.key(&claim(n).scope).await.unwrap().unwrap().answer, Some(answer()));
    }
    assert!(store.refund(&client(), second_refund()).await.unwrap().is_some());
    assert_eq!(store.events(&client(), payment_id(2)).await.unwrap().len(), 3);
    assert_eq!(store.webhook(Provider::Stripe, "evt_2").await.unwrap(), Some(webhook(2)));
}

async fn each_damage_in_each_sealed_column_is_named_and_no_other_row_is_lost(database: TestDatabase) {
    let store = database.open(OLD).await;
    fill_twice(&*store).await;
    let columns = Sealed::all();
    for (n, sealed) in columns.iter().enumerate() {
        let genuine = sealed.value(&database, &sealed.row).await;
        let other_row = sealed.value(&database, &sealed.other).await;
        // Of the other column of payments, or of one of them.
        let another = &columns[usize::from(n == 0)];
        let other_column = another.value(&database, &another.row).await;
        for (damaged, problem) in damages(&genuine, other_row, other_column) {
            sealed.replace(&database, &damaged).await;
            sealed.is_told(&*store, Some(&problem)).await;
            others_are_read(&*store).await;
        }
        sealed.replace(&database, &genuine).await;
        sealed.is_told(&*store, None).await;
    }
    let (payment, open) = opening(9);
    store.commit(open).await.unwrap();
    assert_eq!(store.payment(&client(), payment.id).await.unwrap(), Some(payment));
}
