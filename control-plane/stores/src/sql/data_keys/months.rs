//! Data keys for values that are there already: each seals those of one month.

use std::sync::PoisonError;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use payments::ports::store::StoreError;
use sealing::{Class, DataKeyId};

use super::DataKeys;
use super::stored::{KeyPurpose, Span, StoredKey, make_key, stored_keys};
use crate::not_written;
use crate::sql::Database;

impl DataKeys {
    /// The key for values of this class and time that are there already, so that they end when they would have ended:
    /// the one that seals new values, if they are of its time, or one for the values of their month.
    pub(crate) async fn of_time(
        &self,
        database: &impl Database,
        class: Class,
        at: Timestamp,
    ) -> Result<Option<DataKeyId>, StoreError> {
        let Some(wrapping) = &self.wrapping else { return Ok(None) };
        let since =
            self.state.lock().unwrap_or_else(PoisonError::into_inner).sealing_since.get(&class).copied();
        if class == Class::Kept || since.is_some_and(|since| since <= at) {
            return Ok(self.sealer.current(class).map(|key| key.id));
        }
        let span = month(at).map_err(not_written)?;
        let purpose = KeyPurpose::Values(class);
        let fits = |key: &&StoredKey| {
            key.purpose == purpose && !key.is_retired && !key.is_erased && key.span == Some(span)
        };
        let stored = stored_keys(database).await?;
        if let Some(known) = stored.iter().find(fits) {
            if !self.sealer.knows(known.id) {
                self.take(known).await.map_err(not_written)?;
            }
            return Ok(Some(known.id));
        }
        let (made, key) = make_key(database, &**wrapping, purpose, Some(span)).await?;
        self.add(&made, &key);
        Ok(Some(made.id))
    }
}

/// The month that a time is in, in UTC.
fn month(at: Timestamp) -> Result<Span, jiff::Error> {
    let first = at.to_zoned_datetime(TimeZone::UTC).first_of_month()?.start_of_day()?;
    let next = first.checked_add(1.month())?;
    Ok(Span { since: first.timestamp(), until: next.timestamp() })
}
