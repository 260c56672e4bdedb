//! Crash points: named places where a test can crash or pause the process, between two steps of a payment, where a
//! crash does most damage.
//!
//! `CRASH_POINTS` is a comma-separated list of `NAME:N` (the process aborts on the Nth pass of the point),
//! `NAME:N:SECONDS` (the Nth task that reaches the point pauses there) and `NAME:N:panic` (that task panics, and no
//! other). If it is unset, a point costs one relaxed load.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// All crash points.
pub const NAMES: [&str; 15] = [
    // The key was looked up; the intent is not committed.
    "after_claim_before_intent",
    // The intent is committed; the provider was not called.
    "after_intent",
    // The provider's answer was read; the outcome is not committed.
    "after_provider",
    // PostgreSQL: a commit was sent and its answer not read. SQLite: everything but the commit is written.
    "during_commit",
    // The outcome is committed; the client was not answered.
    "after_commit_before_reply",
    // A key for which nothing was executed is about to be released.
    "before_release",
    // A key whose outcome other evidence decided is about to get its answer.
    "before_late_answer",
    // The answer is rendered; the edge cache has not received it.
    "after_reply_before_edge",
    // A message was sent to the queue; the queue has not confirmed it.
    "after_publish_before_confirm",
    // Due work was processed; the result is not recorded.
    "after_handling",
    // A message was processed; it is not acknowledged to the queue.
    "after_handling_before_ack",
    // A webhook is stored; it is not acknowledged to the provider.
    "before_webhook_ack",
    // Records and the head of their tree are written; the commit is not made.
    "during_seal",
    // The head of the tree is committed; it is not anchored.
    "after_seal_before_anchor",
    // A bit of what is over has ended; how far the run is was not kept.
    "retention_step",
];

const SECONDS_MAX: u64 = 300;

static IS_ARMED: AtomicBool = AtomicBool::new(false);
static ARMED: OnceLock<CrashPoints> = OnceLock::new();

/// The crash points in one `CRASH_POINTS` value.
#[derive(Debug, Default)]
pub struct CrashPoints(Vec<CrashPoint>);

#[derive(Debug)]
struct CrashPoint {
    name: &'static str,
    /// Counted from 1.
    nth: u64,
    effect: Effect,
    passed: AtomicU64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// The process ends at once.
    Abort,
    /// The task ends at once.
    Panic,
    Pause(Duration),
}

impl CrashPoints {
    /// # Errors
    /// Returns a message, e.g. for an unknown name: a mistyped crash schedule must not silently do nothing.
    pub fn parse(list: &str) -> Result<Self, String> {
        list.split(',').map(|one| CrashPoint::parse(one.trim())).collect::<Result<_, _>>().map(Self)
    }

    /// Arms this process once; later calls have no effect.
    pub fn arm(self) {
        if self.0.is_empty() {
            return;
        }
        tracing::warn!(points = ?self.0, "CRASH_POINTS is set: this process will crash or pause on purpose");
        let _ = ARMED.set(self);
        IS_ARMED.store(true, Ordering::Release);
    }

    /// Counts a pass of `name` and returns the points that are now due.
    fn due(&self, name: &str) -> impl Iterator<Item = &CrashPoint> {
        let here = self.0.iter().filter(move |point| point.name == name);
        here.filter(|point| point.passed.fetch_add(1, Ordering::Relaxed) + 1 == point.nth)
    }
}

impl CrashPoint {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` must be NAME:N, NAME:N:SECONDS or NAME:N:panic, N from 1, SECONDS 1 to {SECONDS_MAX}"
            )
        };
        let parts: Vec<_> = text.split(':').collect();
        let (name, nth, effect) = match parts.as_slice() {
            [name, nth] => (*name, *nth, None),
            [name, nth, effect] => (*name, *nth, Some(*effect)),
            _ => return Err(wrong()),
        };
        let name = NAMES.into_iter().find(|known| *known == name);
        let name = name.ok_or_else(|| {
            format!("`{text}` names no crash point; the known ones are {}", NAMES.join(", "))
        })?;
        let nth = nth.parse().ok().filter(|nth| *nth > 0).ok_or_else(wrong)?;
        let effect = match effect {
            None => Effect::Abort,
            Some("panic") => Effect::Panic,
            Some(seconds) => {
                let seconds = seconds.parse().ok().filter(|s| (1..=SECONDS_MAX).contains(s));
                Effect::Pause(Duration::from_secs(seconds.ok_or_else(wrong)?))
            }
        };
        Ok(Self { name, nth, effect, passed: AtomicU64::new(0) })
    }
}

/// Passes the crash point `name`; see [`NAMES`].
pub async fn reach(name: &'static str) {
    if IS_ARMED.load(Ordering::Relaxed)
        && let Some(armed) = ARMED.get()
    {
        for point in armed.due(name) {
            match point.effect {
                Effect::Abort => {
                    tracing::warn!(name, "aborting at a crash point");
                    logging::flush();
                    std::process::abort();
                }
                Effect::Panic => panic_at(name),
                Effect::Pause(pause) => {
                    tracing::warn!(name, ?pause, "pausing at a crash point");
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }
}

#[expect(clippy::panic, reason = "a test asks for it")]
fn panic_at(name: &str) {
    panic!("the crash point {name}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn what_can_never_happen_is_refused() {
        for nonsense in [
            "after_lunch:1",
            "after_intent",
            "after_intent:0",
            "after_intent:x",
            "after_intent:1:0",
            "after_intent:1:die",
        ] {
            CrashPoints::parse(nonsense).unwrap_err();
        }
        CrashPoints::parse("after_intent:3, after_provider:1:2, after_provider:2:panic").unwrap();
    }

    #[test]
    fn a_point_is_due_at_its_own_pass_alone() {
        let points = CrashPoints::parse("after_intent:2:7,after_intent:3,after_intent:4:panic").unwrap();
        let effects = |name| points.due(name).map(|point| point.effect).collect::<Vec<_>>();
        assert_eq!(effects("after_intent"), []);
        assert_eq!(effects("after_provider"), []);
        assert_eq!(effects("after_intent"), [Effect::Pause(Duration::from_secs(7))]);
        assert_eq!(effects("after_intent"), [Effect::Abort]);
        assert_eq!(effects("after_intent"), [Effect::Panic]);
        assert_eq!(effects("after_intent"), []);
    }

    /// A point whose name is missing from the list could never be armed, and a name without a point would have no
    /// effect.
    #[test]
    fn the_list_has_the_name_of_each_place_in_the_code_and_no_other() {
        let mut found = Vec::new();
        places(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/..")), &mut found);
        for name in &found {
            assert!(NAMES.contains(&name.as_str()), "{name}");
        }
    }

    fn places(folder: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                places(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let code = std::fs::read_to_string(path).unwrap();
                let calls = code.split("reach(\"").skip(1).filter_map(|rest| rest.split_once("\").await"));
                found.extend(calls.map(|(name, _)| name.to_owned()).filter(|name| !name.contains('"')));
            }
        }
    }
}
