//! `control-plane keys`: shows, replaces and applies the keys of stored values.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use payments_stores::keys::{
    CUSTOMERS, KeyMaintenance, KeyStatus, Reseal, ResealPart, ResealProgress, Scrubbed, open_keys,
};
use payments_stores::{DatabaseSettings, MigrateOnStart};
use serde::Serialize;

use super::interruption::Interruption;
use super::operator::{Access, Operator, Recorded, open_trail};
use crate::config::{Source, database, unusable};
use crate::process::gateway_setup::is_there;

const INTERRUPTED: &str = "interrupted; run it again to continue";

#[derive(Subcommand)]
pub enum Command {
    /// Show the keys, the rows that need each of them, and the rows with values that are not sealed; exit 1 if a key or a
    /// data key is missing. Reads every row
    Status(StatusArgs),
    /// Wrap all data keys with the first of ENCRYPTION_KEYS, so that the others can be dropped. Changes no row: it takes
    /// an instant, whatever the size of the database
    Rotate(RotateArgs),
    /// Seal stored values that are plain, and those of retired data keys, while services run. An interrupted run continues
    /// where it was
    Reseal(ResealArgs),
}

#[derive(Args)]
pub struct StatusArgs {
    /// One JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct RotateArgs {
    /// Also begin new data keys and retire the old ones, whose rows `reseal` then seals again: after a data key may have
    /// become known
    #[arg(long)]
    new_data_keys: bool,
}

#[derive(Args)]
pub struct ResealArgs {
    /// Rows looked at per second, 1 to 100000
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    per_second: u32,
    /// SQLite: remove what the file still holds of overwritten values also if it is larger than 64 MiB. Writers wait
    /// meanwhile, about a second for each 100 MB
    #[arg(long)]
    vacuum: bool,
}

/// Runs a command and returns the text to print.
///
/// # Errors
/// The configuration is invalid, the database unavailable, or a key missing.
pub async fn run(command: Command, source: &Source) -> anyhow::Result<String> {
    let settings = database(source).map_err(|errors| unusable(&errors))?;
    is_there(&settings.uri)?;
    let settings = DatabaseSettings { migrate_on_start: MigrateOnStart::Never, ..settings };
    let trail = open_trail(settings.clone()).await?;
    let keys = open_keys(settings).await.context("DB_URI: the database cannot be opened")?;
    let operator = Operator::new(None, source);
    let (access, action) = command.recorded_as();
    let recorded = Recorded { store: &*trail, operator: &operator, access, action, object: "", reason: None };
    let execute = async {
        match command {
            Command::Status(args) => status(&*keys, &args).await,
            Command::Rotate(args) => rotate(&*keys, &args).await,
            Command::Reseal(args) => reseal(&*keys, &args).await,
        }
    };
    recorded.run(execute).await
}

impl Command {
    const fn recorded_as(&self) -> (Access, &'static str) {
        match self {
            Self::Status(_) => (Access::Reads, "keys status"),
            Self::Rotate(RotateArgs { new_data_keys: false }) => (Access::Changes, "keys rotate"),
            Self::Rotate(RotateArgs { new_data_keys: true }) => {
                (Access::Changes, "keys rotate --new-data-keys")
            }
            Self::Reseal(_) => (Access::Changes, "keys reseal"),
        }
    }
}

async fn status(keys: &dyn KeyMaintenance, args: &StatusArgs) -> anyhow::Result<String> {
    let status = keys.status().await.context("the keys cannot be read")?;
    let missing: Vec<_> = status.wrapping_keys.iter().filter(|key| !key.is_usable && key.rows > 0).collect();
    let text = if args.json { serde_json::to_string(&StatusJson::from(&status))? } else { to_text(&status) };
    if let Some(key) = missing.first() {
        let _ = writeln!(std::io::stdout(), "{text}");
        bail!(
            "the key `{}` is missing or wrong, and {} rows need it; add it to ENCRYPTION_KEYS",
            key.name,
            key.rows
        );
    }
    if let Some(lost) = lost(&status) {
        let _ = writeln!(std::io::stdout(), "{text}");
        bail!("{lost}");
    }
    Ok(text)
}

/// What cannot be read by any of `ENCRYPTION_KEYS`, because its data keys are gone, in words.
fn lost(status: &KeyStatus) -> Option<String> {
    let tables: Vec<_> = status.tables.iter().filter(|table| table.unknown > 0).collect();
    let rows: u64 = tables.iter().map(|table| table.unknown).sum();
    let named: Vec<_> = tables.iter().map(|table| format!("{} {}", table.name, table.unknown)).collect();
    (rows > 0).then(|| {
        format!(
            "{rows} rows name data keys that the database does not have ({}); if rows of the table data_keys were lost, put \
             them back from a backup",
            named.join(", ")
        )
    })
}

