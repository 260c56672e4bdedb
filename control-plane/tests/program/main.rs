//! The program as an operator runs it: what it says of settings that are wrong, and of what they name.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod audit;
mod check;
mod clock;
mod deaths;
mod keys;
#[cfg(target_os = "linux")]
mod limits;
mod operators;
mod retention;
mod service;
mod settings;
mod signals;
mod tail;
mod tls;

use std::path::Path;
use std::process::{Command, Output};

const KEYS: (&str, &str) =
    ("EDGE_ATTESTATION_KEYS", "k1:0101010101010101010101010101010101010101010101010101010101010101");

/// The program in `folder`, with nothing of the surroundings.
fn program(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(control_plane_tests::program());
    command.args(arguments).current_dir(folder).env_clear().envs(settings.iter().copied());
    command
}

/// How it ended, and all that it said.
fn said(output: &Output) -> (bool, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn run(folder: &Path, arguments: &[&str], settings: &[(&str, &str)]) -> (bool, String) {
    said(&program(folder, arguments, settings).output().unwrap())
}
