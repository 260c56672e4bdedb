//! Orders that clients resubmitted, judged by the ledger and by earlier answers about them.

use std::collections::HashMap;

use tokio::time::Instant;

use super::Judge;
use crate::model::{Broken, Intent, Request, Response, Sending};

impl Judge<'_> {
    /// An order pays for the payment that it was made for, and each client that resubmits it is told what became of
    /// that payment.
    pub(super) fn resubmitted(&self, request: &Request, payment: &str, broken: &mut Vec<Broken>) {
        let mut note =
            |promise, what: String| broken.push(Broken::new(promise, format!("{}: {what}", request.name())));
        if let Some(other) = request.subject().filter(|subject| subject != payment) {
            note("P1", format!("its order was made for {payment}, and its response names {other}"));
        }
        let Some(answer) = request.final_answer() else { return };
        let has_moved = self.has_money_moved(payment);
        match (answer.status, answer.json()["status"].as_str()) {
            (200, Some("completed" | "authorized")) if !has_moved => {
                note("P6", format!("it is answered {}, and no money moved", answer.body));
            }
            (402, _) if has_moved => note("P3", format!("it is answered as declined, and {payment} is paid")),
            (409, _) if !self.is_canceled(payment) => {
                note("answers", format!("it is refused for good, and {payment} is not canceled"));
            }
            _ => {}
        }
    }

    /// A key that resubmits an order after a client was told the order's outcome is told the outcome, too: nothing is
    /// undecided any more that it would have to wait for. The clients neither capture nor cancel a payment after they
    /// have resubmitted its order.
    pub(super) fn outcomes_of_returns(&self, broken: &mut Vec<Broken>) {
        let told = self.first_told();
        for request in &self.records.requests {
            let Some((payment, since)) = request.resumes().and_then(|id| told.get_key_value(id)) else {
                continue;
            };
            // Its answer is kept, although the payer has acted since.
            if request.final_answer().is_some_and(|answer| !tells_outcome(request, answer)) {
                continue;
            }
            for sending in request.sendings.iter().filter(|sending| sending.began > *since) {
                let Some(response) = request.response_to(sending) else { continue };
                if withholds_outcome(request, sending, response) {
                    let Response { status, body } = response;
                    let before = format!("the outcome of {payment} was told before");
                    let what = format!("{}: {before}, and it is answered {status} {body}", request.name());
                    broken.push(Broken::new("answers", what));
                }
            }
        }
    }

    /// When a client was first told the outcome of each payment whose order was resubmitted or that was canceled.
    fn first_told(&self) -> HashMap<&str, Instant> {
        let mut told = HashMap::new();
        for request in &self.records.requests {
            let payment = match &request.intent {
                Intent::Cancel { transaction } => Some(transaction.as_str()),
                _ => request.resumes(),
            };
            let is_outcome = |sending: &&Sending| {
                request.response_to(sending).is_some_and(|response| tells_outcome(request, response))
            };
            let first = request.sendings.iter().filter(is_outcome).map(|sending| sending.ended).min();
            if let (Some(payment), Some(first)) = (payment, first) {
                let earliest = told.entry(payment).or_insert(first);
                *earliest = first.min(*earliest);
            }
        }
        told
    }

    fn is_canceled(&self, payment: &str) -> bool {
        self.records.payments.iter().any(|one| one.id == payment && one.state == "canceled")
    }
}

/// Whether a response to a return or a cancellation says how the payment ended.
fn tells_outcome(request: &Request, response: &Response) -> bool {
    let json = response.json();
    let status = json["status"].as_str().unwrap_or_default();
    match (response.status, &request.intent) {
        (200, Intent::Cancel { .. }) => status == "canceled",
        (200, _) => matches!(status, "completed" | "authorized" | "captured"),
        (402, _) => true,
        // The payment was canceled.
        (409, Intent::Charge(_)) => json["error"]["retryable"] != true,
        _ => false,
    }
}

/// Whether a response puts a client off that could be told the outcome. A server that is away, and a limit, may.
fn withholds_outcome(request: &Request, sending: &Sending, response: &Response) -> bool {
    let may_be_in_progress = || {
        let is_key_held = response.json()["error"]["code"] == "IDEMPOTENCY_IN_PROGRESS";
        is_key_held && is_key_in_use(request, sending)
    };
    match response.status {
        200 | 202 => !tells_outcome(request, response),
        409 => !tells_outcome(request, response) && !may_be_in_progress(),
        _ => false,
    }
}

/// Whether the key was sent before the sending ended by another one. What became of that one may be unknown to the edge
/// for the time of a lease.
fn is_key_in_use(request: &Request, sending: &Sending) -> bool {
    let begun = request.sendings.iter().filter(|other| other.began <= sending.ended).count();
    request.is_mismatched || begun > 1
}
