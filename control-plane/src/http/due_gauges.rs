//! Gauges of due work and of undecided payments.

use edge_core::provider::Provider;
use jiff::Timestamp;
use payments::model::work::{Lane, LaneBacklog};
use payments::usecases::review::Survey;

/// Due work that is not done, and the age of its oldest piece, by provider and kind.
const DUE: &str = "due_work";
const DUE_AGE: &str = "due_work_oldest_age_seconds";
/// Undecided payments and refunds, by age since they were requested.
const UNDECIDED: &str = "payments_undecided";
/// Undecided payments and refunds that need an operator, by provider.
const IN_REVIEW: &str = "payments_in_review";

/// The age of the oldest event that is committed and that no reader may see yet.
const EVENTS_HELD: &str = "event_log_behind_seconds";

/// `since`: when that event happened, if there is one.
pub(super) fn publish_held_events(since: Option<Timestamp>, now: Timestamp) {
    let age = since.map_or(0.0, |since| now.duration_since(since).as_secs_f64().max(0.0));
    metrics::gauge!(EVENTS_HELD).set(age);
}

/// Sets every gauge, including those of empty lanes.
pub(super) fn publish_backlog(backlog: &[LaneBacklog], now: Timestamp) {
    for lane in Lane::all() {
        let left = backlog.iter().find(|left| left.lane == lane);
        let age = left.map_or(0.0, |left| now.duration_since(left.oldest).as_secs_f64().max(0.0));
        let (provider, kind) = (lane.provider.name(), lane.kind.name());
        let count = left.map_or(0, |left| left.count);
        metrics::gauge!(DUE, "provider" => provider, "kind" => kind).set(f64::from(count));
        metrics::gauge!(DUE_AGE, "provider" => provider, "kind" => kind).set(age);
    }
}

pub(super) fn publish_survey(survey: &Survey) {
    let ages = survey.ages;
    for (age, count) in [
        ("lt_1m", ages.below_1m),
        ("lt_15m", ages.below_15m),
        ("lt_1h", ages.below_1h),
        ("ge_1h", ages.above),
    ] {
        metrics::gauge!(UNDECIDED, "age" => age).set(f64::from(count));
    }
    for provider in Provider::ALL {
        let count = survey.for_review.iter().filter(|one| one.provider == provider).count();
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!(IN_REVIEW, "provider" => provider.name()).set(f64::from(count));
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use payments::model::work::WorkKind;
    use payments::usecases::review::Ages;

    #[test]
    fn every_gauge_is_there_and_falls_to_nothing_when_nothing_is_left() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let recorder = PrometheusBuilder::new().build_recorder();
        let shown = |backlog: &[LaneBacklog], ages| {
            metrics::with_local_recorder(&recorder, || {
                publish_backlog(backlog, at(100));
                publish_survey(&Survey { ages, ..Survey::default() });
            });
            recorder.handle().render()
        };
        let has = |text: &str, line| assert!(text.lines().any(|shown| shown == line), "{line} in\n{text}");
        let lane = Lane { kind: WorkKind::Payment, provider: Provider::Stripe };
        let ages = Ages { below_15m: 2, ..Ages::default() };
        let text = shown(&[LaneBacklog { lane, count: 3, oldest: at(40) }], ages);
        has(&text, r#"due_work{provider="stripe",kind="payment"} 3"#);
        has(&text, r#"due_work_oldest_age_seconds{provider="stripe",kind="payment"} 60"#);
        has(&text, r#"due_work{provider="paypal",kind="event"} 0"#);
        has(&text, r#"payments_undecided{age="lt_15m"} 2"#);
        has(&text, r#"payments_in_review{provider="paypal"} 0"#);
        let text = shown(&[], Ages::default());
        has(&text, r#"due_work{provider="stripe",kind="payment"} 0"#);
        has(&text, r#"payments_undecided{age="lt_15m"} 0"#);
    }
}