const TRAIL_IS_KEPT: &str = "the audit trail is sealed, so its records (events) stay as they are stored, with the data keys that they need";

fn to_text(status: &KeyStatus) -> String {
    let mut text = match &status.first {
        Some(first) => format!("values are sealed; `{first}` wraps new data keys\n"),
        None => "values are stored as they are: ENCRYPTION_KEYS is not set\n".to_owned(),
    };
    // Writing to a string cannot fail.
    if !status.wrapping_keys.is_empty() {
        let _ =
            writeln!(text, "\n{:<24}  {:>9}  {:>7}  {:>12}", "KEY", "DATA KEYS", "RETIRED", "ROWS NEED IT");
    }
    for key in &status.wrapping_keys {
        let problem = if key.is_usable { "" } else { "  missing or wrong" };
        let (name, data_keys, retired, rows) = (&key.name, key.data_keys, key.retired, key.rows);
        let _ = writeln!(text, "{name:<24}  {data_keys:>9}  {retired:>7}  {rows:>12}{problem}");
    }
    let _ = writeln!(text, "\n{:<20}  {:>12}  {:>12}  {:>12}", "TABLE", "ROWS", "PLAIN", "TO RESEAL");
    for table in &status.tables {
        let (name, rows, plain, retired) = (table.name, table.rows, table.plain, table.retired);
        let _ = writeln!(text, "{name:<20}  {rows:>12}  {plain:>12}  {retired:>12}");
    }
    if status.is_trail_kept {
        text.push_str(TRAIL_IS_KEPT);
        text.push('\n');
    }
    for progress in status.reseal.iter().filter(|progress| progress.finished_at.is_none()) {
        let ResealProgress { table, rows_seen, rows_sealed, .. } = progress;
        let _ = writeln!(text, "reseal is at {table}: {}", so_far(table, *rows_seen, *rows_sealed));
    }
    text.trim_end().to_owned()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusJson<'a> {
    first: Option<&'a str>,
    keys: Vec<KeyJson<'a>>,
    tables: Vec<TableJson>,
    reseal: Vec<ResealJson<'a>>,
    audit_trail_kept: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyJson<'a> {
    name: &'a str,
    usable: bool,
    data_keys: u64,
    retired_data_keys: u64,
    newest_data_key_at: jiff::Timestamp,
    rows: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TableJson {
    table: &'static str,
    rows: u64,
    plain: u64,
    to_reseal: u64,
    unknown_data_key: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResealJson<'a> {
    table: &'a str,
    rows_seen: u64,
    rows_sealed: u64,
    began_at: jiff::Timestamp,
    finished_at: Option<jiff::Timestamp>,
}

impl<'a> From<&'a KeyStatus> for StatusJson<'a> {
    fn from(status: &'a KeyStatus) -> Self {
        let keys = status.wrapping_keys.iter().map(|key| KeyJson {
            name: &key.name,
            usable: key.is_usable,
            data_keys: key.data_keys,
            retired_data_keys: key.retired,
            newest_data_key_at: key.newest_at,
            rows: key.rows,
        });
        let tables = status.tables.iter().map(|table| TableJson {
            table: table.name,
            rows: table.rows,
            plain: table.plain,
            to_reseal: table.retired,
            unknown_data_key: table.unknown,
        });
        let reseal = status.reseal.iter().map(|progress| ResealJson {
            table: &progress.table,
            rows_seen: progress.rows_seen,
            rows_sealed: progress.rows_sealed,
            began_at: progress.began_at,
            finished_at: progress.finished_at,
        });
        Self {
            first: status.first.as_deref(),
            keys: keys.collect(),
            tables: tables.collect(),
            reseal: reseal.collect(),
            audit_trail_kept: status.is_trail_kept,
        }
    }
}

async fn rotate(keys: &dyn KeyMaintenance, args: &RotateArgs) -> anyhow::Result<String> {
    let rotated = keys.rotate(args.new_data_keys).await.context("the keys cannot be replaced")?;
    let mut text =
        format!("`{}` wraps all data keys now, {} of them since this moment", rotated.first, rotated.wrapped);
    if args.new_data_keys {
        let _ = write!(
            text,
            "\n{} data keys are retired; services seal with new ones within five minutes, then run `control-plane keys reseal`",
            rotated.retired
        );
    }
    Ok(text)
}

