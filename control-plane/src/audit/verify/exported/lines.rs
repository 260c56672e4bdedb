//! Reads the lines of an export, and compares the fields of each with the sealed bytes.

use std::io::BufRead;

use audit_proof::Hash;
use payments::model::event::Detail;
use payments::model::log::Position;
use payments::ports::store::audit::{StoredAction, StoredTransition};
use serde::Deserialize;

use super::number;
use crate::audit::exported_line::ExportedLine;
use crate::audit::verify::finding::Finding;
use crate::audit::verify::restores::Recorded;

/// What begins an encrypted value.
const ENCRYPTED: &str = "enc1:";
/// What begins the last line.
const LAST: &[u8] = b"{\"checkpoint\":";

/// An export, up to the first wrong line.
#[derive(Default)]
pub(super) struct Lines {
    /// The leaves of its records.
    pub(super) hashes: Vec<Hash>,
    /// The records of restored backups.
    pub(super) restorations: Vec<Recorded>,
    /// The final checkpoint, as text.
    pub(super) checkpoint: Option<String>,
    pub(super) finding: Option<Finding>,
    /// Records whose details are encrypted.
    pub(super) hidden: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LastLine {
    checkpoint: String,
}

/// What every line of a record has, for a look ahead.
#[derive(Deserialize)]
struct Numbered {
    index: u64,
}

/// The bytes of a record.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Sealed {
    Transition(Transition),
    Action(ExportedAction),
}

#[derive(Deserialize)]
struct Transition {
    payment: String,
    refund: Option<String>,
    version: i64,
    from: Option<String>,
    to: String,
    at: i64,
    client: String,
    by: String,
    detail: String,
}

#[derive(Deserialize)]
struct ExportedAction {
    at: i64,
    by: String,
    origin: String,
    action: String,
    object: String,
    outcome: String,
    detail: String,
}

impl Lines {
    pub(super) fn read(export: impl BufRead) -> std::io::Result<Self> {
        let mut lines = Self::default();
        let mut parts = export.split(b'\n');
        while let Some(part) = parts.next() {
            let part = part?;
            let Err(mut finding) = lines.add(&part) else { continue };
            if let Finding::NotExported { index } = finding {
                let here = serde_json::from_slice::<Numbered>(&part).ok().map(|here| here.index);
                for later in parts.by_ref() {
                    let later = serde_json::from_slice::<Numbered>(&later?);
                    if later.is_ok_and(|later| later.index == index) {
                        finding = Finding::OutOfOrder { index, found: here };
                        break;
                    }
                }
            }
            lines.finding = Some(finding);
            break;
        }
        Ok(lines)
    }

    /// Adds the next line.
    fn add(&mut self, line: &[u8]) -> Result<(), Finding> {
        let index = number(self.hashes.len());
        let unreadable = || Finding::Unreadable { index };
        // Nothing follows the checkpoint.
        if self.checkpoint.is_some() {
            return Err(unreadable());
        }
        if line.starts_with(LAST) {
            let last: LastLine = serde_json::from_slice(line).map_err(|_| unreadable())?;
            self.checkpoint = Some(last.checkpoint);
            return Ok(());
        }
        let line: ExportedLine = serde_json::from_slice(line).map_err(|_| unreadable())?;
        if line.index > index {
            return Err(Finding::NotExported { index });
        }
        if line.index < index {
            return Err(Finding::Twice { index: line.index });
        }
        self.add_record(&line, index)
    }

    fn add_record(&mut self, line: &ExportedLine, index: u64) -> Result<(), Finding> {
        let changed = || Finding::Changed { index, record: format!("{} of {}", line.what, line.object) };
        let hash = Hash::of_leaf(line.record.as_bytes());
        if line.leaf_hash != hash.to_string() {
            return Err(changed());
        }
        let told = |field: Option<&'static str>| match field {
            Some(field) => Err(Finding::FieldMismatch { index, field }),
            None => Ok(()),
        };
        let sealed: Sealed = serde_json::from_str(&line.record).map_err(|_| changed())?;
        match sealed {
            Sealed::Transition(sealed) => {
                let one = sealed.stored();
                let bare = ExportedLine::of_transition(index, hash, &one, None);
                // Records have one form.
                if bare.record != line.record {
                    return Err(changed());
                }
                let is_hidden = one.detail.starts_with(ENCRYPTED);
                let detail = serde_json::from_str::<Detail>(&one.detail).ok().filter(|_| !is_hidden);
                let full = detail.map(|detail| ExportedLine::of_transition(index, hash, &one, Some(detail)));
                let hides_note = is_hidden && one.from.as_deref() == Some(one.to.as_str());
                told(differing(line, &bare, full.as_ref(), is_hidden, hides_note))?;
                self.hidden += u64::from(is_hidden);
            }
            Sealed::Action(sealed) => {
                let one = sealed.stored();
                let full = ExportedLine::of_action(index, hash, &one);
                if full.record != line.record {
                    return Err(changed());
                }
                told(differing(line, &full, None, false, false))?;
                if one.restored().is_some() {
                    let record = format!("record {index} by {}", one.operator);
                    self.restorations.push(Recorded { action: one, record, leaf: Some(index) });
                }
            }
        }
        self.hashes.push(hash);
        Ok(())
    }
}

/// Whether a field equals the details, or is left out.
fn is_told(
    line: &ExportedLine,
    bare: &ExportedLine,
    full: Option<&ExportedLine>,
    is_hidden: bool,
    field: fn(&ExportedLine) -> Option<&str>,
) -> bool {
    let is_hidden = is_hidden && field(bare).is_none();
    is_hidden || field(line) == field(bare) || full.is_some_and(|full| field(line) == field(full))
}

/// The first field of a line that differs from the sealed bytes. `bare`: what these contain without details,
/// `full`: with them. `is_hidden`: the details are encrypted, so that what they say cannot be compared. `hides_note`:
/// they may also say what was done, because the state did not change.
fn differing(
    line: &ExportedLine,
    bare: &ExportedLine,
    full: Option<&ExportedLine>,
    is_hidden: bool,
    hides_note: bool,
) -> Option<&'static str> {
    let subject = |line: &ExportedLine| line.what.split('.').next().map(str::to_owned);
    let is_what = line.what == bare.what
        || full.is_some_and(|full| line.what == full.what)
        || (hides_note && subject(line) == subject(bare));
    let fields = [
        ("who", line.who == bare.who),
        ("what", is_what),
        ("when", line.when == bare.when),
        ("origin", is_told(line, bare, full, is_hidden, |line| line.origin.as_deref())),
        ("outcome", is_told(line, bare, full, is_hidden, |line| line.outcome.as_deref())),
        ("object", line.object == bare.object),
        ("reason", is_told(line, bare, full, is_hidden, |line| line.reason.as_deref())),
    ];
    fields.into_iter().find_map(|(field, is_same)| (!is_same).then_some(field))
}

impl Transition {
    /// Its position in the database is not known.
    fn stored(self) -> StoredTransition {
        let Self { payment, refund, version, from, to, at, client, by, detail } = self;
        let position = Position::START;
        StoredTransition { position, payment, refund, version, from, to, at, client, by, detail }
    }
}

impl ExportedAction {
    /// Its number in the database is not known.
    fn stored(self) -> StoredAction {
        let Self { at, by, origin, action, object, outcome, detail } = self;
        StoredAction { sequence: 0, at, operator: by, origin, action, object, outcome, detail }
    }
}
