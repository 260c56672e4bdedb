//! Checks that need a container engine.

use std::process::Command;

use test_services::skipped;

use crate::compose::Environment;
use crate::root;

/// Only the client parses the file, by its own rules; no engine needs to run.
#[test]
fn docker_compose_reads_the_file() {
    let Some(mut compose) = client() else {
        skipped("no docker compose here, so nobody but this project has read docker-compose.yml");
        return;
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

/// Even where an engine runs, building all images takes longer than every other test together.
#[test]
fn the_images_build_and_the_services_become_healthy() {
    skipped("no image is built and no container started by these tests: docker compose up --build --wait");
}
