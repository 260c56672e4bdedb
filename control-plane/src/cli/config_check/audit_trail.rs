//! Tries the places where checkpoints of the audit trail are anchored. Nothing is written there or signed.

use std::fs::File;
use std::io::ErrorKind;
use std::path::Path;

use payments::causes::with_causes;
use rustix::fs::{Access, access};

use super::CheckReport;
use crate::audit::anchor_file::AnchorFile;
use crate::audit::witness::{NotCosigned, Witness};
use crate::config::{AuditSettings, WitnessSettings};

const ABOUT: &str = "audit trail";

pub(super) async fn audit_trail(settings: Option<AuditSettings>, report: &mut CheckReport) {
    let Some(AuditSettings { key, anchor_file, witness, .. }) = settings else { return };
    if anchor_file.is_none() && witness.is_none() {
        let only = "sealed, and anchored in the log alone: AUDIT_ANCHOR_FILE or AUDIT_WITNESS_URL keeps checkpoints outside";
        report.good(ABOUT, only);
    }
    if let Some(path) = anchor_file {
        let shown = path.display().to_string();
        match usable(&path) {
            Err(problem) => report.bad(ABOUT, format!("AUDIT_ANCHOR_FILE: {shown}: {problem}")),
            Ok(()) => match AnchorFile::new(path).last(key.public()).await {
                Ok(Some(last)) => {
                    report.good(ABOUT, format!("{shown} has a checkpoint of {} records", last.size));
                }
                Ok(None) => report.good(ABOUT, format!("{shown}, without a checkpoint of this key yet")),
                Err(error) => {
                    report.bad(ABOUT, format!("AUDIT_ANCHOR_FILE: {shown} cannot be read: {error}"));
                }
            },
        }
    }
    if let Some(witness) = witness {
        ask(&witness, report).await;
    }
}

/// Whether the file can be appended to, or made. Does neither.
fn usable(path: &Path) -> Result<(), String> {
    match File::options().append(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            if !folder.is_dir() {
                return Err(format!("the folder {} does not exist", folder.display()));
            }
            access(folder, Access::WRITE_OK | Access::EXEC_OK)
                .map_err(|error| format!("no file can be made in the folder {}: {error}", folder.display()))
        }
        Err(error) => Err(format!("cannot be appended to: {error}")),
    }
}

async fn ask(settings: &WitnessSettings, report: &mut CheckReport) {
    let base = &settings.base;
    let asked = match Witness::new(base, &settings.outgoing) {
        Ok(witness) => witness.inspect().await,
        Err(problem) => {
            return report.bad(ABOUT, format!("AUDIT_WITNESS_URL: {base}: {}", with_causes(&problem)));
        }
    };
    match asked {
        Ok(()) => report.good(ABOUT, format!("a witness answers at {base}")),
        Err(problem @ NotCosigned::Refused(_)) => report.bad(
            ABOUT,
            format!("AUDIT_WITNESS_URL: {base}: {problem} to `add-checkpoint`, as no witness does: check the address"),
        ),
        Err(problem) => {
            report.bad(ABOUT, format!("AUDIT_WITNESS_URL: {base}: {}", with_causes(&problem)));
        }
    }
}
