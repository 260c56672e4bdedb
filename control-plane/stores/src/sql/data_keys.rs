//! The data keys: read from their table, made when one is due, and taken over from other processes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use payments::causes::with_causes;
use payments::ports::clock::{Clock as _, SystemClock};
use payments::ports::store::StoreError;
use sealing::{
    Class, DataKey, DataKeyId, IndexKey, PlainValues, Sealer, SecretKey, WrapError, WrappedKey, Wrapping,
    format,
};
use tokio::time::Instant;

use super::{Database, Purpose, Query};
use crate::encryption::Encryption;
use crate::not_written;
use crate::row::row;
use crate::sealed::SealedRow;
use crate::sealed_tables::count;
use crate::unusable_keys::{KeyProblem, UnusableKey, UnusableKeys};

/// How long new values are sealed with one data key.
const LIFE: SignedDuration = SignedDuration::from_hours(24);
/// How often a process that seals reads the table, for keys that others have made or retired.
const READ_EVERY: Duration = Duration::from_secs(60);
/// The pause after a failed attempt. Until then, the last key seals.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// The least pause between two reads of the table for the sake of a key that it did not have: a damaged row names one that
/// never existed, and lists are polled. Also between two for look-ups by customer.
const LOOKED_UP_EVERY: Duration = Duration::from_secs(1);

/// Since when at the latest a process that is about to seal must have read the table. Together with the pause between two
/// reads it bounds how long a process seals with a key after others have taken a newer one, so that it is known when the
/// last value of a key was written.
const STALE_AFTER: Duration = Duration::from_secs(300);

const READ: &str =
    "SELECT id, purpose, wrapped_by, wrapped, created_at, retired_at, values_since, values_until, erased_at
    FROM data_keys ORDER BY created_at, id";
/// `$1`: id, `$2`: purpose, `$3`: wrapped by, `$4`: wrapped, `$5`: now, `$6` and `$7`: of which time the values are.
const ADD: &str =
    "INSERT INTO data_keys (id, purpose, wrapped_by, wrapped, created_at, values_since, values_until)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";

row! {
    pub(crate) struct KeyTableRow {
        pub(crate) id: String,
        pub(crate) purpose: String,
        pub(crate) wrapped_by: String,
        pub(crate) wrapped: Vec<u8>,
        pub(crate) created_at: i64,
        pub(crate) retired_at: Option<i64>,
        pub(crate) values_since: Option<i64>,
        pub(crate) values_until: Option<i64>,
        pub(crate) erased_at: Option<i64>,
    }
}

/// What a data key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyPurpose {
    Values(Class),
    Index,
}

impl KeyPurpose {
    pub(crate) const ALL: [Self; 4] =
        [Self::Values(Class::Kept), Self::Values(Class::Payers), Self::Values(Class::Webhooks), Self::Index];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Values(Class::Kept) => "values",
            Self::Values(Class::Payers) => "payers",
            Self::Values(Class::Webhooks) => "webhooks",
            Self::Index => "index",
        }
    }
}

/// The time that the values of a key are of, if it seals what is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) since: Timestamp,
    pub(crate) until: Timestamp,
}

/// A key of the table.
#[derive(Clone, Debug)]
pub(crate) struct StoredKey {
    pub(crate) id: DataKeyId,
    pub(crate) purpose: KeyPurpose,
    pub(crate) wrapped: WrappedKey,
    pub(crate) created_at: Timestamp,
    pub(crate) is_retired: bool,
    /// `None` of a key that seals, or has sealed, new values.
    pub(crate) span: Option<Span>,
    /// The key is gone, and what it has sealed has ended.
    pub(crate) is_erased: bool,
}

impl StoredKey {
    /// `None` for a row of a later release, or a damaged one.
    fn of(row: KeyTableRow) -> Option<Self> {
        let purpose = KeyPurpose::ALL.into_iter().find(|one| one.name() == row.purpose);
        let time = |at| Timestamp::from_microsecond(at).ok();
        let span = match (row.values_since.and_then(time), row.values_until.and_then(time)) {
            (Some(since), Some(until)) => Some(Span { since, until }),
            _ => None,
        };
        Some(Self {
            id: row.id.parse().ok()?,
            purpose: purpose?,
            wrapped: WrappedKey { by: row.wrapped_by, bytes: row.wrapped },
            created_at: Timestamp::from_microsecond(row.created_at).ok()?,
            is_retired: row.retired_at.is_some(),
            span,
            is_erased: row.erased_at.is_some(),
        })
    }
}

