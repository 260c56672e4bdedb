//! How long data is kept.

use std::ops::RangeInclusive;

use payments_stores::retention::{Limits, Schedule};

use super::{ConfigError, Source, keep};

const PAYMENTS: &str = "RETENTION_PAYMENTS_DAYS";
const WEBHOOKS: &str = "RETENTION_WEBHOOKS_DAYS";
const IDEMPOTENCY: &str = "RETENTION_IDEMPOTENCY_DAYS";
const EVENTS: &str = "RETENTION_EVENTS_DAYS";

/// Reads every setting and reports everything that is wrong at once.
pub(crate) fn schedule(source: &Source) -> Result<Schedule, Vec<ConfigError>> {
    let mut errors = Vec::new();
    let usual = Schedule::DEFAULT;
    let payments = keep(&mut errors, days(source, PAYMENTS, &Limits::PAYMENTS, usual.payments_days));
    let webhooks = keep(&mut errors, days(source, WEBHOOKS, &Limits::WEBHOOKS, usual.webhooks_days));
    let idempotency =
        keep(&mut errors, days(source, IDEMPOTENCY, &Limits::IDEMPOTENCY, usual.idempotency_days));
    let events = keep(&mut errors, days(source, EVENTS, &Limits::EVENTS, usual.events_days));
    let (Some(payments_days), Some(webhooks_days), Some(idempotency_days), Some(events_days)) =
        (payments, webhooks, idempotency, events)
    else {
        return Err(errors);
    };
    if let Some(payments) = payments_days
        && idempotency_days.is_none_or(|days| days > payments)
    {
        let problem = format!(
            "must not be more than {PAYMENTS} ({payments}): an answer repeats what its payment holds of the payer"
        );
        return Err(vec![source.invalid(IDEMPOTENCY, problem)]);
    }
    Ok(Schedule { payments_days, webhooks_days, idempotency_days, events_days })
}

fn days(
    source: &Source,
    key: &'static str,
    allowed: &RangeInclusive<u32>,
    default: Option<u32>,
) -> Result<Option<u32>, ConfigError> {
    let read = |text: &str| match text.parse() {
        Ok(days) if allowed.contains(&days) => Ok(Some(days)),
        _ if text == "off" => Ok(None),
        _ => Err(format!(
            "must be `off`, or a whole number of days from {} to {}",
            allowed.start(),
            allowed.end()
        )),
    };
    Ok(source.read_with(key, read)?.unwrap_or(default))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(settings: &[(&str, &str)]) -> Result<Schedule, String> {
        let settings = settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        schedule(&Source::new(settings, None).unwrap())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn what_is_not_set_has_its_default_and_off_keeps_it_for_good() {
        assert_eq!(read(&[]), Ok(Schedule::DEFAULT));
        let off = read(&[(EVENTS, "off"), (WEBHOOKS, "400")]).unwrap();
        assert_eq!((off.events_days, off.webhooks_days), (None, Some(400)));
    }

    #[test]
    fn what_money_still_needs_cannot_be_ended_by_a_setting() {
        for (key, days) in [(PAYMENTS, "179"), (WEBHOOKS, "34"), (IDEMPOTENCY, "45"), (EVENTS, "6")] {
            let error = read(&[(key, days)]).unwrap_err();
            assert!(error.starts_with(key) && error.contains("whole number of days from"), "{error}");
        }
        assert!(read(&[(PAYMENTS, "36501")]).is_err() && read(&[(PAYMENTS, "never")]).is_err());
    }

    #[test]
    fn no_answer_outlives_its_payments_fields() {
        for days in ["off", "181"] {
            let error = read(&[(PAYMENTS, "180"), (IDEMPOTENCY, days)]).unwrap_err();
            assert!(error.starts_with(IDEMPOTENCY) && error.contains("180"), "{error}");
        }
        assert!(read(&[(PAYMENTS, "off"), (IDEMPOTENCY, "off")]).is_ok());
    }
}
