//! The program, with the files it reads.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A webhook in files, gone with it.
pub(crate) struct Webhook {
    folder: TempDir,
    arguments: Vec<String>,
}

pub(crate) struct CommandResult {
    pub(crate) code: i32,
    pub(crate) report: Value,
}

impl CommandResult {
    pub(crate) fn verdict(&self) -> &str {
        self.report["verdict"].as_str().unwrap()
    }

    pub(crate) fn causes(&self) -> String {
        let causes = self.report["causes"].as_array().unwrap();
        causes.iter().map(|cause| cause.as_str().unwrap()).collect::<Vec<_>>().join("\n")
    }

    /// The checks that failed, by name.
    pub(crate) fn failed(&self) -> Vec<&str> {
        let checks = self.report["checks"].as_array().unwrap();
        checks
            .iter()
            .filter(|check| check["ok"] == false)
            .map(|check| check["name"].as_str().unwrap())
            .collect()
    }
}

impl Webhook {
    pub(crate) fn new(provider: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let lines: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
        let webhook = Self { folder: tempfile::tempdir().unwrap(), arguments: Vec::new() };
        webhook
            .with(&["webhook", "verify", "--provider", provider])
            .with_file("--headers", lines.concat().as_bytes())
            .with_file("--body", body)
    }

    pub(crate) fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|&argument| argument.to_owned()));
        self
    }

    pub(crate) fn with_file(self, argument: &str, content: &[u8]) -> Self {
        let file: PathBuf = self.folder.path().join(argument.trim_start_matches('-'));
        fs::write(&file, content).unwrap();
        self.with(&[argument, file.to_str().unwrap()])
    }

    pub(crate) fn run(&self) -> Output {
        Command::new(control_plane_tests::program()).args(&self.arguments).env_clear().output().unwrap()
    }

    pub(crate) fn verify(self) -> CommandResult {
        let output = self.with(&["--json"]).run();
        let report = serde_json::from_slice(&output.stdout);
        let report = report.unwrap_or_else(|error| panic!("{error}: {output:?}"));
        CommandResult { code: output.status.code().unwrap(), report }
    }
}
