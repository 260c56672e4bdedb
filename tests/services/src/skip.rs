use std::io::Write as _;

/// Reports that the running test is skipped, bypassing the test harness, which hides the output of passing tests.
pub fn skipped(why: &str) {
    let line = format!("SKIPPED: {}: {why}\n", std::thread::current().name().unwrap_or_default());
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}
