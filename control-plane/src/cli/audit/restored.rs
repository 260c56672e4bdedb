//! `control-plane audit restored`: records that a backup was restored, and signs that.

use std::path::PathBuf;
use std::slice::from_ref;

use anyhow::{Context as _, bail};
use clap::Args;
use payments::model::action::{ActionDetail, ActionOutcome, OperatorAction, RESTORED, Restored};
use payments::ports::clock::{Clock as _, SystemClock};

use super::{anchors, no_anchors, open};
use crate::audit::restored::missing;
use crate::cli::free_text::free_text;
use crate::cli::operator::Operator;
use crate::config::{Source, signing_key};

#[derive(Args)]
pub struct RestoredArgs {
    /// Checkpoints that were anchored before the restore [default: AUDIT_ANCHOR_FILE]
    #[arg(long, value_name = "FILE")]
    checkpoint: Vec<PathBuf>,
    /// Which backup, and why it was restored
    #[arg(long, value_parser = free_text)]
    reason: String,
    /// The operator's name; by default SUDO_USER, else USER
    #[arg(long, value_parser = free_text)]
    by: Option<String>,
}

pub(super) async fn run(args: RestoredArgs, source: &Source) -> anyhow::Result<String> {
    let key = signing_key(source)?.context(
        "set AUDIT_SIGNING_KEY: the key that signs the checkpoints also signs what the restored backup lost",
    )?;
    let anchors = anchors(args.checkpoint, source, from_ref(key.public()))?;
    if anchors.is_empty() {
        bail!("without anchored checkpoints, what is missing cannot be known: {}", no_anchors(source));
    }
    let store = open(source).await?;
    let now = SystemClock.now();
    let Some(restore) = missing(&*store, key.public(), &anchors, now).await? else {
        bail!(
            "nothing is missing: every anchored checkpoint holds, or its loss is recorded and signed already"
        );
    };
    let operator = Operator::new(args.by, source);
    let note = restore.signed(&key);
    let text = format!(
        "recorded: the checkpoint of {} records is lost, that of {} holds. Sealing goes on. The note that says so, signed, \
         is kept with the checkpoints:\n\n{note}",
        restore.lost.size, restore.kept_size
    );
    let action = OperatorAction {
        at: now,
        operator: operator.name,
        origin: operator.origin,
        action: RESTORED.to_owned(),
        object: format!("{} of {} records", restore.lost.origin, restore.lost.size),
        outcome: ActionOutcome::Success,
        detail: ActionDetail { reason: Some(args.reason), restored: Some(Restored::new(&restore, &note)) },
    };
    store.audit().record_action(&action).await?;
    Ok(text.trim_end().to_owned())
}
