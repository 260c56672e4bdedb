//! The rights that `serve` and `worker` need, which is less than `migrate` does.

use std::fmt::Write as _;

/// Each table (a new one comes with its migration), and what is done with its rows. Payments, refunds and events are never deleted.
pub(super) const RIGHTS: [(&str, &[&str]); 13] = [
    ("payments", &["SELECT", "INSERT", "UPDATE"]),
    ("refunds", &["SELECT", "INSERT", "UPDATE"]),
    ("events", &["SELECT", "INSERT"]),
    ("idempotency_keys", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("webhook_events", &["SELECT", "INSERT", "UPDATE"]),
    ("disputes", &["SELECT", "INSERT", "UPDATE"]),
    ("dispute_progress", &["SELECT", "INSERT", "UPDATE"]),
    ("reconcile_progress", &["SELECT", "INSERT", "UPDATE"]),
    ("watches", &["SELECT", "INSERT", "UPDATE", "DELETE"]),
    ("write_proofs", &["SELECT", "INSERT", "UPDATE"]),
    ("schema_compatibility", &["SELECT"]),
    ("schema_migrations", &["SELECT"]),
    ("_sqlx_migrations", &["SELECT"]),
];

/// SQL that gives `role` these rights and no others, for the owner of the tables to run.
#[must_use]
pub fn grants(role: &str) -> String {
    // Quoted, so that any name is one.
    let role = format!("\"{}\"", role.replace('"', "\"\""));
    let mut sql = format!("GRANT USAGE ON SCHEMA public TO {role};\n");
    for (table, rights) in RIGHTS {
        // Writing to a string cannot fail.
        let _ = writeln!(sql, "GRANT {} ON {table} TO {role};", rights.join(", "));
    }
    sql
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_gets_no_more_than_rows_and_cannot_break_out_of_its_name() {
        let sql = grants("a\"; DROP TABLE payments; --");
        assert!(sql.lines().all(|line| line.ends_with("TO \"a\"\"; DROP TABLE payments; --\";")), "{sql}");
        assert!(!sql.contains("CREATE") && !sql.contains("ALL"), "{sql}");
    }
}
