//! The schedule and the rate of automatic reconciliation.

use jiff::{SignedDuration, Span, SpanRelativeTo};

use super::{ConfigError, ReconcileSettings, Source, keep};

/// Payments per second, on top of all other calls to the providers: both allow a hundred and more.
const PER_SECOND_DEFAULT: u32 = 10;
const EVERY_MIN: SignedDuration = SignedDuration::from_mins(5);
const EVERY_MAX: SignedDuration = SignedDuration::from_hours(30 * 24);

impl ReconcileSettings {
    /// Reads the settings. `None`: reconciliation runs only by the command.
    pub(super) fn read(source: &Source) -> Result<Option<Self>, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let every = keep(&mut errors, source.read_with("RECONCILE_EVERY", every));
        let per_second = keep(&mut errors, reconcile_per_second(source));
        match (every, per_second) {
            (Some(every), Some(per_second)) => Ok(every.flatten().map(|every| Self { every, per_second })),
            _ => Err(errors),
        }
    }
}

/// Reads the number of payments compared per second.
///
/// # Errors
/// The setting is not a number from 1 to 1000.
pub fn reconcile_per_second(source: &Source) -> Result<u32, ConfigError> {
    let read = |text: &str| match text.parse() {
        Ok(number @ 1..=1_000) => Ok(number),
        _ => Err("must be a whole number from 1 to 1000".to_owned()),
    };
    Ok(source.read_with("RECONCILE_PER_SECOND", read)?.unwrap_or(PER_SECOND_DEFAULT))
}

fn every(text: &str) -> Result<Option<SignedDuration>, String> {
    if text == "off" {
        return Ok(None);
    }
    let span = text.parse::<Span>().ok();
    let every = span.and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
    match every {
        Some(every) if (EVERY_MIN..=EVERY_MAX).contains(&every) => Ok(Some(every)),
        _ => Err("must be `off`, or a duration from 5m to 30d, e.g. 6h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Option<ReconcileSettings>, String> {
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let source = Source::new(settings, None).unwrap();
        ReconcileSettings::read(&source).map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nothing_is_compared_by_itself_unless_it_is_wanted() {
        assert_eq!((read(&[]), read(&[("RECONCILE_EVERY", "off")])), (Ok(None), Ok(None)));
        let settings = read(&[("RECONCILE_EVERY", "6h"), ("RECONCILE_PER_SECOND", "50")]);
        let every = SignedDuration::from_hours(6);
        assert_eq!(settings, Ok(Some(ReconcileSettings { every, per_second: 50 })));
    }

    #[test]
    fn what_is_no_duration_or_rate_is_refused_by_its_key() {
        for wrong in ["0h", "4m", "31d", "often", "-6h"] {
            assert!(read(&[("RECONCILE_EVERY", wrong)]).unwrap_err().contains("RECONCILE_EVERY"), "{wrong}");
        }
        for wrong in ["0", "1001", "x"] {
            let error = read(&[("RECONCILE_PER_SECOND", wrong)]).unwrap_err();
            assert!(error.contains("RECONCILE_PER_SECOND"), "{wrong}");
        }
    }
}
