//! Orders that are resubmitted: the judge finds each answer that is not what became of the payment.

use std::time::Duration;

use super::*;
use crate::model::Sending;

/// An order that was made for this payment, resubmitted.
fn back(method: Method, payment: &str, response: Response) -> Request {
    let charge = Charge { resumes: Some(payment.to_owned()), ..charge_of(method, 1_000, false) };
    request("key-7", Intent::Charge(charge), vec![response])
}

/// When a request was sent and answered, in seconds, and with what.
type Exchange = (u64, u64, Option<Response>);

/// Resubmitted under this key.
fn back_under(key: &str, payment: &str, exchanges: Vec<Exchange>) -> Request {
    let returned = back(Method::Good, payment, response(0, ""));
    with(Request { key: key.to_owned(), ..returned }, exchanges)
}

fn with(request: Request, exchanges: Vec<Exchange>) -> Request {
    let mut request = Request { responses: Vec::new(), ..request };
    for (began, ended, response) in exchanges {
        let [began, ended] = [began, ended].map(|second| request.began + Duration::from_secs(second));
        let number = response.is_some().then_some(request.responses.len());
        request.sendings.push(Sending { began, ended, response: number });
        request.responses.extend(response);
    }
    request
}

fn paid(id: &str) -> Response {
    response(200, &format!(r#"{{"transactionId":"{id}","status":"completed"}}"#))
}

fn declined(id: &str) -> Response {
    response(402, &format!(r#"{{"error":{{"code":"PAYMENT_FAILED","transactionId":"{id}"}}}}"#))
}

fn retry(code: &str) -> Option<Response> {
    Some(response(409, &format!(r#"{{"error":{{"code":"{code}","retryable":true}}}}"#)))
}

/// The payment `txn_4`, which its client has canceled in the first second, and a return with this answer.
fn canceled_and_resubmitted(records: &mut Records, answer: Response) {
    let states = ["created", "processing", "requires_action", "processing", "canceled"];
    records.payments.push(Payment { version: 4, ..payment("4", 1_000, "canceled") });
    records.events.extend(trail("txn_4", None, 0, &states));
    let cancel = request("key-8", Intent::Cancel { transaction: "txn_4".to_owned() }, Vec::new());
    let canceled = response(200, r#"{"transactionId":"txn_4","status":"canceled"}"#);
    records.requests.push(with(cancel, vec![(0, 1, Some(canceled))]));
    let returned = back_under("key-9", "txn_4", vec![(2, 3, Some(answer))]);
    records.requests.push(Request { is_contested: true, ..returned });
}

#[test]
fn an_order_resubmitted_whose_answer_is_not_what_the_ledger_shows_is_found() {
    let mut records = sound();
    records.requests.push(back(Method::Good, "txn_1", paid("txn_1")));
    records.requests.push(back(Method::Declined, "txn_3", declined("txn_3")));
    assert_eq!(judge(&records), []);
    for (promise, wrong) in [
        ("P1", back(Method::Good, "txn_2", paid("txn_1"))),
        ("P3", back(Method::Declined, "txn_1", declined("txn_1"))),
        ("P6", back(Method::Good, "txn_3", paid("txn_3"))),
    ] {
        breaks(promise, |records| records.requests.push(wrong));
    }
}

#[test]
fn a_key_that_is_put_off_after_another_was_told_the_outcome_is_found() {
    let first = || back_under("key-7", "txn_1", vec![(0, 2, Some(paid("txn_1")))]);
    let pending = Some(response(202, r#"{"transactionId":"txn_1","status":"pending"}"#));
    let waits = Some(response(200, r#"{"transactionId":"txn_1","status":"requires_action"}"#));
    for answer in [retry("INVALID_STATE"), retry("IDEMPOTENCY_IN_PROGRESS"), pending, waits] {
        breaks("answers", |records| {
            let paid_later = (5, 6, Some(paid("txn_1")));
            records.requests.push(first());
            records.requests.push(back_under("key-8", "txn_1", vec![(3, 4, answer), paid_later]));
        });
    }
    breaks("answers", |records| {
        let declined_first = vec![(0, 1, Some(declined("txn_3")))];
        let first = back(Method::Declined, "txn_3", declined("txn_3"));
        records.requests.push(with(first, declined_first));
        records.requests.push(back_under("key-8", "txn_3", vec![(2, 3, retry("INVALID_STATE"))]));
    });
}

#[test]
fn a_key_may_be_put_off_while_another_return_or_its_own_is_under_way() {
    let paid_at = |began, ended| (began, ended, Some(paid("txn_1")));
    for exchanges in [
        // Begun before the other one was told.
        vec![(1, 3, retry("INVALID_STATE")), paid_at(4, 5)],
        vec![(1, 3, retry("IDEMPOTENCY_IN_PROGRESS")), paid_at(4, 5)],
        // Its own first sending may still be under way, or is.
        vec![(1, 3, None), (4, 5, retry("IDEMPOTENCY_IN_PROGRESS")), paid_at(6, 7)],
        vec![paid_at(3, 5), (4, 5, retry("IDEMPOTENCY_IN_PROGRESS"))],
        // A server that is away is no outcome withheld.
        vec![(3, 4, Some(response(503, r#"{"error":{"code":"GATEWAY_UNAVAILABLE"}}"#))), paid_at(5, 6)],
    ] {
        let mut records = sound();
        records.requests.push(back_under("key-7", "txn_1", vec![paid_at(0, 2)]));
        records.requests.push(back_under("key-8", "txn_1", exchanges));
        assert_eq!(judge(&records), [], "{:?}", records.requests.last());
    }
}

#[test]
fn the_early_answer_of_a_key_stays_its_answer_after_the_outcome() {
    let waits = || Some(response(200, r#"{"transactionId":"txn_1","status":"requires_action"}"#));
    let mut early = back_under("key-7", "txn_1", vec![(0, 1, waits()), (6, 7, waits())]);
    let Intent::Charge(charge) = &mut early.intent else { panic!("no charge") };
    charge.is_early = true;
    let mut records = sound();
    records.requests.push(early);
    records.requests.push(back_under("key-8", "txn_1", vec![(2, 3, Some(paid("txn_1")))]));
    assert_eq!(judge(&records), []);
}

#[test]
fn a_return_of_what_its_client_canceled_is_told_so_and_no_other_is() {
    let refused = || response(409, r#"{"error":{"code":"INVALID_STATE","transactionId":"txn_4"}}"#);
    let mut records = sound();
    canceled_and_resubmitted(&mut records, refused());
    assert_eq!(judge(&records), []);
    breaks("answers", |records| {
        let put_off = retry("INVALID_STATE").unwrap();
        canceled_and_resubmitted(records, put_off);
    });
    breaks("answers", |records| {
        let returned = back_under("key-7", "txn_1", vec![(0, 1, Some(refused()))]);
        records.requests.push(Request { is_contested: true, ..returned });
    });
}