async fn reseal(keys: &dyn KeyMaintenance, args: &ResealArgs) -> anyhow::Result<String> {
    let mut reseal = Reseal::default();
    let mut report = KeyReport::new();
    let mut interruption = Interruption::listen()?;
    loop {
        let part = tokio::select! {
            part = keys.reseal(&mut reseal) => part.context("the values cannot be sealed; run it again to continue"),
            () = interruption.received() => Err(anyhow::anyhow!("{INTERRUPTED}")),
        };
        let Some(part) = part? else { break };
        report.add(&part);
        let rows = u32::try_from(part.batch).unwrap_or(u32::MAX);
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1) * rows / args.per_second) => {}
            () = interruption.received() => bail!("{INTERRUPTED}"),
        }
    }
    let left = keys.left().await.context("what is left cannot be counted; run `keys status`")?;
    let left = still_to_seal(&left, report.unreadable);
    let scrubbed = keys.scrub(args.vacuum).await.context("the database's files cannot be cleaned")?;
    let mut text = String::from(if left.is_some() { "not all is sealed; " } else { "done; " });
    text.push_str(match scrubbed {
        Scrubbed::Done => "the files hold nothing of what was overwritten",
        Scrubbed::TooLarge { .. } => {
            "the file may still hold parts of overwritten values. Remove them in a quiet hour: run it again with --vacuum"
        }
        Scrubbed::Busy => {
            "the write-ahead log could not be emptied, because it is being read all the time. Run it again"
        }
        Scrubbed::LeftToServer => {
            "the server keeps overwritten rows until it vacuums (VACUUM FULL at once), and in its write-ahead log"
        }
    });
    text.push_str("\nEarlier backups still hold plain values");
    if let Some(left) = left {
        let _ = write!(text, "\n{left}");
    }
    if report.unreadable > 0 {
        bail!("{text}\n{} rows do not open and were left as they are", report.unreadable);
    }
    Ok(text)
}

/// What another run has to seal, in words. `unreadable`: rows among them that it could not seal either.
fn still_to_seal(left: &BTreeMap<&str, u64>, unreadable: usize) -> Option<String> {
    let rows = left.values().sum::<u64>().saturating_sub(u64::try_from(unreadable).unwrap_or(u64::MAX));
    let tables: Vec<_> = left.iter().map(|(table, rows)| format!("{table} {rows}")).collect();
    (rows > 0).then(|| {
        format!(
            "{rows} rows were written meanwhile with retired data keys, or plain, by processes that do not have the newest \
             data keys yet ({}). Services take these within five minutes, once they have ENCRYPTION_KEYS: run `keys reseal` \
             again",
            tables.join(", ")
        )
    })
}

/// What `reseal` has done to a table. Of customers' entries, it reads only those under an older key.
fn so_far(table: &str, seen: u64, sealed: u64) -> String {
    if table == CUSTOMERS {
        format!("{seen} entries under older keys, {sealed} replaced")
    } else {
        format!("{seen} rows seen, {sealed} sealed")
    }
}

struct KeyReport {
    on_terminal: bool,
    /// Whether the terminal's last line shows progress.
    is_shown: bool,
    unreadable: usize,
}

/// Unreadable rows that are named.
const NAMED_MAX: usize = 20;

impl KeyReport {
    fn new() -> Self {
        Self { on_terminal: std::io::stderr().is_terminal(), is_shown: false, unreadable: 0 }
    }

    fn add(&mut self, part: &ResealPart) {
        let ResealPart { table, rows_seen, rows_sealed, .. } = part;
        for row in part.unreadable.iter().take(NAMED_MAX.saturating_sub(self.unreadable)) {
            self.line(&format!("{table}: row {row} does not open, and is left as it is"));
        }
        self.unreadable += part.unreadable.len();
        let text = format!("{table}: {}", so_far(table, *rows_seen, *rows_sealed));
        if part.is_kept {
            self.line(TRAIL_IS_KEPT);
        } else if part.is_done {
            self.line(&text);
        } else if self.on_terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K{text} ");
            self.is_shown = true;
        }
    }

    /// Without it, an error would stand behind the progress, in the same line.
    fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn line(&mut self, line: &str) {
        self.clear();
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

impl Drop for KeyReport {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_meanwhile_is_told_and_what_does_not_open_is_not_told_twice() {
        let left = BTreeMap::from([("payments", 3), ("refunds", 1)]);
        let told = still_to_seal(&left, 1).unwrap();
        assert!(told.starts_with("3 rows were written meanwhile"), "{told}");
        assert!(
            told.contains("(payments 3, refunds 1)") && told.contains("run `keys reseal` again"),
            "{told}"
        );
        assert_eq!(still_to_seal(&left, 4), None);
        assert_eq!(still_to_seal(&BTreeMap::new(), 0), None);
    }
}
