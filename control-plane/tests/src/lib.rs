//! Tests of the control plane through its public interface and as a program. They are a package of their own so that
//! they are compiled without optimization, as fast as possible, beside an optimized control plane.
#![expect(clippy::expect_used, reason = "a test that cannot find its program, or tell the time, fails")]

mod clock;

use std::path::PathBuf;

pub use clock::TestClock;

/// The control plane's program, built by the same cargo command (`--bins`), as `make test` does.
///
/// # Panics
/// If it was not built.
#[must_use]
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("the running test has a path");
    // Beside the folder of the tests.
    let program = test.ancestors().nth(2).expect("a test lies in a folder").join("control-plane");
    assert!(program.exists(), "{} is missing: cargo build --locked --release --bins", program.display());
    program
}
