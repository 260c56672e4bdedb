//! Read-only inspection of a Redis that edge caches may be using.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{RedisError, Script, cmd};

use super::RedisUri;
use super::info::{GOOD_POLICY, Info};
use super::memory::ANSWERS_PERCENT;
use super::replies::words;

/// The timeout, connecting included; an operator waits for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The oldest version that supports the scripts.
const VERSION_MIN: (u32, u32) = (6, 2);

/// Counts as full from here on. Redis refuses writes above 100 %, but may have freed a little just afterwards.
const FULL_PERCENT: u64 = 98;

/// Redis's error codes for a command that the user may not run, or that has another name.
const NO_INFO: [&str; 2] = ["NOPERM", "ERR"];

/// Keys that no claim and no client can have.
const NO_CLAIM: &str = "edge:idem:3:check";
const NO_CLIENT: &str = "edge:kept:check";

/// The findings.
#[derive(Debug, Default)]
pub struct RedisInspection {
    pub version: String,
    /// Reasons why it refuses every claim, in words.
    pub refuses: Vec<String>,
    /// Problems that would lose answers or claims, in words.
    pub problems: Vec<String>,
}

impl RedisUri {
    /// Queries the server's properties, and whether it would accept a claim. Writes nothing.
    ///
    /// # Errors
    /// In words, without the address: the server is unreachable or refuses the login.
    pub async fn inspect(&self) -> Result<RedisInspection, String> {
        let asking = async {
            let mut connection = self.0.get_multiplexed_async_connection().await?;
            let mut found = match info(&mut connection).await {
                Ok(info) => read(&info),
                Err(error) if error.code().is_some_and(|code| NO_INFO.contains(&code)) => {
                    without_info(&error)
                }
                Err(error) => return Err(error),
            };
            let check = Script::new(include_str!("check.lua"));
            let mut check = check.key(NO_CLAIM);
            check.key(NO_CLIENT);
            // Always loaded, as by the first claim: a script that is known already takes fewer rights.
            let claim = match check.load_async(&mut connection).await {
                Ok(_) => check.invoke_async::<u32>(&mut connection).await,
                Err(error) => Err(error),
            };
            if let (Err(error), true) = (claim, found.refuses.is_empty()) {
                found.refuses.push(format!("it refuses what a claim does: {}", words(&error)));
            }
            Ok::<_, RedisError>(found)
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => Err(words(&error)),
            Err(_) => Err(format!("it does not answer within {} s", PATIENCE.as_secs())),
        }
    }
}

async fn info(connection: &mut MultiplexedConnection) -> Result<String, RedisError> {
    let mut info = String::new();
    for section in ["server", "replication", "memory"] {
        info.push_str(&cmd("INFO").arg(section).query_async::<String>(connection).await?);
    }
    Ok(info)
}

/// Claims need no `INFO`. Without it the edge cache cannot see its memory, and keeps answers until Redis refuses them.
fn without_info(error: &RedisError) -> RedisInspection {
    let problem = format!(
        "this user may not run INFO ({}): version, role and memory cannot be checked here, and answers are kept until \
         Redis refuses a write; allow +info",
        words(error)
    );
    RedisInspection { version: "unknown".to_owned(), refuses: Vec::new(), problems: vec![problem] }
}

