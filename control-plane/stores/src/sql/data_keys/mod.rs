//! The data keys: read from their table, made when one is due, and taken over from other processes.

mod follow;
mod lost;
mod months;
mod stored;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use payments::causes::with_causes;
use payments::ports::clock::{Clock as _, SystemClock};
use payments::ports::store::StoreError;
use sealing::{Class, DataKey, DataKeyId, IndexKey, PlainValues, Sealer, SecretKey, WrapError, Wrapping};
use tokio::time::{Instant, timeout};

pub(crate) use self::stored::{KeyPurpose, Span, StoredKey, make_key, stored_keys};
use super::Database;
use crate::encryption::Encryption;
use crate::group_commit::PROOF_MAX;
use crate::sealed_tables::count;
use crate::unusable_keys::{KeyProblem, UnusableKey, UnusableKeys};
use crate::{not_written, unavailable};

/// How long new values are sealed with one data key.
const LIFE: SignedDuration = SignedDuration::from_hours(24);
/// How often a process that seals reads the table, for keys that others have made or retired.
const READ_EVERY: Duration = Duration::from_secs(60);
/// The pause after a failed attempt. Until then, the last key seals.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// The least pause between two reads of the table for the sake of a key that it did not have: a damaged row names one
/// that never existed, and lists are polled. Also between two for look-ups by customer.
const LOOKED_UP_EVERY: Duration = Duration::from_secs(1);

/// Since when at the latest a process that is about to seal must have read the table. Together with the pause between
/// two reads it bounds how long a process seals with a key after others have taken a newer one, so that it is known
/// when the last value of a key was written.
const STALE_AFTER: Duration = Duration::from_secs(300);

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
        lost::report(database).await;
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

    /// Proves that values can be sealed: at once if there is a data key, and otherwise by making what the next commit
    /// would have to make.
    ///
    /// # Errors
    /// There is no data key yet, and none could be made in time.
    pub(crate) async fn prove<D: Database>(self: &Arc<Self>, database: &Arc<D>) -> Result<(), StoreError> {
        if self.renewal() != Renewal::Urgent {
            return Ok(());
        }
        let (keys, database) = (self.clone(), database.clone());
        // Goes on after the time is over: a service that is slow to wrap would be asked in vain again and again.
        let making = tokio::spawn(async move { keys.prepare(&database).await });
        timeout(PROOF_MAX, making).await.map_err(unavailable)?.map_err(unavailable)?
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

    fn erase(&self, stored: &[StoredKey]) {
        for key in stored.iter().filter(|key| key.is_erased) {
            if let KeyPurpose::Values(class) = key.purpose {
                self.sealer.erase(key.id, class);
            }
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
}
