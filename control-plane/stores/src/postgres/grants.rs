//! The rights that `serve` and `worker` need, fewer than those of `migrate`.

use std::fmt::Write as _;
use std::sync::LazyLock;

/// Each table and the rights needed on its rows; the migration that adds a table adds its entry here. Payments, refunds
/// and events are never deleted; what makes up the audit trail is never changed.
pub(super) const RIGHTS: [(&str, &[&str]); 22] = [
    ("payments", &["SELECT", "INSERT", "UPDATE"]),
    ("refunds", &["SELECT", "INSERT", "UPDATE"]),
    ("events", &["SELECT", "INSERT"]),
    ("log_epochs", &["SELECT", "INSERT"]),
    ("operator_actions", &["SELECT", "INSERT"]),
    ("audit_leaves", &["SELECT", "INSERT"]),
    ("audit_nodes", &["SELECT", "INSERT"]),
    ("audit_checkpoints", &["SELECT", "INSERT"]),
    ("audit_sealer", &["SELECT", "INSERT", "UPDATE"]),
    ("log_horizon", &["SELECT"]),
    ("idempotency_keys", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("webhook_events", &["SELECT", "INSERT", "UPDATE"]),
    ("disputes", &["SELECT", "INSERT", "UPDATE"]),
    ("dispute_progress", &["SELECT", "INSERT", "UPDATE"]),
    ("reconcile_progress", &["SELECT", "INSERT", "UPDATE"]),
    ("watches", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("data_keys", &["SELECT", "INSERT"]),
    ("payment_customers", &["SELECT", "INSERT"]),
    ("write_proofs", &["SELECT", "INSERT", "UPDATE"]),
    ("schema_compatibility", &["SELECT"]),
    ("schema_migrations", &["SELECT"]),
    ("_sqlx_migrations", &["SELECT"]),
];

/// What numbers rows of partitioned tables, and has to be usable by those who add rows.
const SEQUENCES: [&str; 1] = ["events_numbers"];

/// What a commit calls. Everybody may call a function, unless the server's owner has taken that right away.
const FUNCTIONS: [&str; 1] = ["refuse_half_changes(integer[])"];

/// The schema of the tables, unless a `search_path` says otherwise.
pub const USUAL_SCHEMA: &str = "public";

/// SQL that grants `role` exactly these rights on the tables in `schema`, for their owner to run.
#[must_use]
pub fn grants(role: &str, schema: &str) -> String {
    let (role, schema) = (quoted(role), quoted(schema));
    let mut sql = format!("GRANT USAGE ON SCHEMA {schema} TO {role};\n");
    for (table, rights) in RIGHTS {
        // Writing to a string cannot fail.
        let _ = writeln!(sql, "GRANT {} ON {schema}.{table} TO {role};", rights.join(", "));
    }
    for sequence in SEQUENCES {
        let _ = writeln!(sql, "GRANT USAGE ON SEQUENCE {schema}.{sequence} TO {role};");
    }
    for function in FUNCTIONS {
        let _ = writeln!(sql, "GRANT EXECUTE ON FUNCTION {schema}.{function} TO {role};");
    }
    sql
}

/// SQL that lets `role` connect to `database`, which servers may deny to the public. Without a `database`, a comment
/// that says so.
#[must_use]
pub fn grant_of_connection(role: &str, database: Option<&str>) -> String {
    match database {
        Some(database) => format!("GRANT CONNECT ON DATABASE {} TO {};\n", quoted(database), quoted(role)),
        // Without the name of the role, which could end the comment.
        None => {
            "-- DB_URI names no database of PostgreSQL. If the public may not connect to yours, also run:\n\
                 -- GRANT CONNECT ON DATABASE ... TO ...;\n"
                .to_owned()
        }
    }
}

/// Valid whatever the name is.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The rights that a process needs and its role lacks.
#[derive(Debug, thiserror::Error)]
#[error(
    "this role lacks {0}; run the output of `control-plane migrate --print-grants ROLE` (with `--schema`, if the tables are not in `public`)"
)]
pub(super) struct MissingRights(String);

impl MissingRights {
    /// Joins the rows of [`MISSING`].
    pub(super) fn of(rows: Vec<(String,)>) -> Self {
        Self(rows.into_iter().map(|(right,)| right).collect::<Vec<_>>().join(", "))
    }
}

/// SQL that returns a row, in words, for each of these rights that the connection's role lacks. Fails if a table or a
/// function is missing.
pub(super) static MISSING: LazyLock<String> = LazyLock::new(|| {
    let pairs = RIGHTS.iter().flat_map(|(table, rights)| rights.iter().map(move |right| (table, right)));
    let pairs: Vec<_> = pairs.map(|(table, right)| format!("('{table}', '{right}')")).collect();
    let sequences: Vec<_> = SEQUENCES.iter().map(|sequence| format!("('{sequence}')")).collect();
    let functions: Vec<_> = FUNCTIONS.iter().map(|function| format!("('{function}')")).collect();
    format!(
        "SELECT privilege || ' on ' || name FROM (VALUES {}) AS needed (name, privilege)
         WHERE NOT has_table_privilege(name, privilege)
         UNION ALL SELECT 'USAGE on ' || name FROM (VALUES {}) AS needed (name)
         WHERE NOT has_sequence_privilege(name, 'USAGE')
         UNION ALL SELECT 'EXECUTE on ' || name FROM (VALUES {}) AS needed (name)
         WHERE NOT has_function_privilege(name, 'EXECUTE')",
        pairs.join(", "),
        sequences.join(", "),
        functions.join(", ")
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_gets_no_more_than_rows_and_cannot_break_out_of_its_name() {
        let sql = grants("a\"; DROP TABLE payments; --", USUAL_SCHEMA);
        assert!(sql.lines().all(|line| line.ends_with("TO \"a\"\"; DROP TABLE payments; --\";")), "{sql}");
        assert!(!sql.contains("CREATE") && !sql.contains("ALL"), "{sql}");
    }

    #[test]
    fn the_database_is_named_where_it_is_known_and_nothing_is_run_where_it_is_not() {
        let named = grant_of_connection("serves", Some("pay\"ments"));
        assert_eq!(named, "GRANT CONNECT ON DATABASE \"pay\"\"ments\" TO \"serves\";\n");
        let unknown = grant_of_connection("a\nDROP TABLE payments;", None);
        assert!(unknown.lines().all(|line| line.starts_with("-- ")), "{unknown}");
    }
}
