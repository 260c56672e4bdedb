//! `Stripe-Version`: a day, and since 2024-09-30 the name of the release line (docs.stripe.com/api/versioning).

use jiff::civil::{Date, date};

use super::errors::{Result, StripeError};
use crate::redact::shown;

/// The newest version that the sandbox knows: used for requests that pin none, and for all events.
pub(super) const NEWEST: &str = "2026-10-28.endive";
const NEWEST_DAY: Date = date(2026, 10, 28);

const OLDEST_DAY: Date = date(2011, 1, 1);

/// Release lines by the first day that certainly belongs to them; a line continues until the next one.
const LINES: [(Date, &str); 5] = [
    (date(2024, 9, 30), "acacia"),
    (date(2025, 3, 31), "basil"),
    (date(2025, 9, 30), "clover"),
    (date(2026, 8, 26), "dahlia"),
    (NEWEST_DAY, "endive"),
];

/// Rejects impossible versions, so that a client does not rely on one that does not exist.
pub(super) fn check(version: &str) -> Result<()> {
    let (day, line) = version.split_once('.').map_or((version, None), |(day, line)| (day, Some(line)));
    let well_formed = day.len() == 10 && day.parse::<Date>().is_ok_and(|day| fits(day, line));
    if well_formed {
        return Ok(());
    }
    let message = format!("Invalid Stripe API version: {}", shown(version));
    StripeError::invalid(message).refuse()
}

fn fits(day: Date, line: Option<&str>) -> bool {
    if !(OLDEST_DAY..=NEWEST_DAY).contains(&day) {
        return false;
    }
    let begun = LINES.iter().rposition(|(first, _)| *first <= day);
    match (begun, line) {
        (None, line) => line.is_none(),
        // A line may have begun some time before its first known day.
        (Some(begun), Some(line)) => LINES.iter().skip(begun).take(2).any(|(_, name)| *name == line),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_possible_versions_are_accepted() {
        for version in [NEWEST, "2023-08-16", "2024-09-30.acacia", "2025-04-30.basil", "2026-08-26.dahlia"] {
            assert!(check(version).is_ok(), "{version}");
        }
        for version in [
            "",
            "latest",
            "2023-8-16",
            "2023-02-30",
            "2026-10-28",
            "2026-10-28.zebra",
            "2026-10-29.endive",
            "2024-09-30.endive",
            "2023-08-16.acacia",
            "2010-12-31",
            "2026-10-28.endive.1",
            " 2023-08-16",
        ] {
            assert!(check(version).is_err(), "{version}");
        }
    }
}
