//! What all clients have sent and received, each response checked against what came before.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use gateway_tests::HttpResponse;
use serde_json::Value;
use tokio::time::Instant;

use crate::model::{Broken, Meaning, Request, Response, Sending};

/// Everything that the clients have sent and received, and the promises that they saw broken.
#[derive(Default)]
pub(crate) struct History {
    entries: Mutex<Entries>,
}

#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) requests: Vec<Request>,
    pub(crate) broken: Vec<Broken>,
    /// Payments whose payer has acted.
    pub(crate) acted: Vec<String>,
    /// Amounts of charges that were sent under another charge's key.
    pub(crate) mismatched: Vec<u64>,
    /// The last status seen of each payment.
    seen: HashMap<String, String>,
}

impl History {
    pub(crate) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap()
    }

    /// Adds a request and returns its number.
    pub(crate) fn open(&self, request: Request) -> usize {
        let mut entries = self.entries();
        entries.requests.push(request);
        entries.requests.len() - 1
    }

    pub(crate) fn request(&self, number: usize) -> Request {
        self.entries().requests[number].clone()
    }

    pub(crate) fn is_broken(&self) -> bool {
        !self.entries().broken.is_empty()
    }

    pub(crate) fn broke(&self, promise: &'static str, what: String) {
        self.entries().broken.push(Broken::new(promise, what));
    }

    /// Checks a response (`None`: the connection ended without one) against the request's history. `began`: when the
    /// request was sent.
    pub(crate) fn record_response(
        &self,
        number: usize,
        began: Instant,
        answer: Option<&HttpResponse>,
    ) -> Meaning {
        let mut entries = self.entries();
        let request = &mut entries.requests[number];
        let response = answer.map(|_| request.responses.len());
        request.sendings.push(Sending { began, ended: Instant::now(), response });
        let Some(answer) = answer else {
            request.is_in_doubt = true;
            return Meaning::Again;
        };
        let response = request.read(answer);
        let mut broken = Vec::new();
        let mut note = |promise, what: String| {
            let request_id = answer.header("x-request-id").unwrap_or_default();
            broken.push(Broken::new(promise, format!("{}: {what} [request {request_id}]", request.name())));
        };
        let meaning = request.meaning(&response).unwrap_or_else(|problem| {
            note("answers", problem);
            Meaning::Again
        });
        match (request.kept_answer(), &meaning) {
            (Some(first), Meaning::Final) if *first != response => {
                note(
                    "P4",
                    format!(
                        "first {} {}, then {} {}",
                        first.status, first.body, response.status, response.body
                    ),
                );
            }
            (Some(first), Meaning::Taken) => {
                note(
                    "P4",
                    format!("answered {} {}, and open again: {}", first.status, first.body, response.body),
                );
            }
            _ => {}
        }
        if matches!(answer.status, 409 | 503)
            && meaning == Meaning::Again
            && answer.header("retry-after").is_none()
        {
            note("answers", format!("{} {} does not say when to come again", response.status, response.body));
        }
        request.is_in_doubt |= meaning != Meaning::Again || !says_nothing_was_executed(&response);
        request.responses.push(response);
        entries.broken.extend(broken);
        meaning
    }

    /// Checks the response to another body under the key of an accepted request.
    pub(crate) fn record_mismatch(&self, number: usize, answer: Option<&HttpResponse>) {
        let Some(answer) = answer else { return };
        let request = self.request(number);
        let response = request.read(answer);
        let code = response.json()["error"]["code"].as_str().unwrap_or_default().to_owned();
        let refused = matches!(
            (response.status, code.as_str()),
            (422, "IDEMPOTENCY_KEY_REUSED") | (409, "IDEMPOTENCY_IN_PROGRESS") | (429 | 503 | 504, _)
        );
        if !refused {
            let name = request.name();
            self.broke("P5", format!("{name}: another body is answered {} {}", answer.status, answer.text()));
        }
    }

    /// Checks the response to a client's read of its payment.
    pub(crate) fn record_read(
        &self,
        client: &str,
        transaction: &str,
        answer: Option<&HttpResponse>,
    ) -> Option<Value> {
        let answer = answer.filter(|answer| !matches!(answer.status, 429 | 503 | 504))?;
        if answer.status != 200 {
            self.broke(
                "answers",
                format!("{client} reads {transaction}: {} {}", answer.status, answer.text()),
            );
            return None;
        }
        let payment = answer.json();
        let is = payment["status"].as_str().unwrap_or_default().to_owned();
        let was = self.entries().seen.insert(transaction.to_owned(), is.clone());
        if let Some(was) = was.filter(|was| !may_become(was, &is)) {
            self.broke("P7", format!("{transaction} was {was} and is {is}"));
        }
        Some(payment)
    }
}

/// Whether a payment may be seen in status `is` after it was seen in `was`.
fn may_become(was: &str, is: &str) -> bool {
    match was {
        _ if was == is => true,
        "pending" => true,
        "requires_action" => is != "captured",
        "authorized" => matches!(is, "pending" | "captured" | "canceled"),
        _ => false,
    }
}

fn says_nothing_was_executed(response: &Response) -> bool {
    let message = response.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    response.status == 503 && message.contains("nothing was")
}
