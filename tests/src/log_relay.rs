//! Where `envoy/run-envoy.sh` finds log-relay, as it does in the image.

use std::env;

use local_stack::Programs;

/// A `PATH` with log-relay.
#[must_use]
pub fn path_with_log_relay() -> String {
    let programs = Programs::of_this_build().unwrap();
    let folder = programs.control_plane.parent().unwrap();
    assert!(folder.join("log-relay").is_file(), "`make build` brings log-relay");
    format!("{}:{}", folder.display(), env::var("PATH").unwrap())
}