fn read(info: &str) -> RedisInspection {
    let info = Info(info);
    let version = info.field("redis_version").unwrap_or_default().to_owned();
    let mut problems = Vec::new();
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let is_old = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < VERSION_MIN;
    if is_old {
        problems.push(format!("version {version} is too old; it must be 6.2 or newer"));
    }
    match (info.number("maxmemory"), info.field("maxmemory_policy")) {
        (Some(0), _) => problems.push("maxmemory is not set: Redis grows until the machine has no memory left".to_owned()),
        (_, Some(policy)) if policy != GOOD_POLICY => problems.push(format!(
            "maxmemory-policy is {policy} and should be {GOOD_POLICY}: else claims in flight are dropped to make room"
        )),
        _ => {}
    }
    let mut refuses = Vec::new();
    if info.field("role") == Some("slave") {
        refuses.push("this server is a replica, which takes no claims; name the primary".to_owned());
    }
    match info.field("redis_mode") {
        Some("cluster") => refuses.push(
            "this is a node of a Redis Cluster, which would spread the cache's keys: it is not supported; name one server"
                .to_owned(),
        ),
        Some("sentinel") => refuses.push("this is a Sentinel, which keeps no keys; name the primary".to_owned()),
        _ => {}
    }
    match fullness(info) {
        Some((percent, GOOD_POLICY)) if percent >= FULL_PERCENT => refuses.push(format!(
            "{percent} % of maxmemory is used, so it takes no claims; raise maxmemory, or lower EDGE_CACHE_ANSWERS_SECONDS"
        )),
        Some((percent, _)) if percent >= ANSWERS_PERCENT => problems.push(format!(
            "{percent} % of maxmemory is used; from {ANSWERS_PERCENT} % on it keeps no answers, to leave room for claims"
        )),
        _ => {}
    }
    RedisInspection { version, refuses, problems }
}

/// The used percentage of `maxmemory`, and the policy; `None` without a `maxmemory`.
fn fullness(info: Info<'_>) -> Option<(u64, &str)> {
    let (used, max) = (info.number("used_memory")?, info.number("maxmemory")?);
    Some((used.saturating_mul(100).checked_div(max)?, info.field("maxmemory_policy")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(version: &str, role: &str, maxmemory: &str, policy: &str) -> String {
        format!(
            "redis_version:{version}\r\nrole:{role}\r\nmaxmemory:{maxmemory}\r\nmaxmemory_policy:{policy}\r\n"
        )
    }

    #[test]
    fn a_redis_as_it_should_be_has_no_problem_and_others_are_told() {
        let good = read(&info("7.0.15", "master", "268435456", "noeviction"));
        assert!(good.problems.is_empty() && good.refuses.is_empty() && good.version == "7.0.15", "{good:?}");
        for (version, maxmemory, policy, expected) in [
            ("6.0.16", "1", "noeviction", "too old"),
            ("7.2.5", "0", "noeviction", "maxmemory is not set"),
            ("7.2.5", "1", "allkeys-lru", "maxmemory-policy is allkeys-lru"),
        ] {
            let found = read(&info(version, "master", maxmemory, policy));
            assert!(found.problems.len() == 1 && found.problems[0].contains(expected), "{found:?}");
        }
        let replica = read(&info("7.2.5", "slave", "1", "noeviction"));
        assert!(replica.refuses.len() == 1 && replica.refuses[0].contains("replica"), "{replica:?}");
    }

    #[test]
    fn a_cluster_and_a_sentinel_are_told_as_such() {
        for (mode, expected) in [("cluster", "Redis Cluster"), ("sentinel", "a Sentinel")] {
            let text = format!("{}redis_mode:{mode}\r\n", info("7.2.5", "master", "1", "noeviction"));
            assert!(read(&text).refuses[0].contains(expected), "{mode}");
        }
        let text = format!("{}redis_mode:standalone\r\n", info("7.2.5", "master", "1", "noeviction"));
        assert!(read(&text).refuses.is_empty());
    }

    #[test]
    fn a_redis_that_is_full_or_nearly_so_is_told_as_one() {
        let used = |percent: u64, policy| {
            read(&format!("{}used_memory:{percent}\r\n", info("7.2.5", "master", "100", policy)))
        };
        let roomy = used(74, "noeviction");
        assert!(roomy.problems.is_empty() && roomy.refuses.is_empty(), "{roomy:?}");
        let scarce = used(80, "noeviction");
        assert!(scarce.refuses.is_empty() && scarce.problems[0].contains("80 % of maxmemory"), "{scarce:?}");
        let full = used(99, "noeviction");
        assert!(full.refuses[0].contains("99 % of maxmemory is used, so it takes no claims"), "{full:?}");
        assert!(used(99, "allkeys-lru").refuses.is_empty(), "it drops others' claims instead");
    }
}
