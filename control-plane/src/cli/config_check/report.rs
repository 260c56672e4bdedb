//! The findings, one per line.

use std::fmt;

/// Findings in the order in which they were made.
#[derive(Debug, Default)]
pub struct CheckReport(Vec<CheckFinding>);

#[derive(Debug)]
struct CheckFinding {
    grade: Grade,
    /// The subject: `database`, `Stripe`, …
    about: &'static str,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    Good,
    /// It works, but not as it should.
    Warning,
    Bad,
}

impl CheckReport {
    pub(super) fn good(&mut self, about: &'static str, text: impl Into<String>) {
        self.0.push(CheckFinding { grade: Grade::Good, about, text: text.into() });
    }

    pub(super) fn warn(&mut self, about: &'static str, text: impl Into<String>) {
        self.0.push(CheckFinding { grade: Grade::Warning, about, text: text.into() });
    }

    pub(super) fn bad(&mut self, about: &'static str, text: impl Into<String>) {
        self.0.push(CheckFinding { grade: Grade::Bad, about, text: text.into() });
    }

    /// # Errors
    /// At least one finding is bad.
    pub fn into_result(self) -> anyhow::Result<()> {
        match self.0.iter().filter(|finding| finding.grade == Grade::Bad).count() {
            0 => Ok(()),
            1 => anyhow::bail!("the gateway would not work with this: see the line that begins with `wrong`"),
            wrong => anyhow::bail!(
                "the gateway would not work with this: see the {wrong} lines that begin with `wrong`"
            ),
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, CheckFinding { grade, about, text }) in self.0.iter().enumerate() {
            let grade = match grade {
                Grade::Good => "ok",
                Grade::Warning => "warning",
                Grade::Bad => "wrong",
            };
            let end = if number > 0 { "\n" } else { "" };
            write!(f, "{end}{grade:<8} {about:<11} {text}")?;
        }
        Ok(())
    }
}
