//! What must not stand in anything that gateways and their servers keep: looked for at the end of a run, in the dump of
//! PostgreSQL or the files of SQLite, in Redis, in the files of RabbitMQ and in all logs.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use test_services::{RedisServer, run};

use crate::cluster::Cluster;
use crate::model::{Broken, CANARY};
use crate::servers::Servers;
use crate::workload::CARD_NUMBER;

/// The last two: what the names of payment methods begin with.
const CANARIES: [&str; 4] = [CANARY, CARD_NUMBER, "pm_card_", "vault-"];
/// What a sealed value begins with.
const SEALED: &str = "enc1:";
const CHUNK_BYTES: usize = 1 << 20;

/// Finds canaries and secrets in the logs.
pub(crate) fn in_logs(cluster: &Cluster) -> Vec<Broken> {
    let mut search = Search::of(cluster);
    for folder in cluster.logs() {
        search.files(&folder, |_| true);
    }
    search.broken
}

/// The same in what the servers keep, all of which must run.
pub(crate) async fn in_stores(cluster: &Cluster) -> Vec<Broken> {
    let mut search = Search::of(cluster);
    let is_database = |path: &Path| path.extension().is_some_and(is_of_sqlite);
    match cluster.servers() {
        None => search.files(cluster.run_dir(), is_database),
        Some(servers) => {
            search.postgres(servers);
            search.redis(&servers.redis).await;
            for (path, contents) in servers.rabbit.files() {
                search.read(&path.display().to_string(), Cursor::new(contents));
            }
        }
    }
    search.broken
}

/// The database, its write-ahead log, and the index of that.
fn is_of_sqlite(extension: &OsStr) -> bool {
    ["db", "db-wal", "db-shm"].iter().any(|end| extension == *end)
}

struct Search {
    needles: Vec<String>,
    broken: Vec<Broken>,
}

impl Search {
    fn of(cluster: &Cluster) -> Self {
        let mut needles = cluster.secrets();
        needles.extend(CANARIES.map(str::to_owned));
        Self { needles, broken: Vec::new() }
    }

    fn files(&mut self, folder: &Path, is_wanted: impl Fn(&Path) -> bool) {
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        // What was read from a pipe is in a file beside it.
        files.retain(|path| path.is_file() && is_wanted(path));
        assert!(!files.is_empty(), "{} has nothing to look at", folder.display());
        for path in files {
            // SQLite removes its own.
            if let Ok(file) = File::open(&path) {
                self.read(&path.display().to_string(), file);
            }
        }
    }

    fn postgres(&mut self, servers: &Servers) {
        let dump = servers.postgres.programs().unwrap().join("pg_dump");
        let mut dump = Command::new(dump).arg(servers.database.uri()).stdout(Stdio::piped()).spawn().unwrap();
        let found = found(dump.stdout.take().unwrap(), &[&self.needles[..], &[SEALED.to_owned()]].concat());
        assert!(dump.wait().unwrap().success(), "pg_dump fails");
        let (sealed, leaked): (Vec<_>, Vec<_>) = found.into_iter().partition(|needle| needle == SEALED);
        if sealed.is_empty() {
            self.broken.push(Broken::new("P11", "nothing is sealed in the dump of PostgreSQL".to_owned()));
        }
        self.note("the dump of PostgreSQL", leaked);
    }

    async fn redis(&mut self, redis: &RedisServer) {
        let mut connection = redis.connection().await;
        // Else long values are compressed in what `DUMP` gives.
        run::<()>(&mut connection, &["CONFIG", "SET", "rdbcompression", "no"]).await;
        for key in run::<Vec<String>>(&mut connection, &["KEYS", "*"]).await {
            // It may end meanwhile.
            let value: Option<Vec<u8>> = run(&mut connection, &["DUMP", &key]).await;
            let name = format!("Redis, {key}");
            self.read(&name, Cursor::new(key));
            self.read(&name, Cursor::new(value.unwrap_or_default()));
        }
    }

    fn read(&mut self, name: &str, contents: impl Read) {
        let found = found(contents, &self.needles);
        self.note(name, found);
    }

    fn note(&mut self, name: &str, found: Vec<String>) {
        // A secret is not shown in a report either.
        let is_shown = |needle: &String| CANARIES.contains(&needle.as_str());
        let what = |needle| if is_shown(&needle) { needle } else { "a secret".to_owned() };
        let leaks = found.into_iter().map(|needle| format!("{} stands in {name}", what(needle)));
        self.broken.extend(leaks.map(|what| Broken::new("P11", what)));
    }
}

/// Finds the needles, all in ASCII, that the contents have.
fn found(mut contents: impl Read, needles: &[String]) -> Vec<String> {
    let longest = needles.iter().map(String::len).max().unwrap_or(0);
    let mut left: Vec<_> = needles.iter().collect();
    let mut found = Vec::new();
    // What the chunk before ended with, and the chunk.
    let mut text = Vec::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = contents.read(&mut chunk).unwrap();
        if read == 0 {
            return found;
        }
        text.extend_from_slice(&chunk[..read]);
        let readable = String::from_utf8_lossy(&text);
        left.retain(|needle| {
            let is_there = readable.contains(needle.as_str());
            if is_there {
                found.push((*needle).clone());
            }
            !is_there
        });
        drop(readable);
        text.drain(..text.len().saturating_sub(longest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_found_wherever_it_stands() {
        let needles = [CANARY.to_owned(), CARD_NUMBER.to_owned()];
        for before in [0, 1, CHUNK_BYTES - 3, CHUNK_BYTES, CHUNK_BYTES * 2 - CANARY.len()] {
            let mut contents = vec![0xff; before];
            contents.extend_from_slice(CANARY.as_bytes());
            contents.extend_from_slice(&[0xc3, 0]);
            assert_eq!(found(contents.as_slice(), &needles), [CANARY], "behind {before} bytes");
        }
        assert_eq!(found(&[b'a'; 100][..], &needles), Vec::<String>::new());
    }

    #[test]
    fn a_secret_is_named_by_no_report() {
        let mut search = Search { needles: vec!["k1-of-another".to_owned()], broken: Vec::new() };
        search.read("the log", "the key is k1-of-another".as_bytes());
        assert_eq!(search.broken, [Broken::new("P11", "a secret stands in the log".to_owned())]);
    }
}