/// Reads the table, oldest keys first.
pub(crate) async fn stored_keys(database: &impl Database) -> Result<Vec<StoredKey>, StoreError> {
    let rows = database.all::<KeyTableRow>(Purpose::Money, Query::new(READ)).await?;
    Ok(rows.into_iter().filter_map(StoredKey::of).collect())
}

/// Makes a data key and stores it. It seals nothing before it is certainly stored.
pub(crate) async fn make_key(
    database: &impl Database,
    wrapping: &dyn Wrapping,
    purpose: KeyPurpose,
    span: Option<Span>,
) -> Result<(StoredKey, SecretKey), StoreError> {
    let (id, key) = DataKeyId::random().and_then(|id| Ok((id, SecretKey::random()?))).map_err(not_written)?;
    let wrapped = wrapping.wrap(id, &key).await.map_err(not_written)?;
    let created_at = SystemClock.now();
    let add = Query::new(ADD)
        .with(id.to_string())
        .with(purpose.name())
        .with(wrapped.by.as_str())
        .with(wrapped.bytes.clone())
        .with(created_at.as_microsecond())
        .with(span.map(|span| span.since.as_microsecond()))
        .with(span.map(|span| span.until.as_microsecond()));
    database.execute(Purpose::Money, add).await?;
    let (is_retired, is_erased) = (false, false);
    Ok((StoredKey { id, purpose, wrapped, created_at, is_retired, span, is_erased }, key))
}

/// The data keys of one process.
pub(crate) struct DataKeys {
    pub(crate) sealer: Arc<Sealer>,
    pub(crate) wrapping: Option<Arc<dyn Wrapping>>,
    /// Held by the one task that reads the table or makes a key.
    renewing: Arc<tokio::sync::Mutex<()>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When the key that seals each class was made.
    sealing_since: HashMap<Class, Timestamp>,
    read_at: Option<Instant>,
    /// Keys that rows name and that the table did not have then.
    missing: HashSet<DataKeyId>,
    /// When the table is read next.
    next_at: Option<Instant>,
}

#[derive(Debug, thiserror::Error)]
#[error("the first data key could not be made a moment ago")]
struct NoKeyYet;

/// When a key is to be taken or made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Renewal {
    NotDue,
    /// In the background: the last key still seals.
    Due,
    /// First, if it can be: what others did meanwhile is not known.
    Stale,
    /// Nothing can be sealed before.
    Urgent,
}

impl DataKeys {
    /// Without a key yet. `sealer` is the one that the database's writers have.
    pub(crate) fn new(encryption: &Encryption, sealer: Arc<Sealer>) -> Self {
        let wrapping = encryption.wrapping.clone();
        Self { sealer, wrapping, renewing: Arc::default(), state: Mutex::default() }
    }

    /// Reads the keys of a database that is being opened.
    ///
    /// # Errors
    /// Some rows need keys that are not at hand; names them, and counts the rows.
    pub(crate) async fn open(&self, database: &impl Database) -> Result<(), KeyProblem> {
        let mut unusable = Vec::new();
        let stored = stored_keys(database).await?;
        self.erase(&stored);
        for key in stored.iter().filter(|key| !key.is_erased) {
            match self.take(key).await {
                Ok(()) => {}
                Err(WrapError::Unavailable { by, source }) => {
                    return Err(WrapError::Unavailable { by, source }.into());
                }
                Err(problem) => {
                    unusable.push(UnusableKey { id: key.id, by: key.wrapped.by.clone(), problem });
                }
            }
        }
        self.seal_with_newest(&stored);
        if unusable.is_empty() {
            return Ok(());
        }
        let found = UnusableKeys::of(unusable, &count(database).await?);
        if found.rows() > 0 {
            return Err(KeyProblem::Unusable(found));
        }
        tracing::warn!(problem = %found, "data keys cannot be used, and no row needs them");
        Ok(())
    }

