//! The keys of a database's values, for operators: what needs them, replacing them, and sealing what is there. All of
//! it works beside services that use the database.

mod batch;
mod customers;
mod progress;
mod reseal;
mod rotate;
mod status;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use sealing::Sealer;

pub use self::progress::ResealProgress;
pub use self::reseal::{Reseal, ResealPart};
pub use self::rotate::Rotated;
pub use self::status::{KeyStatus, TableStatus, WrappingKeyStatus};
use crate::postgres::Postgres;
pub use crate::sealed_tables::CUSTOMERS;
use crate::sql::Database;
pub use crate::sql::Scrubbed;
use crate::sql::data_keys::DataKeys;
use crate::sqlite::Sqlite;
use crate::{Boxed, DatabaseKind, DatabaseSettings, KeyProblem};

/// What an operator does with the keys of one database.
#[async_trait]
pub trait KeyMaintenance: Send + Sync {
    /// Which keys there are, and what needs them. Reads every row.
    async fn status(&self) -> Result<KeyStatus, KeyProblem>;

    /// Wraps all data keys with the first key. With `new_data_keys`, values are also sealed with new data keys from now
    /// on, and those of the old ones are to be sealed again.
    async fn rotate(&self, new_data_keys: bool) -> Result<Rotated, KeyProblem>;

    /// Seals the next few rows that are plain or whose data key is retired. `None`: all is done that was there when the
    /// run began.
    async fn reseal(&self, reseal: &mut Reseal) -> Result<Option<ResealPart>, KeyProblem>;

    /// The rows that another run would seal, by table: processes that do not know the newest data keys yet, or seal
    /// nothing, have written them meanwhile, or they do not open. Reads every row.
    async fn left(&self) -> Result<BTreeMap<&'static str, u64>, KeyProblem>;

    /// Removes what the database's files still hold of values that were overwritten, if `even_if_large` or if that
    /// takes no longer than writers wait.
    async fn scrub(&self, even_if_large: bool) -> Result<Scrubbed, KeyProblem>;
}

struct Keys<D> {
    database: Arc<D>,
    keys: Arc<DataKeys>,
}

/// Opens a database for the maintenance of its keys. Its schema is only checked.
///
/// # Errors
/// The database is unreachable, or its schema is too old or too new for this build.
pub fn open_keys(settings: DatabaseSettings) -> Boxed<'static, Box<dyn KeyMaintenance>> {
    Box::pin(async move {
        let sealer = Arc::new(Sealer::new(settings.encryption.plain_values()));
        let keys = Arc::new(DataKeys::new(&settings.encryption, sealer.clone()));
        let opened: Box<dyn KeyMaintenance> = match DatabaseKind::of(&settings.uri)? {
            DatabaseKind::Sqlite => {
                Box::new(Keys { database: Arc::new(Sqlite::open(&settings, &sealer).await?), keys })
            }
            DatabaseKind::Postgres => {
                Box::new(Keys { database: Arc::new(Postgres::open(&settings, &sealer).await?), keys })
            }
        };
        Ok(opened)
    })
}

#[async_trait]
impl<D: Database> KeyMaintenance for Keys<D> {
    async fn status(&self) -> Result<KeyStatus, KeyProblem> {
        status::status(&*self.database, &self.keys).await
    }

    async fn rotate(&self, new_data_keys: bool) -> Result<Rotated, KeyProblem> {
        rotate::rotate(&*self.database, &self.keys, new_data_keys).await
    }

    async fn reseal(&self, reseal: &mut Reseal) -> Result<Option<ResealPart>, KeyProblem> {
        reseal.next(&self.database, &self.keys).await
    }

    async fn left(&self) -> Result<BTreeMap<&'static str, u64>, KeyProblem> {
        status::left(&*self.database, &self.keys).await
    }

    async fn scrub(&self, even_if_large: bool) -> Result<Scrubbed, KeyProblem> {
        Ok(self.database.scrub(even_if_large).await?)
    }
}
