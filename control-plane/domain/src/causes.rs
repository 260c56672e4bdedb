//! Formats an error with its causes in one line.

use std::error::Error;

/// Joins the error and its causes. Skips a cause whose text an outer error already contains.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut said = text(error);
    let mut next = error.source();
    while let Some(cause) = next {
        let text = text(cause);
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}

/// Strips the PostgreSQL source line that its driver appends (` at line 3655`).
fn text(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((words, line)) if !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit()) => {
            words.to_owned()
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// Repeats the text of its cause, like a database driver.
    #[derive(Debug, thiserror::Error)]
    #[error("error returned from database: {0}")]
    struct Quoting(#[source] io::Error);

    /// Names only the setting at fault.
    #[derive(Debug, thiserror::Error)]
    #[error("DB_URI")]
    struct Named(#[source] Quoting);

    #[test]
    fn a_cause_that_was_quoted_is_not_repeated() {
        let text = with_causes(&Named(Quoting(io::Error::other("no space"))));
        assert_eq!(text, "DB_URI: error returned from database: no space");
    }

    #[test]
    fn the_line_of_a_databases_source_is_left_out_and_other_lines_are_not() {
        let told = || Quoting(io::Error::other("permission denied for schema public at line 3655"));
        let said = "error returned from database: permission denied for schema public";
        assert_eq!(with_causes(&told()), said);
        assert_eq!(with_causes(&Named(told())), format!("DB_URI: {said}"));
        for whole in ["expected `,` at line 1 column 5", "stopped at line ", "at line 3"] {
            assert_eq!(with_causes(&io::Error::other(whole)), whole);
        }
    }
}
