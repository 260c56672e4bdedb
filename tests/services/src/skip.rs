//! Reports tests that are skipped for lack of a tool.

use std::io::Write as _;

/// Reports that the running test is skipped for lack of a tool, bypassing the test harness, which hides the output of
/// passing tests. Where `REQUIRE_TOOLS` is set, as in the hosted workflow, the test fails instead.
///
/// # Panics
/// If tools are required.
pub fn skipped(why: &str) {
    let is_required = std::env::var_os("REQUIRE_TOOLS").is_some_and(|value| !value.is_empty());
    assert!(!is_required, "REQUIRE_TOOLS is set, and this test cannot run: {why}");
    skipped_here(why);
}

/// The server, or a report that the running test is skipped for lack of it.
pub(crate) fn or_skipped<T>(server: Option<T>, why: &str) -> Option<T> {
    if server.is_none() {
        skipped(why);
    }
    server
}

/// As [`skipped`] where no tool is missing, but what cannot be installed: the rights of root, or files that are not
/// part of this repository. It fails nothing.
pub fn skipped_here(why: &str) {
    let line = format!("SKIPPED: {}: {why}\n", std::thread::current().name().unwrap_or_default());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
