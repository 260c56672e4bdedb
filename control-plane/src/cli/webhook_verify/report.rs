//! The report, as text and as JSON.

use std::fmt::Write as _;

use edge_core::provider::Provider;
use edge_core::webhook::VerificationError;
use jiff::Timestamp;
use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum CheckResult {
    Verified,
    Forged,
    CannotVerify,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

/// The result of verifying one webhook.
#[derive(Debug, Serialize)]
pub struct VerifyReport {
    provider: Provider,
    verdict: CheckResult,
    checks: Vec<Check>,
    causes: Vec<String>,
    #[serde(skip)]
    at: Timestamp,
    #[serde(skip)]
    reason: String,
}

/// The webhook would be refused.
#[derive(Debug, thiserror::Error)]
#[error("the webhook is not verified")]
pub struct NotVerified;

impl VerifyReport {
    pub(super) const fn new(provider: Provider, at: Timestamp) -> Self {
        let verdict = CheckResult::CannotVerify;
        Self { provider, verdict, checks: Vec::new(), causes: Vec::new(), at, reason: String::new() }
    }

    /// Records a check and returns its value.
    pub(super) fn check<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        result: Result<T, E>,
        detail: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let shown = match &result {
            Ok(value) => detail(value),
            Err(error) => error.to_string(),
        };
        self.checks.push(Check { name, ok: result.is_ok(), detail: shown });
        result.ok()
    }

    pub(super) fn cause(&mut self, cause: impl Into<String>) {
        let cause = cause.into();
        if !self.causes.contains(&cause) {
            self.causes.push(cause);
        }
    }

    /// Sets the edge's verdict.
    pub(super) fn conclude(mut self, verdict: Result<(), VerificationError>) -> Self {
        (self.verdict, self.reason) = match verdict {
            Ok(()) => (CheckResult::Verified, String::new()),
            Err(VerificationError::Forged(forged)) => (CheckResult::Forged, forged.to_string()),
            Err(VerificationError::CannotVerify(cannot)) => (CheckResult::CannotVerify, cannot.to_string()),
        };
        self
    }

    /// # Errors
    /// The webhook is not verified.
    pub fn into_result(self) -> Result<(), NotVerified> {
        if self.verdict == CheckResult::Verified { Ok(()) } else { Err(NotVerified) }
    }

    /// One JSON object on one line.
    ///
    /// # Errors
    /// Never in practice: the report is all text.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// One line per check, then the verdict, then the likely causes.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = format!("{} webhook, checked at {}\n", self.provider, self.at);
        for Check { name, ok, detail } in &self.checks {
            let ok = if *ok { "ok" } else { "FAILED" };
            let _ = writeln!(text, "  {ok:<7} {name:<16} {detail}");
        }
        let verdict = match self.verdict {
            CheckResult::Verified => "VERIFIED".to_owned(),
            CheckResult::Forged => format!("FORGED: {} (the gateway answers 401)", self.reason),
            CheckResult::CannotVerify => format!("CANNOT VERIFY: {} (the gateway answers 503)", self.reason),
        };
        text.push_str(&verdict);
        for (i, cause) in self.causes.iter().enumerate() {
            let title = if i == 0 { "\nlikely cause:" } else { "" };
            let _ = write!(text, "{title}\n  - {cause}");
        }
        text
    }
}
