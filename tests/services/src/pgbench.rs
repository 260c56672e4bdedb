//! The speed of PostgreSQL by itself, measured with `pgbench`.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::TestDatabase;

const TABLE: &str = "CREATE TABLE single (id bigserial PRIMARY KEY, body text NOT NULL)";
const TWO_COMMITS: &str = "INSERT INTO single (body) VALUES (repeat('x', 300));
INSERT INTO single (body) VALUES (repeat('x', 300));
";

/// The minimal PostgreSQL work for a charge, two consecutive commits of a single row, measured with `pgbench`.
#[derive(Debug)]
pub struct PairsOfCommits<'a> {
    programs: &'a Path,
    database: TestDatabase,
}

impl<'a> PairsOfCommits<'a> {
    /// In an empty database. `programs`: the folder with `pgbench`.
    pub async fn new(programs: &'a Path, database: TestDatabase) -> Self {
        database.execute(TABLE).await;
        Self { programs, database }
    }

    /// How many pairs per second `clients` achieve in `time`, in whole seconds. `None` if the time was over before all
    /// of them were connected.
    #[must_use]
    pub fn per_second(&self, clients: usize, time: Duration) -> Option<f64> {
        let script = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(script.path(), TWO_COMMITS).unwrap();
        let (clients, seconds) = (clients.to_string(), time.as_secs().to_string());
        let mut command = Command::new(self.programs.join("pgbench"));
        command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
        command.args(["--client", &clients, "--time", &seconds, "--file"]).arg(script.path());
        let output = command.arg(self.database.uri()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok())
    }
}
