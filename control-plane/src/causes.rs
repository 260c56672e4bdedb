//! An error in one line.

use std::error::Error;

/// The error and its causes. Some say what their causes say: nothing is said twice.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said = format!("{said}: {text}");
        }
        next = cause.source();
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_that_was_quoted_is_not_repeated() {
        let disk = std::io::Error::other("no space");
        let error = anyhow::Error::new(sqlx::Error::Io(disk)).context("DB_URI");
        let text = with_causes(error.as_ref());
        assert!(text.starts_with("DB_URI: ") && text.matches("no space").count() == 1, "{text}");
    }
}
