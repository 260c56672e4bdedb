//! What a crate logs as errors during a test.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Metadata, Subscriber, span, subscriber};

/// The fields of a logged line by their names; its text is the field `message`.
pub type LogLine = BTreeMap<&'static str, String>;

/// The errors that one crate logs on the thread of a test.
#[derive(Clone, Debug)]
pub struct ErrorLog {
    target: &'static str,
    lines: Arc<Mutex<Vec<LogLine>>>,
}

impl ErrorLog {
    /// Listens for as long as the guard lives. `target`: how the targets of the lines begin, e.g. the crate's name.
    #[must_use]
    pub fn listen(target: &'static str) -> (Self, DefaultGuard) {
        let log = Self { target, lines: Arc::default() };
        let guard = subscriber::set_default(log.clone());
        (log, guard)
    }

    /// What was logged so far.
    ///
    /// # Panics
    /// If a thread has panicked while it logged.
    #[must_use]
    pub fn lines(&self) -> Vec<LogLine> {
        self.lines.lock().unwrap().clone()
    }
}

impl Subscriber for ErrorLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR && metadata.target().starts_with(self.target)
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        self.lines.lock().unwrap().push(fields.0);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[derive(Default)]
struct Fields(LogLine);

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
