//! The reference model: a request, its responses so far, and the responses that are allowed next.

use std::time::Duration;

use edge_core::card;
use gateway_tests::HttpResponse;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::graphql;

/// Part of everything that a charge says of its payer and order. None of it may be stored or logged in clear text.
pub(crate) const CANARY: &str = "canary7c1d";

/// Where payers' browsers go after a step outside.
pub(crate) const RETURN_URL: &str = "https://shop.example/canary7c1d";
pub(crate) const DESCRIPTION: &str = "description canary7c1d";
pub(crate) const CUSTOMER: &str = "customer canary7c1d";

/// What a payment method leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Good,
    Declined,
    /// The payer has to act first.
    Waits,
    /// The provider reviews the charge and accepts it later.
    Reviewed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Charge {
    pub(crate) provider: &'static str,
    pub(crate) method: Method,
    /// The provider's name for the method or for the approved order; `None`: PayPal makes an order to approve.
    pub(crate) method_id: Option<String>,
    pub(crate) amount: u64,
    pub(crate) currency: &'static str,
    pub(crate) manual: bool,
    /// The wallet that the payer confirms a new order of PayPal with.
    pub(crate) wallet: Option<&'static str>,
    /// The payment that this resumes after its payer acted.
    pub(crate) resumes: Option<String>,
    /// It resumes the payment before its payer has acted.
    pub(crate) is_early: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Intent {
    Charge(Charge),
    /// `is_all`: the request leaves `amount` out because it captures everything.
    Capture {
        transaction: String,
        amount: u64,
        is_all: bool,
    },
    Cancel {
        transaction: String,
    },
    /// `amount`: `None` for the remainder.
    Refund {
        transaction: String,
        amount: Option<u64>,
    },
}

/// A response that a client received.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// How a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Api {
    Rest,
    Graphql,
}

/// One sending of a request.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
    /// Which of the request's responses it received. `None`: the connection ended without one.
    pub(crate) response: Option<usize>,
}

/// One idempotency key of one client, however often it is sent.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// `demo` or `demo-2`.
    pub(crate) client: &'static str,
    pub(crate) key: String,
    pub(crate) api: Api,
    pub(crate) intent: Intent,
    /// Another operation of the client may forbid it (409) or leave too little (422).
    pub(crate) is_contested: bool,
    /// The client does not retry: the gateway decides it on its own.
    pub(crate) is_left: bool,
    /// Whether it may have been executed: a connection ended without a response, or the response leaves it open.
    pub(crate) is_in_doubt: bool,
    /// Another body was sent under the key, and may hold the lease for a moment.
    pub(crate) is_mismatched: bool,
    pub(crate) responses: Vec<Response>,
    pub(crate) sendings: Vec<Sending>,
    pub(crate) began: Instant,
}

/// A key whose request was not executed is not released earlier: the provider's records prove an absence ten seconds
/// after the last call, and some requests are delayed on their way.
const HELD_FOR: Duration = Duration::from_secs(3);

/// What a response means to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It is the final answer.
    Final,
    /// The gateway accepted the request; its outcome is open.
    Taken,
    /// Nothing was executed, or the outcome is unknown: retry.
    Again,
}

/// A broken promise, and what broke it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) promise: &'static str,
    pub(crate) what: String,
}

impl Broken {
    pub(crate) const fn new(promise: &'static str, what: String) -> Self {
        Self { promise, what }
    }
}

impl Request {
    pub(crate) fn path(&self) -> String {
        match &self.intent {
            Intent::Charge(_) if self.api == Api::Graphql => "/graphql".to_owned(),
            Intent::Charge(_) => "/payments/charge".to_owned(),
            Intent::Capture { transaction, .. } => format!("/payments/{transaction}/capture"),
            Intent::Cancel { transaction } => format!("/payments/{transaction}/cancel"),
            Intent::Refund { .. } => "/payments/refund".to_owned(),
        }
    }

