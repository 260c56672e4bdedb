//! The write that proves that a charge can be recorded.

use std::sync::LazyLock;

use crate::reads::PROVE as COMMITTED;

/// Writes what a charge writes and rolls it back, then commits a write of its own, in one round trip.
///
/// The first part fails whatever would fail a charge although other tables take writes: a lock on a table, a full
/// tablespace, a trigger, row level security (which hides a row from RETURNING too). The second shows that the server
/// commits, which a rollback does not.
///
/// An error in the first part leaves the transaction open, so the connection must be closed.
pub(super) static PROVE: LazyLock<String> = LazyLock::new(|| format!("{ROLLED_BACK};\n{COMMITTED}"));

const ROLLED_BACK: &str = "BEGIN;
INSERT INTO payments (id, client, provider, amount, currency, request, state, detail, version, created_at, updated_at)
VALUES ('proof_' || gen_random_uuid(), '', '', 1, 'USD', '{}', 'created', '{}', 0, 0, 0)
RETURNING id;
INSERT INTO events (payment, version, to_state, at, client, request_id, detail)
VALUES ('proof_' || gen_random_uuid(), 0, 'created', 0, '', '', '{}');
INSERT INTO idempotency_keys (scope, client, fingerprint, created_at)
VALUES ('proof_' || gen_random_uuid(), '', '', 0);
ROLLBACK";