    /// Ensures that values can be sealed.
    ///
    /// # Errors
    /// There is no data key yet, and none could be made. Nothing is written.
    pub(crate) async fn prepare<D: Database>(self: &Arc<Self>, database: &Arc<D>) -> Result<(), StoreError> {
        match self.renewal() {
            Renewal::NotDue => Ok(()),
            Renewal::Due => {
                if let Ok(guard) = self.renewing.clone().try_lock_owned() {
                    let (keys, database) = (self.clone(), database.clone());
                    tokio::spawn(async move {
                        if let Err(problem) = keys.renew(&*database).await {
                            tracing::warn!(problem = %with_causes(&problem), "no data key could be taken; the last one still seals");
                        }
                        drop(guard);
                    });
                }
                Ok(())
            }
            Renewal::Stale => {
                let _guard = self.renewing.lock().await;
                if self.renewal() == Renewal::Stale
                    && let Err(problem) = self.renew(&**database).await
                {
                    tracing::warn!(problem = %with_causes(&problem), "no data key could be taken; the last one still seals");
                }
                Ok(())
            }
            Renewal::Urgent => {
                let _guard = self.renewing.lock().await;
                // Another may have made one meanwhile, or have failed: not all of them wait for the database in turn.
                match self.renewal() {
                    Renewal::Urgent if self.is_pausing() => Err(not_written(NoKeyYet)),
                    Renewal::Urgent => self.renew(&**database).await,
                    _ => Ok(()),
                }
            }
        }
    }

    /// Whether the next attempt has to wait.
    fn is_pausing(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.next_at.is_some_and(|at| Instant::now() < at)
    }

    fn renewal(&self) -> Renewal {
        if self.sealer.plain_values() == PlainValues::Written {
            return Renewal::NotDue;
        }
        let current: Option<Vec<_>> = Class::ALL.iter().map(|class| self.sealer.current(*class)).collect();
        let Some(current) = current else { return Renewal::Urgent };
        let next_at = self.state.lock().unwrap_or_else(PoisonError::into_inner).next_at;
        match next_at {
            Some(at) if Instant::now() < at && !current.iter().any(|key| key.is_used_up()) => Renewal::NotDue,
            Some(at) if Instant::now().duration_since(at) > STALE_AFTER => Renewal::Stale,
            _ => Renewal::Due,
        }
    }

    /// Reads the table, and makes what is missing in it.
    async fn renew(&self, database: &impl Database) -> Result<(), StoreError> {
        let renewed = self.renew_once(database).await;
        let pause = if renewed.is_ok() { READ_EVERY } else { AGAIN_AFTER };
        self.state.lock().unwrap_or_else(PoisonError::into_inner).next_at = Some(Instant::now() + pause);
        renewed
    }

    async fn renew_once(&self, database: &impl Database) -> Result<(), StoreError> {
        let Some(wrapping) = &self.wrapping else { return Ok(()) };
        self.read(database).await?;
        if self.sealer.index_key().is_none() {
            let (stored, key) = make_key(database, &**wrapping, KeyPurpose::Index, None).await?;
            self.sealer.add_index(IndexKey::new(stored.id, &key));
            tracing::info!(key = %stored.id, "made a key for indexes");
        }
        for class in Class::ALL {
            if !self.is_current_fresh(class) {
                let purpose = KeyPurpose::Values(class);
                let (stored, key) = make_key(database, &**wrapping, purpose, None).await?;
                self.add(&stored, &key);
                self.seal_with(class, &stored);
                let (wrapped_by, purpose) = (stored.wrapped.by, purpose.name());
                tracing::info!(key = %stored.id, wrapped_by, purpose, "made a data key");
            }
        }
        Ok(())
    }

