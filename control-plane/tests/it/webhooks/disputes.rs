//! What is known of a dispute, however its events come.

use payments::model::webhook::{Dispute, DisputeOutcome, DisputeStage, DisputeVerdict, EventState};
use payments::usecases;
use payments::usecases::webhook::replay;
use proptest::prelude::*;

use super::*;

async fn disputed(events: &[(&str, u32, &str)]) -> (TestGateway, Payment) {
    let test = TestGateway::start().await;
    let payment =
        usecases::charge(test.gateway.clone(), charge_request(100, ""), None, call()).await.unwrap();
    for (id, second, status) in events {
        let body = format!(
            r#"{{"id":"{id}","about":"dispute","payment":"{}","second":{second},"status":"{status}"}}"#,
            payment.id
        );
        told_raw(&test, Provider::Stripe, &body).await;
        assert_eq!(worked_off(&test.gateway).await.state, EventState::Done);
    }
    (test, payment)
}

async fn the_dispute(test: &TestGateway, payment: &Payment) -> Dispute {
    let disputes = test.gateway.store.disputes(&client("demo"), payment.id).await.unwrap();
    let [dispute] = disputes.try_into().unwrap();
    dispute
}

#[tokio::test]
async fn a_dispute_is_told_in_any_order_and_stays_closed() {
    let (test, payment) =
        disputed(&[("evt_1", 10, "needs_response"), ("evt_3", 30, "lost"), ("evt_2", 20, "under_review")])
            .await;
    let dispute = the_dispute(&test, &payment).await;
    assert_eq!((dispute.status.as_deref(), dispute.closed()), (Some("lost"), Some(at(30))));
    assert_eq!(kinds(&test, payment.id).await[3..], ["payment.dispute_opened", "payment.dispute_closed"]);
    assert_eq!(stored(&test, payment.id).await.state, payment.state);
    assert!(test.gateway.store.disputes(&client("demo-2"), payment.id).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_dispute_is_told_again_from_what_was_kept_of_its_event() {
    let (test, payment) = disputed(&[]).await;
    let body = format!(
        r#"{{"id":"evt_1","about":"dispute","payment":"{}","second":5,"note":"4242 4242 4242 4242","client_secret":"a"}}"#,
        payment.id
    );
    told_raw(&test, Provider::Stripe, &body).await;
    let event = worked_off(&test.gateway).await;
    let (kept, wanted) =
        (String::from_utf8(event.body).unwrap(), r#""note":"[redacted]","client_secret":"[redacted]"}"#);
    assert!(kept.ends_with(wanted), "{kept}");
    let known = the_dispute(&test, &payment).await;
    assert_eq!(replay(&test.gateway, None, "evt_1").await.unwrap().state, EventState::Done);
    assert_eq!(the_dispute(&test, &payment).await, known);
}

#[tokio::test]
async fn who_won_stands_in_the_dispute_and_in_the_trail() {
    for (status, verdict) in [
        ("won", DisputeVerdict::Won),
        ("lost", DisputeVerdict::Lost),
        ("withdrawn", DisputeVerdict::Withdrawn),
    ] {
        let (test, payment) = disputed(&[("evt_1", 10, "needs_response"), ("evt_2", 20, status)]).await;
        let outcome = DisputeOutcome::new(verdict, status.to_uppercase());
        assert_eq!(the_dispute(&test, &payment).await.outcome, Some(outcome));
        assert_eq!(trail(&test, payment.id).await.last().unwrap().detail.code.as_deref(), Some(status));
    }
}

#[tokio::test]
async fn a_word_for_the_end_that_nobody_knows_is_in_the_trail_as_it_came() {
    let (test, payment) = disputed(&[("evt_1", 10, "other")]).await;
    let last = trail(&test, payment.id).await.pop().unwrap();
    assert_eq!(
        (last.kind().as_str(), last.detail.code.as_deref()),
        ("payment.dispute_closed", Some("OTHER"))
    );
}

#[tokio::test]
async fn within_one_second_a_dispute_does_not_go_back() {
    for events in [
        [("evt_1", 10, "needs_response"), ("evt_2", 10, "lost")],
        [("evt_2", 10, "lost"), ("evt_1", 10, "needs_response")],
    ] {
        let (test, payment) = disputed(&events).await;
        let dispute = the_dispute(&test, &payment).await;
        assert_eq!((dispute.status.as_deref(), dispute.closed()), (Some("lost"), Some(at(10))));
    }
}

#[tokio::test]
async fn a_dispute_that_is_appealed_is_open_until_it_is_decided_again() {
    let appeal = [("evt_1", 10, "lost"), ("evt_2", 20, "under_review")];
    let (test, payment) = disputed(&appeal).await;
    let open = the_dispute(&test, &payment).await;
    assert_eq!((open.closed(), open.outcome), (None, None));
    let (test, payment) = disputed(&[&appeal[..], &[("evt_3", 30, "won")]].concat()).await;
    let won = the_dispute(&test, &payment).await;
    assert_eq!((won.closed(), won.outcome.unwrap().verdict), (Some(at(30)), DisputeVerdict::Won));
    assert_eq!(
        kinds(&test, payment.id).await[3..],
        ["payment.dispute_closed", "payment.dispute_updated", "payment.dispute_closed"]
    );
}

/// An event of a dispute at one of few times, so that many have the same.
fn event_of_a_dispute() -> impl Strategy<Value = Dispute> {
    let end = (proptest::sample::select(DisputeVerdict::ALL.to_vec()), "[A-C]");
    let provider_status = prop_oneof![
        proptest::sample::select(DisputeStage::ALL.to_vec()).prop_map(|stage| (stage, None)),
        end.prop_map(|(verdict, code)| (DisputeStage::Closed, Some(DisputeOutcome::new(verdict, code)))),
    ];
    let times =
        (0..3_i64, proptest::option::of(0..2_i64), proptest::option::of(0..3_i64), any::<[bool; 2]>());
    let words =
        (proptest::option::of("[a-c]"), proptest::option::of("[a-c]"), proptest::option::of(1..3_u64));
    (provider_status, times, words).prop_map(
        |((stage, outcome), (second, changed, opened, [closes, is_verified]), words)| Dispute {
            id: ProviderRef::new("du_1"),
            is_verified,
            status: words.0,
            reason: words.1,
            amount: words.2.and_then(Amount::new),
            currency: None,
            stage,
            outcome,
            opened_at: opened.map(at),
            closed_at: (closes && stage == DisputeStage::Closed).then(|| at(second)),
            as_of: at(second),
            changed_at: changed.map(at),
        },
    )
}

fn told_in_order(events: &[Dispute]) -> Dispute {
    let (first, rest) = events.split_first().unwrap();
    rest.iter().fold(first.clone(), |known, told| known.updated(told).unwrap_or(known))
}

proptest! {
    #[test]
    fn any_order_of_a_disputes_events_ends_in_the_same_record(
        (events, shuffled) in proptest::collection::vec(event_of_a_dispute(), 1..7)
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()))
    ) {
        let end = told_in_order(&events);
        prop_assert_eq!(&told_in_order(&shuffled), &end);
        for again in &events {
            prop_assert_eq!(end.updated(again), None, "an event that comes again changes nothing");
        }
    }
}
