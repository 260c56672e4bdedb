//! What happened, from three sources: the clients' history, the gateway's database, and the providers' ledger.

use std::collections::HashSet;

use gateway_tests::Sandbox;
use sealing::{DataKey, KeyRing, PlainValues, Sealer, ValueAddress, WrappedKey, Wrapping as _};
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ColumnIndex, Connection as _, Decode, FromRow, PgConnection, Row, SqliteConnection, Type};

use crate::cluster::Cluster;
use crate::history::History;
use crate::model::Request;

/// Everything that a run is judged by.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records {
    pub(crate) requests: Vec<Request>,
    pub(crate) acted: Vec<String>,
    pub(crate) mismatched: Vec<u64>,
    pub(crate) payments: Vec<Payment>,
    pub(crate) refunds: Vec<Refund>,
    pub(crate) events: Vec<Event>,
    pub(crate) effects: Vec<Effect>,
}

#[derive(Clone, Debug)]
pub(crate) struct Payment {
    pub(crate) id: String,
    pub(crate) client: String,
    pub(crate) provider: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    /// As the client sent it, in JSON.
    pub(crate) request: String,
    pub(crate) state: String,
    pub(crate) captured: i64,
    pub(crate) refunded: i64,
    pub(crate) version: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) id: String,
    pub(crate) payment: String,
    pub(crate) client: String,
    pub(crate) amount: i64,
    pub(crate) state: String,
    pub(crate) version: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) payment: String,
    pub(crate) refund: Option<String>,
    pub(crate) version: i64,
    pub(crate) from_state: Option<String>,
    pub(crate) to_state: String,
    /// Microseconds since 1970.
    pub(crate) at: i64,
    pub(crate) request_id: String,
    /// In JSON.
    pub(crate) detail: String,
}

struct StoredKey {
    id: String,
    wrapped_by: String,
    wrapped: Vec<u8>,
}

/// Reads rows of either database, each field from the column of the same name.
macro_rules! from_row {
    ($($row:ident: $($column:ident)*;)*) => {$(
        impl<'r, R: Row> FromRow<'r, R> for $row
        where
            &'static str: ColumnIndex<R>,
            i64: Decode<'r, R::Database> + Type<R::Database>,
            Vec<u8>: Decode<'r, R::Database> + Type<R::Database>,
            String: Decode<'r, R::Database> + Type<R::Database>,
        {
            fn from_row(row: &'r R) -> Result<Self, sqlx::Error> {
                Ok(Self { $($column: row.try_get(stringify!($column))?,)* })
            }
        }
    )*};
}

from_row! {
    Payment: id client provider amount currency request state captured refunded version;
    Refund: id payment client amount state version;
    Event: payment refund version from_state to_state at request_id detail;
    StoredKey: id wrapped_by wrapped;
}

/// An entry of the providers' ledger.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    pub(crate) provider: String,
    pub(crate) kind: String,
    pub(crate) amount: i64,
    pub(crate) currency: String,
    pub(crate) id: String,
    pub(crate) transaction: Option<String>,
}

impl Payment {
    /// The idempotency key that it was created under.
    pub(crate) fn key(&self) -> Option<String> {
        let request: Value = serde_json::from_str(&self.request).ok()?;
        request["metadata"]["ask"].as_str().map(str::to_owned)
    }
}

impl Records {
    /// The events of a client's payments and refunds.
    pub(crate) fn trail_of(&self, client: &str) -> Vec<&Event> {
        let own = self.payments.iter().filter(|payment| payment.client == client);
        let own: HashSet<_> = own.map(|payment| payment.id.as_str()).collect();
        self.events.iter().filter(|event| own.contains(event.payment.as_str())).collect()
    }