    fn is_current_fresh(&self, class: Class) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let since = state.sealing_since.get(&class);
        let is_young = since.is_some_and(|since| SystemClock.now().duration_since(*since) < LIFE);
        is_young && self.sealer.current(class).is_some_and(|key| !key.is_used_up())
    }

    /// The key for values of this class and time that are there already, so that they end when they would have ended: the
    /// one that seals new values, if they are of its time, or one for the values of their month.
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

    fn erase(&self, stored: &[StoredKey]) {
        for key in stored.iter().filter(|key| key.is_erased) {
            self.sealer.erase(key.id);
        }
    }

    /// Reads keys that are not known yet.
    async fn read(&self, database: &impl Database) -> Result<(), StoreError> {
        let stored = stored_keys(database).await?;
        self.erase(&stored);
        for key in stored.iter().filter(|key| !key.is_erased && !self.knows(key)) {
            if let Err(problem) = self.take(key).await {
                tracing::warn!(key = %key.id, problem = %with_causes(&problem), "a data key cannot be used");
            }
        }
        self.seal_with_newest(&stored);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).read_at = Some(Instant::now());
        Ok(())
    }

    fn knows(&self, key: &StoredKey) -> bool {
        match key.purpose {
            KeyPurpose::Values(_) => self.sealer.knows(key.id),
            KeyPurpose::Index => self.sealer.has_index(key.id),
        }
    }

    async fn take(&self, key: &StoredKey) -> Result<(), WrapError> {
        let Some(wrapping) = &self.wrapping else {
            return Err(WrapError::UnknownKey(key.wrapped.by.clone()));
        };
        let secret = wrapping.unwrap(key.id, &key.wrapped).await?;
        self.add(key, &secret);
        Ok(())
    }

    fn add(&self, key: &StoredKey, secret: &SecretKey) {
        match key.purpose {
            KeyPurpose::Values(_) => {
                if let Some(ready) = DataKey::new(key.id, secret) {
                    self.sealer.add(ready);
                }
            }
            KeyPurpose::Index => self.sealer.add_index(IndexKey::new(key.id, secret)),
        }
    }

    /// The newest keys of all processes seal, so that all of them take others at the same time.
    fn seal_with_newest(&self, stored: &[StoredKey]) {
        for class in Class::ALL {
            let usable = |key: &&StoredKey| {
                let is_new = key.span.is_none() && !key.is_retired && !key.is_erased;
                key.purpose == KeyPurpose::Values(class) && is_new && self.sealer.knows(key.id)
            };
            if let Some(newest) = stored.iter().rev().find(usable) {
                self.seal_with(class, newest);
            }
        }
    }

    fn seal_with(&self, class: Class, key: &StoredKey) {
        self.sealer.seal_with(class, key.id);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sealing_since.insert(class, key.created_at);
    }

    /// Reads the keys that other processes have made since and that these rows need.
    pub(crate) async fn follow<'r, R: SealedRow + 'r>(
        &self,
        database: &impl Database,
        rows: impl IntoIterator<Item = &'r mut R>,
    ) -> Result<(), StoreError> {
        let unknown = self.unknown(rows);
        if unknown.is_empty() || self.wrapping.is_none() || self.were_missing(&unknown) {
            return Ok(());
        }
        let _guard = self.renewing.lock().await;
        if unknown.iter().all(|key| self.sealer.knows(*key)) {
            return Ok(());
        }
        self.read(database).await?;
        let missing = unknown.into_iter().filter(|key| !self.sealer.knows(*key)).collect();
        self.state.lock().unwrap_or_else(PoisonError::into_inner).missing = missing;
        Ok(())
    }

    fn unknown<'r, R: SealedRow + 'r>(
        &self,
        rows: impl IntoIterator<Item = &'r mut R>,
    ) -> HashSet<DataKeyId> {
        let mut unknown = HashSet::new();
        for row in rows {
            for (_, value) in row.sealed().into_iter().flatten() {
                match format::key_of(value.bytes()) {
                    Ok(Some(key)) if !self.sealer.knows(key) => drop(unknown.insert(key)),
                    _ => {}
                }
            }
        }
        unknown
    }

    /// Whether the table, read a moment ago, had none of these keys.
    fn were_missing(&self, keys: &HashSet<DataKeyId>) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = state.read_at.is_some_and(|at| at.elapsed() < LOOKED_UP_EVERY);
        is_fresh && keys.is_subset(&state.missing)
    }

    /// Reads the table for keys of indexes that others have made, unless it was read a moment ago.
    pub(crate) async fn look_up(&self, database: &impl Database) -> Result<(), StoreError> {
        if self.wrapping.is_none() {
            return Ok(());
        }
        let _guard = self.renewing.lock().await;
        let read_at = self.state.lock().unwrap_or_else(PoisonError::into_inner).read_at;
        match read_at {
            Some(at) if at.elapsed() < LOOKED_UP_EVERY => Ok(()),
            _ => self.read(database).await,
        }
    }
}

/// The month that a time is in, in UTC.
fn month(at: Timestamp) -> Result<Span, jiff::Error> {
    let first = at.to_zoned_datetime(TimeZone::UTC).first_of_month()?.start_of_day()?;
    let next = first.checked_add(1.month())?;
    Ok(Span { since: first.timestamp(), until: next.timestamp() })
}
