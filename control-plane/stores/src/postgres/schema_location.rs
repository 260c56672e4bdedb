//! The schema (namespace) of the gateway's tables. Which one a connection sees is up to its `search_path`, so another
//! one than before would silently be an empty database, in which every idempotency key is new.

use sqlx::PgConnection;

use crate::schema::WrongSchema;

/// A table that only a gateway has.
const QUERY: &str = "
    WITH tables AS (SELECT c.oid, n.nspname::text AS schema
                    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE c.relname = 'idempotency_keys' AND c.relkind IN ('r', 'p'))
    SELECT current_schema()::text,
           (SELECT schema FROM tables WHERE oid = to_regclass('idempotency_keys')),
           ARRAY(SELECT schema FROM tables ORDER BY 1)";

/// What the connection sees.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SchemaLocation {
    /// Where new tables are made; `None`: nowhere.
    new: Option<String>,
    /// Where the tables are found.
    seen: Option<String>,
    /// Every schema with such tables.
    all: Vec<String>,
}

impl SchemaLocation {
    pub(super) async fn of(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let (new, seen, all) = sqlx::query_as(QUERY).fetch_one(connection).await?;
        Ok(Self { new, seen, all })
    }

    /// The schema that is used, for the log.
    pub(super) fn name(&self) -> &str {
        self.seen.as_deref().or(self.new.as_deref()).unwrap_or("none")
    }

    /// # Errors
    /// Returns an error if the tables are in a schema that the connection does not see.
    pub(super) fn check_seen(&self) -> Result<(), WrongSchema> {
        if self.seen.is_none() && !self.all.is_empty() {
            return Err(WrongSchema::Elsewhere { there: self.all.join(", "), here: self.here() });
        }
        Ok(())
    }

    /// # Errors
    /// Returns an error if a migration would add to another schema than the tables'.
    pub(super) fn check_whole(&self) -> Result<(), WrongSchema> {
        match &self.seen {
            Some(there) if self.new.as_ref() != Some(there) => {
                Err(WrongSchema::Split { there: there.clone(), here: self.here() })
            }
            _ => Ok(()),
        }
    }

    fn here(&self) -> String {
        self.new.clone().unwrap_or_else(|| "none".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(new: &str, seen: Option<&str>, all: &[&str]) -> SchemaLocation {
        let all = all.iter().map(|&schema| schema.to_owned()).collect();
        SchemaLocation { new: Some(new.to_owned()), seen: seen.map(str::to_owned), all }
    }

    #[test]
    fn tables_that_are_not_seen_or_would_be_split_are_told() {
        let good = [location("public", None, &[]), location("a", Some("a"), &["a", "b"])];
        assert!(good.iter().all(|location| location.check_seen().is_ok() && location.check_whole().is_ok()));
        assert!(location("a", None, &["b"]).check_seen().is_err());
        let split = location("a", Some("b"), &["b"]);
        assert!(split.check_seen().is_ok() && split.check_whole().is_err());
    }
}
