//! What makes the reader of the log read before its time: commits of this process, and notices of others' commits.
//!
//! Nothing depends on it. A wake-up that is lost costs a reader the rest of its pause.

use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

/// The counter of reads that found events, by what made the reader read.
pub(crate) const WAKEUPS_COUNTER: &str = "event_wakeups_total";

/// What made the reader read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WokenBy {
    /// A commit of this process.
    Own,
    /// A notice of another process's commit.
    Others,
    /// Its own clock.
    Clock,
}

impl WokenBy {
    const ALL: [Self; 3] = [Self::Own, Self::Others, Self::Clock];

    const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Others => "others",
            Self::Clock => "clock",
        }
    }
}

#[derive(Default)]
pub(super) struct Wakeups {
    own: Notify,
    others: Notify,
}

impl Wakeups {
    pub(super) fn new() -> Self {
        for by in WokenBy::ALL {
            metrics::counter!(WAKEUPS_COUNTER, "by" => by.name()).increment(0);
        }
        Self::default()
    }

    pub(super) fn on_own_commit(&self) {
        self.own.notify_one();
    }

    pub(super) fn on_word_of_others(&self) {
        self.others.notify_one();
    }

    /// Waits for a wake-up, but not longer than `pause`. Those that came before count, too, as one.
    pub(super) async fn next(&self, pause: Duration) -> WokenBy {
        let woken = async {
            tokio::select! {
                biased;
                () = self.own.notified() => WokenBy::Own,
                () = self.others.notified() => WokenBy::Others,
            }
        };
        timeout(pause, woken).await.unwrap_or(WokenBy::Clock)
    }
}

/// Counts a read that found events.
pub(super) fn count(by: WokenBy) {
    metrics::counter!(WAKEUPS_COUNTER, "by" => by.name()).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wake_up_is_not_lost_and_several_are_one() {
        let wakeups = Wakeups::new();
        let pause = Duration::from_millis(20);
        assert_eq!(wakeups.next(pause).await, WokenBy::Clock);
        wakeups.on_word_of_others();
        wakeups.on_word_of_others();
        wakeups.on_own_commit();
        assert_eq!(wakeups.next(pause).await, WokenBy::Own);
        assert_eq!(wakeups.next(pause).await, WokenBy::Others);
        assert_eq!(wakeups.next(pause).await, WokenBy::Clock);
    }
}
