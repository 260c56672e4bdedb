//! The judge finds nothing in a correct run, and every violation in a doctored one.

mod readers;
mod returns;

use crate::judge::judge;
use crate::model::{Api, Charge, Intent, Method, Request, Response};
use crate::records::{Effect, Event, Payment, Records, Refund};

/// `txn_1` completed and partly refunded, `txn_2` captured, `txn_3` declined.
fn sound() -> Records {
    let answered =
        |id: &str, status: &str| response(200, &format!(r#"{{"transactionId":"{id}","status":"{status}"}}"#));
    let refused = r#"{"error":{"code":"PAYMENT_FAILED","transactionId":"txn_3"}}"#;
    Records {
        requests: vec![
            request("key-1", charge(Method::Good, 1_000, false), vec![answered("txn_1", "completed")]),
            request("key-2", charge(Method::Good, 2_000, true), vec![answered("txn_2", "authorized")]),
            request("key-3", charge(Method::Declined, 3_000, false), vec![response(402, refused)]),
            request(
                "key-4",
                Intent::Refund { transaction: "txn_1".to_owned(), amount: Some(300) },
                vec![response(200, r#"{"refundId":"rfnd_1","status":"processed"}"#)],
            ),
        ],
        payments: vec![
            Payment { captured: 1_000, refunded: 300, ..payment("1", 1_000, "completed") },
            Payment { captured: 1_500, version: 4, ..payment("2", 2_000, "captured") },
            payment("3", 3_000, "failed"),
        ],
        refunds: vec![Refund {
            id: "rfnd_1".to_owned(),
            payment: "txn_1".to_owned(),
            client: "demo".to_owned(),
            amount: 300,
            state: "processed".to_owned(),
            version: 2,
        }],
        events: [
            trail("txn_1", None, 0, &["created", "processing", "completed"]),
            trail("txn_1", Some("rfnd_1"), 1, &["processing", "processed"]),
            trail("txn_2", None, 0, &["created", "processing", "authorized", "processing", "captured"]),
            trail("txn_3", None, 0, &["created", "processing", "failed"]),
        ]
        .concat(),
        effects: vec![
            effect("charge", 1_000, "txn_1"),
            effect("authorize", 2_000, "txn_2"),
            effect("capture", 1_500, "txn_2"),
            effect("refund", 300, "txn_1"),
        ],
        ..Records::default()
    }
}

fn charge(method: Method, amount: u64, manual: bool) -> Intent {
    Intent::Charge(charge_of(method, amount, manual))
}

fn charge_of(method: Method, amount: u64, manual: bool) -> Charge {
    Charge {
        provider: "stripe",
        method,
        method_id: None,
        amount,
        currency: "USD",
        manual,
        wallet: None,
        resumes: None,
        is_early: false,
    }
}

fn request(key: &str, intent: Intent, responses: Vec<Response>) -> Request {
    let key = key.to_owned();
    Request {
        client: "demo",
        key,
        api: Api::Rest,
        intent,
        is_contested: false,
        is_left: false,
        is_in_doubt: true,
        is_mismatched: false,
        responses,
        sendings: Vec::new(),
        began: tokio::time::Instant::now(),
    }
}

fn response(status: u16, body: &str) -> Response {
    Response { status, body: body.to_owned() }
}

fn payment(number: &str, amount: i64, state: &str) -> Payment {
    Payment {
        id: format!("txn_{number}"),
        client: "demo".to_owned(),
        provider: "stripe".to_owned(),
        amount,
        currency: "USD".to_owned(),
        request: format!(r#"{{"metadata":{{"ask":"key-{number}"}}}}"#),
        state: state.to_owned(),
        captured: 0,
        refunded: 0,
        version: 2,
    }
}

fn trail(payment: &str, refund: Option<&str>, first: i64, states: &[&str]) -> Vec<Event> {
    let before = std::iter::once(None).chain(states.iter().map(Some));
    let events = (first..).zip(before.zip(states)).map(|(version, (from, to))| Event {
        payment: payment.to_owned(),
        refund: refund.map(str::to_owned),
        version,
        from_state: from.map(|from| (*from).to_owned()),
        to_state: (*to).to_owned(),
        at: 0,
        request_id: "request".to_owned(),
        detail: "{}".to_owned(),
    });
    events.collect()
}

fn effect(kind: &str, amount: i64, transaction: &str) -> Effect {
    Effect {
        provider: "stripe".to_owned(),
        kind: kind.to_owned(),
        amount,
        currency: "USD".to_owned(),
        id: "pi_1".to_owned(),
        transaction: Some(transaction.to_owned()),
    }
}

/// Asserts that the judge finds this promise broken in the doctored records.
#[track_caller]
fn breaks(promise: &str, doctor: impl FnOnce(&mut Records)) {
    let mut records = sound();
    doctor(&mut records);
    let broken = judge(&records);
    assert!(broken.iter().any(|broken| broken.promise == promise), "{promise} is not among {broken:?}");
}

#[test]
fn a_correct_run_breaks_no_promise() {
    assert_eq!(judge(&sound()), []);
}

#[test]
fn p1_a_second_charge_capture_or_refund_is_found() {
    breaks("P1", |records| records.effects.push(effect("charge", 1_000, "txn_1")));
    breaks("P1", |records| records.effects.push(effect("capture", 1_500, "txn_2")));
    breaks("P1", |records| records.effects.push(effect("refund", 300, "txn_1")));
    // One key with two payments.
    breaks("P1", |records| {
        records.payments.push(Payment { id: "txn_9".to_owned(), ..payment("1", 1_000, "completed") });
    });
    // One key whose responses name two refunds, neither of which failed.
    breaks("P1", |records| {
        records.requests[3].responses.insert(0, response(202, r#"{"refundId":"rfnd_0","status":"pending"}"#));
    });
    // Two refunds requested, and one made.
    breaks("P1", |records| {
        let again = Request { key: "key-5".to_owned(), ..records.requests[3].clone() };
        records.requests.push(again);
    });
}

#[test]
fn p2_money_that_moved_and_is_not_recorded_is_found() {
    breaks("P2", |records| records.effects.push(effect("charge", 5, "txn_9")));
    breaks("P2", |records| records.effects.push(Effect { transaction: None, ..effect("charge", 5, "") }));
    breaks("P2", |records| records.payments[1].state = "authorized".to_owned());
    // A response names a payment that is not recorded.
    breaks("P2", |records| drop(records.payments.remove(0)));
}

#[test]
fn p3_a_failed_payment_whose_money_moved_is_found() {
    breaks("P3", |records| records.effects.push(effect("charge", 3_000, "txn_3")));
}

#[test]
fn p4_a_second_final_answer_is_found() {
    breaks("P4", |records| {
        let other = response(200, r#"{"status":"completed","transactionId":"txn_1"}"#);
        records.requests[0].responses.push(other);
    });
}

#[test]
fn p4_only_an_answer_with_a_client_secret_may_be_followed_by_the_outcome() {
    let waits = |action: &str| {
        let mut records = sound();
        records.requests[0].intent = charge(Method::Waits, 1_000, false);
        let waiting = format!(r#"{{"transactionId":"txn_1","status":"requires_action"{action}}}"#);
        records.requests[0].responses.insert(0, response(200, &waiting));
        judge(&records)
    };
    let page =
        r#","nextAction":{"type":"redirect","url":"https://hooks.stripe.com/?client_secret=pi_1_secret_2"}"#;
    assert_eq!(waits(page), []);
    assert!(waits("").iter().any(|broken| broken.promise == "P4"));
}

#[test]
fn p4_a_capture_that_was_given_up_and_is_made_is_found() {
    breaks("P4", |records| {
        let given_up = response(503, r#"{"error":{"code":"PROVIDER_UNAVAILABLE","retryable":false}}"#);
        let capture = Intent::Capture { transaction: "txn_2".to_owned(), amount: 1_500, is_all: false };
        records.requests.push(request("key-5", capture, vec![given_up]));
    });
}

#[test]
fn p5_another_body_that_was_executed_is_found() {
    breaks("P5", |records| records.mismatched.push(2_000));
}

#[test]
fn p6_sums_that_differ_are_found() {
    breaks("P6", |records| records.effects[0].amount = 999);
    breaks("P6", |records| records.payments[0].refunded = 0);
    breaks("P6", |records| records.refunds[0].state = "failed".to_owned());
    breaks("P6", |records| drop(records.effects.remove(2)));
    breaks("P6", |records| records.effects.push(effect("refund_failed", 300, "txn_1")));
    // A late cancellation announced a full refund.
    breaks("P6", |records| {
        let answered = response(200, r#"{"transactionId":"txn_2","status":"captured","refunding":true}"#);
        let cancel = Intent::Cancel { transaction: "txn_2".to_owned() };
        records.requests.push(Request { is_contested: true, ..request("key-6", cancel, vec![answered]) });
    });
    // More refunded than captured, although recorded consistently.
    breaks("P6", |records| {
        records.effects[3].amount = 1_300;
        records.refunds[0].amount = 1_300;
        records.payments[0].refunded = 1_300;
    });
}

#[test]
fn p7_a_forbidden_transition_is_found() {
    breaks("P7", |records| {
        records.events.extend(trail("txn_3", None, 3, &["completed"]));
        let last = records.events.last_mut().unwrap();
        last.from_state = Some("failed".to_owned());
        records.payments[2].version = 3;
    });
}

#[test]
fn p8_gaps_repetitions_and_breaks_in_the_audit_trail_are_found() {
    breaks("P8", |records| drop(records.events.remove(1)));
    breaks("P8", |records| records.events.push(records.events[2].clone()));
    breaks("P8", |records| records.events[2].from_state = Some("unknown".to_owned()));
    breaks("P8", |records| records.events[4].to_state = "failed".to_owned());
    breaks("P8", |records| records.payments[0].version = 3);
}

#[test]
fn p9_another_clients_payment_is_found() {
    breaks("P9", |records| records.payments[0].client = "demo-2".to_owned());
    breaks("P9", |records| {
        let stranger = Request { client: "demo-2", ..records.requests[0].clone() };
        records.requests.push(stranger);
    });
}

#[test]
fn p10_a_payment_that_stays_undecided_is_found() {
    for open in ["created", "processing", "queued", "unknown"] {
        breaks("P10", |records| records.payments[2].state = open.to_owned());
    }
    breaks("P10", |records| records.refunds[0].state = "pending".to_owned());
    breaks("P10", |records| {
        records.payments[2].state = "requires_action".to_owned();
        records.acted.push("txn_3".to_owned());
    });
}

#[test]
fn a_false_statement_that_nothing_was_executed_is_found() {
    breaks("answers", |records| records.requests[0].is_in_doubt = false);
}