    /// Identical bytes each time.
    pub(crate) fn body(&self) -> String {
        match &self.intent {
            Intent::Charge(charge) => self.charge_body(charge, charge.amount),
            Intent::Capture { is_all: true, .. } | Intent::Cancel { .. } => String::new(),
            Intent::Capture { amount, .. } => json!({ "amount": amount }).to_string(),
            Intent::Refund { transaction, amount: None } => {
                json!({ "transactionId": transaction }).to_string()
            }
            Intent::Refund { transaction, amount } => {
                json!({ "transactionId": transaction, "amount": amount }).to_string()
            }
        }
    }

    /// The body of a charge under this key.
    pub(crate) fn charge_body(&self, charge: &Charge, amount: u64) -> String {
        match self.api {
            Api::Rest => charge.body(&self.key, amount),
            Api::Graphql => graphql::body(charge, &self.key, amount),
        }
    }

    /// The response in an answer, as REST gives it.
    pub(crate) fn read(&self, answer: &HttpResponse) -> Response {
        match self.api {
            Api::Rest => Response { status: answer.status, body: answer.text() },
            Api::Graphql => graphql::read(answer),
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("{} of {} ({:?})", self.key, self.client, self.intent)
    }

    /// The final answer, once there is one.
    pub(crate) fn final_answer(&self) -> Option<&Response> {
        self.responses.iter().find(|response| self.is_final(response))
    }

    pub(crate) fn is_final(&self, response: &Response) -> bool {
        self.meaning(response) == Ok(Meaning::Final)
    }

    /// The answer that every later request under the key must get, once there is one.
    pub(crate) fn kept_answer(&self) -> Option<&Response> {
        self.responses.iter().find(|response| self.is_kept(response))
    }

    /// An answer with a client secret is final and not kept: once the payer has acted, a repeat gets the outcome.
    pub(crate) fn is_kept(&self, response: &Response) -> bool {
        self.is_final(response) && !response.shows_secret()
    }

    /// Whether a repeat may learn what came after the first answer, which has a client secret.
    fn may_be_told_more(&self) -> bool {
        matches!(&self.intent, Intent::Charge(charge) if charge.is_on_stripes_page())
    }

    /// Whether the gateway has accepted the request.
    pub(crate) fn is_taken(&self) -> bool {
        self.responses.iter().any(|response| matches!(response.status, 200 | 202 | 402))
    }

    /// Whether the key stands for this ask, and will for the time that a request takes.
    pub(crate) fn is_certainly_held(&self) -> bool {
        self.final_answer().is_some() || (self.is_taken() && self.began.elapsed() < HELD_FOR)
    }

    /// The response that a sending received.
    pub(crate) fn response_to(&self, sending: &Sending) -> Option<&Response> {
        self.responses.get(sending.response?)
    }

    /// The payment whose order the request resubmits.
    pub(crate) fn resumes(&self) -> Option<&str> {
        match &self.intent {
            Intent::Charge(charge) => charge.resumes.as_deref(),
            Intent::Capture { .. } | Intent::Cancel { .. } | Intent::Refund { .. } => None,
        }
    }

    /// The payment or refund that the latest responses name.
    pub(crate) fn subject(&self) -> Option<String> {
        self.responses.iter().rev().find_map(Response::subject)
    }

    /// Those that earlier responses named. The key was released in between.
    pub(crate) fn earlier_subjects(&self) -> Vec<String> {
        let last = self.subject();
        let mut named: Vec<_> = self
            .responses
            .iter()
            .filter_map(Response::subject)
            .filter(|one| Some(one) != last.as_ref())
            .collect();
        named.dedup();
        named
    }

    /// Whether the final answer says that it was not carried out and is not tried any more.
    pub(crate) fn is_given_up(&self) -> bool {
        self.final_answer().is_some_and(|response| response.status == 503)
    }

    /// Whether the final answer to a cancellation announces a refund.
    pub(crate) fn is_given_back(&self) -> bool {
        self.final_answer().is_some_and(|response| response.json()["refunding"] == true)
    }

    /// Classifies a response by itself; an error says why it is not allowed.
    pub(crate) fn meaning(&self, response: &Response) -> Result<Meaning, String> {
        let json = response.json();
        let code = json["error"]["code"].as_str().unwrap_or_default();
        let retryable = json["error"]["retryable"] == true;
        let status = json["status"].as_str().unwrap_or_default();
        let right = match (response.status, &self.intent) {
            (200, Intent::Charge(charge)) => charge.may_end(status),
            (200, Intent::Capture { amount, .. }) => {
                status == "captured" && json["amountCaptured"] == *amount
            }
            // Too late: the captured amount is refunded.
            (200, Intent::Cancel { .. }) if json["refunding"] == true => {
                matches!(status, "captured" | "completed") && self.is_contested
            }
            (200, Intent::Cancel { .. }) => status == "canceled",
            (200, Intent::Refund { .. }) => matches!(status, "processed" | "pending"),
            (202, _) => status == "pending",
            (402, Intent::Charge(charge)) => code == "PAYMENT_FAILED" && charge.method == Method::Declined,
            (409, _) if retryable => matches!(code, "IDEMPOTENCY_IN_PROGRESS" | "INVALID_STATE"),
            (409, _) => code == "INVALID_STATE" && (self.is_contested || self.may_be_told_more()),
            (422, _) if code == "IDEMPOTENCY_KEY_REUSED" => self.is_mismatched,
            (422, Intent::Refund { .. }) => code == "REFUND_EXCEEDS_CHARGE" && self.is_contested,
            (429, _) => code == "RATE_LIMITED",
            (503, _) => {
                matches!(code, "PROVIDER_UNAVAILABLE" | "IDEMPOTENCY_UNAVAILABLE" | "GATEWAY_UNAVAILABLE")
            }
            (504, _) => code == "GATEWAY_TIMEOUT",
            _ => false,
        };
        match response.status {
            _ if !right => Err(format!("{} {} is no answer to it", response.status, response.body)),
            202 => Ok(Meaning::Taken),
            422 if code == "IDEMPOTENCY_KEY_REUSED" => Ok(Meaning::Again),
            200 | 402 | 422 => Ok(Meaning::Final),
            409 if !retryable => Ok(Meaning::Final),
            // Certainly not carried out, and kept as the answer: what was wanted takes a new key.
            503 if code == "PROVIDER_UNAVAILABLE" && json["error"]["retryable"] == false => {
                Ok(Meaning::Final)
            }
            _ => Ok(Meaning::Again),
        }
    }
}

impl Charge {
    pub(crate) fn body(&self, label: &str, amount: u64) -> String {
        let mut body = json!({
            "provider": self.provider, "amount": amount, "currency": self.currency,
            "returnUrl": RETURN_URL, "description": DESCRIPTION, "customerReference": CUSTOMER,
            "metadata": { "ask": label, "canary": CANARY },
        });
        if let Some(method) = &self.method_id {
            body["paymentMethodId"] = method.as_str().into();
        }
        if let Some(wallet) = self.wallet {
            body["wallet"] = wallet.into();
        }
        if self.manual {
            body["capture"] = "manual".into();
        }
        body.to_string()
    }

    /// Whether the payer is sent to a page of Stripe's, whose URL has the client secret.
    fn is_on_stripes_page(&self) -> bool {
        self.provider == "stripe" && self.method == Method::Waits && self.resumes.is_none()
    }

    fn may_end(&self, status: &str) -> bool {
        match self.method {
            _ if self.is_early && status == "requires_action" => true,
            Method::Declined => false,
            Method::Waits if self.is_on_stripes_page() && status == "requires_action" => true,
            Method::Waits if self.resumes.is_none() && !self.is_on_stripes_page() => {
                status == "requires_action"
            }
            _ if self.manual => status == "authorized",
            _ => status == "completed",
        }
    }
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    fn shows_secret(&self) -> bool {
        let json = self.json();
        json["nextAction"]["url"].as_str().is_some_and(|url| card::holds_client_secret(url.as_bytes()))
    }

    fn subject(&self) -> Option<String> {
        if !matches!(self.status, 200 | 202 | 402) {
            return None;
        }
        let json = self.json();
        let names = ["/refundId", "/transactionId", "/error/transactionId"];
        names.iter().find_map(|name| json.pointer(name)?.as_str().map(str::to_owned))
    }
}
