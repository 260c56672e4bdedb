//! What the person at the terminal sees.

use std::io::{self, IsTerminal as _, Write as _};

pub(crate) fn line(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// What is under way, in one line that the next one replaces. Only for who watches.
pub(crate) fn progress(text: &str) {
    if io::stderr().is_terminal() {
        let _ = write!(io::stderr(), "\r\x1b[K{text}");
        let _ = io::stderr().flush();
    }
}
