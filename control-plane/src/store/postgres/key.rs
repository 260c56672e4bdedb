use edge_core::idempotency::Scope;
use sqlx::{Executor, Postgres};

use super::unavailable;
use crate::domain::idempotency::KeyRecord;
use crate::domain::store::StoreError;
use crate::store::rows::KeyRow;

pub(super) async fn read(
    database: impl Executor<'_, Database = Postgres>,
    scope: &Scope,
) -> Result<Option<KeyRecord>, StoreError> {
    sqlx::query_as::<_, KeyRow>(
        "SELECT scope, fingerprint, payment, refund, answer_status, answer_body
         FROM idempotency_keys WHERE scope = $1",
    )
    .bind(scope.to_string())
    .fetch_optional(database)
    .await
    .map_err(unavailable)?
    .map(KeyRecord::try_from)
    .transpose()
}
