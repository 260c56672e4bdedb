//! `control-plane audit restored`: records that a backup was restored.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use payments::model::action::{ActionDetail, ActionOutcome, OperatorAction, RESTORED};
use payments::ports::clock::{Clock as _, SystemClock};

use super::{anchors, keys, open};
use crate::audit::restored::missing;
use crate::cli::free_text::free_text;
use crate::cli::operator::Operator;
use crate::config::Source;

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
    let keys = keys(Vec::new(), source)?;
    let anchors = anchors(args.checkpoint, source, &keys)?;
    if anchors.is_empty() {
        bail!(
            "without anchored checkpoints nobody knows what is missing: give --checkpoint, or set AUDIT_ANCHOR_FILE"
        );
    }
    let store = open(source).await?;
    let Some(restored) = missing(&*store, &anchors).await? else {
        bail!("nothing is missing: every anchored checkpoint holds, or its loss is recorded already");
    };
    let operator = Operator::new(args.by, source);
    let text = format!(
        "recorded: the checkpoint of {} records is lost, that of {} holds. Sealing goes on",
        restored.lost_size, restored.kept_size
    );
    let action = OperatorAction {
        at: SystemClock.now(),
        operator: operator.name,
        origin: operator.origin,
        action: RESTORED.to_owned(),
        object: format!("{} of {} records", restored.lost_origin, restored.lost_size),
        outcome: ActionOutcome::Success,
        detail: ActionDetail { reason: Some(args.reason), restored: Some(restored) },
    };
    store.audit().record_action(&action).await?;
    Ok(text)
}
