//! `control-plane audit …`: verifies, exports and keeps the sealed audit trail.

mod export;
mod restored;

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use audit_proof::{Hash, VerifyingKey};
use clap::{Args, Subcommand};
use payments::ports::store::Store;

use self::export::ExportArgs;
use self::restored::RestoredArgs;
use super::operator::open_trail;
use crate::audit::anchors::Anchors;
use crate::audit::verify::{AnchorSource, verify, verify_export};
use crate::config::{Source, anchor_file, db_uri, signing_key};

#[derive(Subcommand)]
pub enum Command {
    /// Prove that the trail is what was sealed; exit 1 and name the first wrong record if it is not. Needs only the
    /// database or an export, the public key and what was anchored
    Verify(VerifyArgs),
    /// Print the sealed records in their order, one JSON object per line, and the checkpoint that covers them
    Export(ExportArgs),
    /// Record that a backup was restored, signed with AUDIT_SIGNING_KEY, so that sealing continues. Until then nothing is
    /// sealed
    Restored(RestoredArgs),
    /// Print the public key that verifies checkpoints and proofs: `NAME+ID+KEY`
    Key,
}

#[derive(Args)]
pub struct VerifyArgs {
    /// Verify what `audit export` has printed into a file, without a database
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Checkpoints that were kept outside the database: one, or a file of many [default: AUDIT_ANCHOR_FILE, if it
    /// exists]
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// A public key that signed checkpoints, as `audit key` prints it [default: that of AUDIT_SIGNING_KEY]
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<VerifyingKey>,
    /// The record of a restored backup that is accepted although its restore note is missing, because a release that did
    /// not sign wrote it and the restore happened: the hash that `audit verify` names
    #[arg(long = "accept-unsigned-restore", value_name = "HASH", value_parser = leaf_hash)]
    unsigned: Vec<Hash>,
}

fn leaf_hash(text: &str) -> Result<Hash, String> {
    text.parse().map_err(|()| "must be a hash in base64, as `audit verify` names it".to_owned())
}

/// Runs a command. Returns the text to print, unless it has printed already.
///
/// # Errors
/// The trail is not what was sealed, the configuration is invalid, or the database or a file cannot be read.
pub async fn run(command: Command, source: &Source) -> anyhow::Result<Option<String>> {
    match command {
        Command::Verify(args) => verified(args, source).await.map(Some),
        Command::Export(args) => export::run(&args, source).await.map(|()| None),
        Command::Restored(args) => restored::run(args, source).await.map(Some),
        Command::Key => Ok(Some(keys(Vec::new(), source)?.iter().map(ToString::to_string).collect())),
    }
}

async fn verified(args: VerifyArgs, source: &Source) -> anyhow::Result<String> {
    let keys = keys(args.keys, source)?;
    let anchors = anchors(args.checkpoint, source, &keys)?;
    let mut report = match &args.export {
        Some(path) => {
            let named = || path.display().to_string();
            let file = BufReader::new(File::open(path).with_context(named)?);
            verify_export(file, &keys, &anchors, &args.unsigned).with_context(named)?
        }
        None => verify(&*open(source).await?, &keys, &anchors, &args.unsigned).await?,
    };
    if anchors.is_empty() {
        report.notes.push(no_anchors(source));
    }
    if report.is_whole() {
        return Ok(report.to_string().trim_end().to_owned());
    }
    // The report is the error, so that the exit code alone says as much.
    bail!("{}", report.to_string().trim_end())
}

/// The keys to trust: those that are given, else that of the settings.
fn keys(given: Vec<VerifyingKey>, source: &Source) -> anyhow::Result<Vec<VerifyingKey>> {
    if !given.is_empty() {
        return Ok(given);
    }
    let own = signing_key(source)?.context("no key is known: give --key, or set AUDIT_SIGNING_KEY")?;
    Ok(vec![own.public().clone()])
}

/// The files of checkpoints: those that are given, else that of the settings, if it exists.
fn anchors(given: Vec<PathBuf>, source: &Source, keys: &[VerifyingKey]) -> anyhow::Result<Vec<AnchorSource>> {
    let paths = if given.is_empty() {
        // One that cannot be looked at is named when it is read.
        anchor_file(source).into_iter().filter(|path| !matches!(path.try_exists(), Ok(false))).collect()
    } else {
        given
    };
    paths.into_iter().map(|path| read(&path, keys).map(|anchors| AnchorSource { path, anchors })).collect()
}

/// Why [`anchors`] found no file.
fn no_anchors(source: &Source) -> String {
    match anchor_file(source) {
        Some(path) => format!("the anchor file {} (AUDIT_ANCHOR_FILE) does not exist yet", path.display()),
        None => "no anchor file is given: give --checkpoint, or set AUDIT_ANCHOR_FILE".to_owned(),
    }
}

fn read(path: &Path, keys: &[VerifyingKey]) -> anyhow::Result<Anchors> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    let anchors = Anchors::read(&String::from_utf8_lossy(&bytes), keys);
    if anchors.signed.is_empty() && anchors.forged.is_none() {
        let mut why = String::from("has no checkpoint");
        if anchors.of_other_keys > 0 {
            let _ = write!(why, " of this key, and {} of others", anchors.of_other_keys);
        }
        bail!("{} {why}", path.display());
    }
    Ok(anchors)
}

/// Opens the database, which stays as it is. Its encryption keys are not needed.
async fn open(source: &Source) -> anyhow::Result<Arc<dyn Store>> {
    open_trail(db_uri(source)?.into()).await
}