    pub(crate) async fn read(history: &History, cluster: &Cluster) -> Self {
        let mut records = Self { effects: effects(cluster.sandbox()).await, ..Self::default() };
        {
            let entries = history.entries();
            records.requests.clone_from(&entries.requests);
            records.acted.clone_from(&entries.acted);
            records.mismatched.clone_from(&entries.mismatched);
        }
        let mut database = Database::open(cluster.database()).await;
        records.payments = database
            .rows(
                "SELECT id, client, provider, amount, currency, request, state, captured, refunded, version
                 FROM payments ORDER BY id",
            )
            .await;
        records.refunds = database
            .rows("SELECT id, payment, client, amount, state, version FROM refunds ORDER BY id")
            .await;
        records.events = database
            .rows("SELECT payment, refund, version, from_state, to_state, at, request_id, detail FROM events ORDER BY seq")
            .await;
        // After the rows: each was sealed with a key that was there before it.
        let sealer = database.sealer(cluster.encryption_keys()).await;
        for payment in &mut records.payments {
            let place = ValueAddress { table: "payments", column: "request", row: &payment.id };
            payment.request = sealer.open_text(place, std::mem::take(&mut payment.request)).unwrap();
        }
        for event in &mut records.events {
            let row = format!("{}/{}", event.refund.as_ref().unwrap_or(&event.payment), event.version);
            let place = ValueAddress { table: "events", column: "detail", row: &row };
            event.detail = sealer.open_text(place, std::mem::take(&mut event.detail)).unwrap();
        }
        records
    }
}

impl Records {
    /// Everything known about the payments that a text names, for diagnosis.
    pub(crate) fn about(&self, text: &str) -> String {
        let mut lines = Vec::new();
        for payment in self.payments.iter().filter(|payment| text.contains(&payment.id)) {
            lines.push(format!("{payment:?}"));
            let key = payment.key();
            let names_it = |request: &&Request| {
                Some(&request.key) == key.as_ref()
                    || format!("{:?} {:?}", request.intent, request.responses).contains(&payment.id)
            };
            lines.extend(self.requests.iter().filter(names_it).map(|request| format!("{request:?}")));
            let events = self.events.iter().filter(|event| event.payment == payment.id);
            lines.extend(events.map(|event| {
                let Event { refund, version, from_state, to_state, at, request_id, detail, .. } = event;
                format!("{at} {refund:?} {version}: {from_state:?} to {to_state} by {request_id}: {detail}")
            }));
            let effects =
                self.effects.iter().filter(|effect| effect.transaction.as_ref() == Some(&payment.id));
            lines.extend(effects.map(|effect| format!("{effect:?}")));
        }
        lines.iter().map(|line| format!("    {line}\n")).collect()
    }
}

async fn effects(sandbox: &Sandbox) -> Vec<Effect> {
    let text = |effect: &Value, name: &str| effect[name].as_str().map(str::to_owned);
    let read = |effect: &Value| Effect {
        provider: text(effect, "provider").unwrap(),
        kind: text(effect, "kind").unwrap(),
        amount: effect["amount"].as_i64().unwrap(),
        currency: text(effect, "currency").unwrap(),
        id: text(effect, "id").unwrap(),
        transaction: text(effect, "transactionId"),
    };
    sandbox.ledger().await.iter().map(read).collect()
}

/// Read directly, bypassing the gateway, with the same SQL for both databases.
enum Database {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Database {
    async fn open(uri: &str) -> Self {
        if uri.starts_with("postgres") {
            return Self::Postgres(PgConnection::connect(uri).await.unwrap());
        }
        let options: SqliteConnectOptions = uri.parse().unwrap();
        Self::Sqlite(SqliteConnection::connect_with(&options.read_only(true)).await.unwrap())
    }

    /// What opens the sealed values, with the keys of the database.
    async fn sealer(&mut self, keys: &str) -> Sealer {
        let (ring, sealer) = (KeyRing::parse(keys).unwrap(), Sealer::new(PlainValues::Read));
        let stored = self.rows::<StoredKey>("SELECT id, wrapped_by, wrapped FROM data_keys").await;
        for StoredKey { id, wrapped_by, wrapped } in stored {
            let (id, wrapped) = (id.parse().unwrap(), WrappedKey { by: wrapped_by, bytes: wrapped });
            let key = ring.unwrap(id, &wrapped).await.unwrap();
            sealer.add(DataKey::new(id, &key).unwrap());
        }
        sealer
    }

    async fn rows<T>(&mut self, sql: &'static str) -> Vec<T>
    where
        T: for<'r> FromRow<'r, PgRow> + for<'r> FromRow<'r, SqliteRow> + Send + Unpin,
    {
        match self {
            Self::Postgres(connection) => sqlx::query_as(sql).fetch_all(connection).await.unwrap(),
            Self::Sqlite(connection) => sqlx::query_as(sql).fetch_all(connection).await.unwrap(),
        }
    }
}
