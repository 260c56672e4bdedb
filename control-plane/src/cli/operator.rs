//! Who runs a command, and the records of that in the audit trail.

use std::future::Future;
use std::sync::Arc;

use anyhow::Context as _;
use payments::model::action::{ActionDetail, ActionOutcome, OperatorAction};
use payments::ports::clock::{Clock as _, SystemClock};
use payments::ports::store::Store;
use payments_stores::{self as stores, DatabaseSettings, MigrateOnStart};

use super::free_text::free_text;
use crate::config::{Source, database, unusable};
use crate::process::gateway_setup;

/// Characters of an error's text that are kept.
const REASON_MAX: usize = 500;

/// The person at the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operator {
    pub(super) name: String,
    /// The account and the machine, `USER@HOST`.
    pub(super) origin: String,
}

/// Whether a command may be run although it cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// It only reads, and a database that takes no writes is a reason to look.
    Reads,
    Changes,
}

/// Opens the database of the settings, with its encryption keys, as it is.
///
/// # Errors
/// The configuration is invalid, or the database cannot be opened.
pub(super) async fn open_store(source: &Source) -> anyhow::Result<Arc<dyn Store>> {
    let database = as_it_is(database(source).map_err(|errors| unusable(&errors))?)?;
    stores::open(database).await.context("DB_URI: the database cannot be opened")
}

/// Opens a database for the audit trail alone. It stays as it is, and its encryption keys are not needed.
///
/// # Errors
/// There is no database, or it cannot be opened.
pub(super) async fn open_trail(database: DatabaseSettings) -> anyhow::Result<Arc<dyn Store>> {
    stores::open_trail(as_it_is(database)?).await.context("DB_URI: the database cannot be opened")
}

/// Neither created nor migrated.
fn as_it_is(database: DatabaseSettings) -> anyhow::Result<DatabaseSettings> {
    gateway_setup::is_there(&database.uri)?;
    Ok(DatabaseSettings { migrate_on_start: MigrateOnStart::Never, ..database })
}

/// A command that is recorded when it begins and when it ends.
pub(super) struct Recorded<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) operator: &'a Operator,
    pub(super) access: Access,
    /// The command, like `payments resolve`.
    pub(super) action: &'a str,
    /// What it is done to; empty if to nothing in particular.
    pub(super) object: &'a str,
    pub(super) reason: Option<&'a str>,
}

impl Operator {
    /// `by`: the name that was given; without one, the account's.
    pub(super) fn new(by: Option<String>, source: &Source) -> Self {
        let account = account(source);
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { origin: format!("{account}@{host}"), name: by.unwrap_or(account) }
    }
}

/// `SUDO_USER`, else `USER`, else the number of the user: containers have neither.
fn account(source: &Source) -> String {
    let named = source.get("SUDO_USER").or_else(|| source.get("USER"));
    let named = named.and_then(|name| free_text(name).ok());
    named.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw()))
}

impl Recorded<'_> {
    /// Runs the command between its two records.
    ///
    /// # Errors
    /// The command's, or, if it changes something, that it could not be recorded: then it was not run.
    pub(super) async fn run<T>(self, command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
        self.write(ActionOutcome::Begun, self.reason.map(str::to_owned)).await?;
        let result = command.await;
        let (outcome, reason) = match &result {
            Ok(_) => (ActionOutcome::Success, self.reason.map(str::to_owned)),
            Err(problem) => (ActionOutcome::Failure, Some(format!("{problem:#}"))),
        };
        let written = self.write(outcome, reason).await;
        let result = result?;
        written.context("the command was executed; that it ended could not be recorded")?;
        Ok(result)
    }

    /// Records what was done already: before it, there may have been no trail to write to.
    pub(super) async fn done(self) -> anyhow::Result<()> {
        self.write(ActionOutcome::Success, self.reason.map(str::to_owned)).await
    }

    async fn write(&self, outcome: ActionOutcome, reason: Option<String>) -> anyhow::Result<()> {
        let reason = reason.map(|reason| reason.chars().take(REASON_MAX).collect());
        let action = OperatorAction {
            at: SystemClock.now(),
            operator: self.operator.name.clone(),
            origin: self.operator.origin.clone(),
            action: self.action.to_owned(),
            object: self.object.to_owned(),
            outcome,
            detail: ActionDetail { reason, restored: None },
        };
        match (self.store.audit().record_action(&action).await, self.access) {
            (Ok(()), _) => Ok(()),
            (Err(problem), Access::Reads) => {
                logging::say(&format!("warning: the audit trail could not record this command: {problem}"));
                Ok(())
            }
            (Err(problem), Access::Changes) => {
                Err(problem).context("the audit trail could not record this command")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator(by: Option<&str>, environment: &[(&str, &str)]) -> Operator {
        let settings = environment.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Operator::new(by.map(str::to_owned), &Source::new(settings, None).unwrap())
    }

    #[test]
    fn a_person_is_named_by_the_account_behind_sudo_unless_another_name_is_given() {
        let ada = operator(None, &[("USER", "root"), ("SUDO_USER", "ada")]);
        assert_eq!(ada.name, "ada");
        assert!(ada.origin.starts_with("ada@") && ada.origin.len() > 4, "{}", ada.origin);
        let other = operator(Some("Ada Lovelace"), &[("USER", "ops")]);
        assert_eq!(other.name, "Ada Lovelace");
        assert!(other.origin.starts_with("ops@"));
        let number = operator(None, &[]).name;
        assert!(number.starts_with("user ") && number[5..].parse::<u32>().is_ok(), "{number}");
    }
}
