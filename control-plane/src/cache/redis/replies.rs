//! What Redis replies, as the cache's own values and in words.

use edge_core::idempotency::{Fence, Fenced, Fingerprint, SealedAnswer, Verdict};
use redis::{ErrorKind, RedisError, Value, from_redis_value};

/// The error in one line. For a server of another protocol, Redis's own text would only name an unparsable byte.
pub(super) fn words(error: &RedisError) -> String {
    if error.kind() == ErrorKind::Parse {
        return "the server there does not speak the protocol of Redis; check host and port".to_owned();
    }
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Parses the reply of `claim.lua`. `read` decrypts an answer.
pub(super) fn verdict(reply: Value, read: impl FnOnce(&[u8]) -> Option<SealedAnswer>) -> Option<Verdict> {
    let mut parts = from_redis_value::<Vec<Value>>(reply).ok()?.into_iter();
    let name: String = from_redis_value(parts.next()?).ok()?;
    let value = parts.next()?;
    Some(match name.as_str() {
        "start" => Verdict::Start { fence: Fence::new(from_redis_value(value).ok()?)? },
        "replay" => Verdict::Replay(read(&from_redis_value::<Vec<u8>>(value).ok()?)?),
        "in_flight" => Verdict::in_flight(from_redis_value(value).ok()?),
        "mismatch" => {
            let fingerprint = Fingerprint::from_hex(&from_redis_value::<String>(value).ok()?)?;
            let answer: Vec<u8> = from_redis_value(parts.next()?).ok()?;
            let held = if answer.is_empty() { None } else { Some(read(&answer)?.held(fingerprint)) };
            Verdict::Mismatch { held }
        }
        _ => return None,
    })
}

/// Also searches the text: before Redis 7, an error inside a script has the code of script errors.
pub(super) fn is_full(error: &RedisError) -> bool {
    error.code() == Some("OOM") || error.to_string().contains("-OOM ")
}

pub(super) fn fenced(applied: bool) -> Fenced {
    if applied { Fenced::Applied } else { Fenced::Stale }
}
