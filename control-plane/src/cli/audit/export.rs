//! `control-plane audit export`: what an auditor needs to check the trail without this program.

use std::io::Write as _;

use anyhow::Context as _;
use clap::Args;
use payments::model::event::Detail;
use payments::model::log::Position;
use payments::ports::store::Store;
use payments::ports::store::audit::{Leaf, RecordId, StoredAction, StoredTransition};
use serde::Serialize;

use super::open;
use crate::audit::exported_line::ExportedLine;
use crate::cli::operator::{Access, Operator, Recorded, open_store};
use crate::config::Source;

/// Rows of one statement.
const PART: u32 = 5_000;

#[derive(Args)]
pub struct ExportArgs {
    /// Leave out what encrypted details say (a transition's address, outcome and reason), so that no encryption key is
    /// needed. The bytes that are hashed are the same
    #[arg(long)]
    without_details: bool,
    /// The operator's name; by default SUDO_USER, else USER
    #[arg(long, value_parser = crate::cli::free_text::free_text)]
    by: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint<'a> {
    checkpoint: &'a str,
}

pub(super) async fn run(args: &ExportArgs, source: &Source) -> anyhow::Result<()> {
    let store = if args.without_details { open(source).await? } else { open_store(source).await? };
    let operator = Operator::new(args.by.clone(), source);
    let recorded = Recorded {
        store: &*store,
        operator: &operator,
        access: Access::Reads,
        action: "audit export",
        object: "",
        reason: None,
    };
    recorded.run(export(&*store, !args.without_details)).await
}

async fn export(store: &dyn Store, with_details: bool) -> anyhow::Result<()> {
    let Some(seal) = store.audit().last_seal().await? else { return Ok(()) };
    let mut records = Records {
        store,
        with_details,
        transitions: Vec::new(),
        after: Position::START,
        actions: Vec::new(),
        last: 0,
    };
    let mut index = 0;
    while index < seal.size {
        let leaves = store.audit().leaves(index, PART).await?;
        if leaves.is_empty() {
            anyhow::bail!("record {index} is missing in the tree; run `control-plane audit verify`");
        }
        for leaf in leaves.into_iter().filter(|leaf| leaf.index < seal.size) {
            if !print(&records.line(&leaf).await?)? {
                return Ok(());
            }
            index = leaf.index + 1;
        }
    }
    print(&serde_json::to_string(&Checkpoint { checkpoint: &seal.note })?).map(drop)
}

/// Prints a line. Returns `false` once the reader has closed the pipe.
fn print(line: &str) -> anyhow::Result<bool> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error).context("standard output"),
        Ok(()) => Ok(true),
    }
}

/// The records of both kinds, each in its order. Parts are kept reversed, so that the next one is the last.
struct Records<'a> {
    store: &'a dyn Store,
    with_details: bool,
    transitions: Vec<(StoredTransition, Option<Detail>)>,
    after: Position,
    actions: Vec<StoredAction>,
    last: i64,
}

impl Records<'_> {
    async fn next_transitions(&self) -> anyhow::Result<Vec<(StoredTransition, Option<Detail>)>> {
        let audit = self.store.audit();
        let next = audit.transitions(self.after, PART).await?;
        let details = if self.with_details { audit.details(&next).await? } else { vec![None; next.len()] };
        Ok(next.into_iter().zip(details).rev().collect())
    }

    async fn line(&mut self, leaf: &Leaf) -> anyhow::Result<String> {
        let missing = || format!("record {} is missing; run `control-plane audit verify`", leaf.index);
        match leaf.record {
            RecordId::Transition(_) => {
                if self.transitions.is_empty() {
                    self.transitions = self.next_transitions().await?;
                }
                let (one, detail) = self.transitions.pop().with_context(missing)?;
                self.after = one.position;
                Ok(serde_json::to_string(&ExportedLine::of_transition(leaf.index, leaf.hash, &one, detail))?)
            }
            RecordId::Action(_) => {
                if self.actions.is_empty() {
                    self.actions = self.store.audit().actions(self.last, PART).await?;
                    self.actions.reverse();
                }
                let one = self.actions.pop().with_context(missing)?;
                self.last = one.sequence;
                Ok(serde_json::to_string(&ExportedLine::of_action(leaf.index, leaf.hash, &one))?)
            }
        }
    }
}
