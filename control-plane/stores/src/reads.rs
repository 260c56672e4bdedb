//! The read statements and the probe write, shared by both databases. Each statement names its columns, so a newer
//! release may add a column while this one serves: neither prepared statements nor row types change.

macro_rules! payment_columns {
    () => {
        "id, client, provider, amount, currency, request, state, detail, reference, captured, refunded, due_at, tries, \
         version, created_at, updated_at"
    };
}
macro_rules! payments {
    ($which:literal) => {
        concat!("SELECT ", payment_columns!(), " FROM payments ", $which)
    };
}
macro_rules! refunds {
    ($which:literal) => {
        concat!(
            "SELECT id, payment, client, amount, currency, state, detail, due_at, tries, version, created_at, \
             updated_at FROM refunds ",
            $which
        )
    };
}
macro_rules! event_columns {
    () => {
        "payment, refund, version, from_state, to_state, at, client, request_id, detail"
    };
}

macro_rules! events {
    ($which:literal) => {
        concat!("SELECT ", event_columns!(), " FROM events ", $which)
    };
}

/// The columns of an event in the log, where `$transaction` computes the number of its transaction.
macro_rules! log_columns {
    ($transaction:literal) => {
        concat!($transaction, " AS transaction_id, seq, ", $crate::reads::event_columns!())
    };
}
pub(crate) use {event_columns, log_columns};

pub(super) const PAYMENT_COLUMNS: &str = payment_columns!();

/// `$1`: id, `$2`: client.
pub(super) const PAYMENT: &str = payments!("WHERE id = $1 AND client = $2");
/// `$1`: id.
pub(super) const ANYONES_PAYMENT: &str = payments!("WHERE id = $1");
/// `$1`: provider, `$2`: reference. A failed payment gives up its order, so the newest payment that has not failed owns
/// it.
pub(super) const PAYMENT_BY_REFERENCE: &str =
    payments!("WHERE provider = $1 AND reference = $2 AND state <> 'failed' ORDER BY id DESC LIMIT 1");
/// `$1`: provider, `$2`: reference.
pub(super) const FIRST_FAILED_BY_REFERENCE: &str =
    payments!("WHERE provider = $1 AND reference = $2 AND state = 'failed' ORDER BY id LIMIT 1");
/// `$1`: earliest update time, which undecided payments need not meet, `$2`: id to continue after, `$3`: limit.
pub(super) const ANYONES_PAYMENTS: &str =
    payments!("WHERE (updated_at >= $1 OR due_at IS NOT NULL) AND id > $2 ORDER BY id LIMIT $3");
/// `$1`: limit. MATERIALIZED makes the query use the index on due payments, never a walk over all payments by id.
pub(super) const UNDECIDED_PAYMENTS: &str = concat!(
    "WITH due AS MATERIALIZED (SELECT id AS due FROM payments WHERE due_at IS NOT NULL) ",
    payments!("JOIN (SELECT due FROM due ORDER BY due LIMIT $1) AS oldest ON id = due ORDER BY id")
);

/// `$1`: id, `$2`: client.
pub(super) const REFUND: &str = refunds!("WHERE id = $1 AND client = $2");
/// `$1`: id.
pub(super) const ANYONES_REFUND: &str = refunds!("WHERE id = $1");
/// `$1`: payment, `$2`: client.
pub(super) const REFUNDS: &str = refunds!("WHERE payment = $1 AND client = $2 ORDER BY id");
/// `$1`: limit.
pub(super) const UNDECIDED_REFUNDS: &str = refunds!("WHERE due_at IS NOT NULL ORDER BY id LIMIT $1");

/// `$1`: payment, `$2`: client.
pub(super) const EVENTS: &str = events!(
    "WHERE payment = $1 AND EXISTS (SELECT 1 FROM payments AS p WHERE p.id = $1 AND p.client = $2) ORDER BY seq"
);
/// `$1`: refund or payment, `$2`: version.
pub(super) const EVENT: &str = events!("WHERE coalesce(refund, payment) = $1 AND version = $2");

/// `$1`: scope.
pub(super) const KEY: &str = "SELECT scope, fingerprint, payment, refund, answer_status, answer_body
     FROM idempotency_keys WHERE scope = $1";

/// The probe write, whose data has no meaning.
pub(super) const PROVE: &str = "INSERT INTO write_proofs (id, proofs) VALUES (1, 1)
     ON CONFLICT (id) DO UPDATE SET proofs = write_proofs.proofs + 1";

/// Reads a row of each table that a charge needs. This costs next to nothing: in SQLite, one descent of each tree.
pub(super) const READ_EACH: &str = "SELECT EXISTS (SELECT 1 FROM payments), EXISTS (SELECT 1 FROM refunds),
     EXISTS (SELECT 1 FROM events), EXISTS (SELECT 1 FROM idempotency_keys), EXISTS (SELECT 1 FROM webhook_events),
     EXISTS (SELECT 1 FROM watches)";
