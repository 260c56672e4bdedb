//! An error in one line.

use std::error::Error;

/// The error and its causes. Some say what their causes say: nothing is said twice. A database's own words stand without
/// the driver's introduction, and without the line of the server's source that they come from (` at line 3655`).
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut said = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let (told, by_database) = (cause.to_string(), words_of_database(cause));
        let text = by_database.unwrap_or(&told);
        if said.contains(&told) {
            said = said.replace(&told, text);
        } else if said.is_empty() {
            text.clone_into(&mut said);
        } else if !said.contains(text) {
            said = format!("{said}: {text}");
        }
        // The causes of what a database says are its own words again.
        next = cause.source().filter(|_| by_database.is_none());
    }
    said
}

fn words_of_database<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a str> {
    match error.downcast_ref() {
        Some(sqlx::Error::Database(told)) => Some(told.message()),
        _ => None,
    }
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

    /// As PostgreSQL's errors are shown by the driver.
    #[derive(Debug)]
    struct Told;

    impl std::fmt::Display for Told {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("permission denied for schema public at line 3655")
        }
    }

    impl Error for Told {}

    impl sqlx::error::DatabaseError for Told {
        fn message(&self) -> &'static str {
            "permission denied for schema public"
        }

        fn as_error(&self) -> &(dyn Error + Send + Sync + 'static) {
            self
        }

        fn as_error_mut(&mut self) -> &mut (dyn Error + Send + Sync + 'static) {
            self
        }

        fn into_error(self: Box<Self>) -> Box<dyn Error + Send + Sync + 'static> {
            self
        }

        fn kind(&self) -> sqlx::error::ErrorKind {
            sqlx::error::ErrorKind::Other
        }
    }

    #[test]
    fn a_database_is_quoted_without_the_line_of_its_source() {
        let told = || sqlx::Error::Database(Box::new(Told));
        let quoted = sqlx::migrate::MigrateError::Execute(told());
        assert_eq!(with_causes(&quoted), "while executing migrations: permission denied for schema public");
        let error = anyhow::Error::new(told()).context("DB_URI");
        assert_eq!(with_causes(error.as_ref()), "DB_URI: permission denied for schema public");
    }
}
