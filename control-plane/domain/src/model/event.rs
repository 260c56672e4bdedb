//! The audit trail: one record for each transition, written in the same commit as the transition.

use std::borrow::Cow;
use std::net::IpAddr;

use edge_core::client::ClientId;
use edge_core::money::Amount;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::event_outcome::EventOutcome;
use crate::model::follow_up::FollowUp;
use crate::model::id::{AttemptId, PaymentId, RefundId};
use crate::model::payment::{Failure, Operation, Payment, State};
use crate::model::provider::ProviderRef;
use crate::model::refund::{Refund, RefundState};

/// The initiator of a transition and the owner of the payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The owner of the payment.
    pub client: ClientId,
    pub initiator: Initiator,
    /// The address that a request came from; `None` if it is not known, or no request is the cause.
    pub address: Option<IpAddr>,
}

/// The initiator of a transition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Initiator {
    /// A client's request, by its id, which has no spaces.
    Request(String),
    /// A provider's event, by the provider's id for it.
    Webhook(String),
    /// An operator at the command line, by name.
    Operator(String),
    /// The gateway itself, following up undecided operations.
    FollowUp,
}

/// Request ids cannot start with these prefixes: they contain no spaces.
const BY_WEBHOOK: &str = "webhook ";
const BY_OPERATOR: &str = "operator ";
const BY_FOLLOW_UP: &str = "follow up";

impl Cause {
    /// A client's request about its own payment.
    #[must_use]
    pub const fn request(client: ClientId, id: String) -> Self {
        Self { client, initiator: Initiator::Request(id), address: None }
    }

    /// A provider's event about a payment of `client`.
    #[must_use]
    pub fn webhook(client: ClientId, event_id: &str) -> Self {
        Self { client, initiator: Initiator::Webhook(event_id.to_owned()), address: None }
    }

    /// The gateway followed up an undecided operation.
    #[must_use]
    pub const fn follow_up(client: ClientId) -> Self {
        Self { client, initiator: Initiator::FollowUp, address: None }
    }

    /// An operator's decision at the command line.
    #[must_use]
    pub fn operator(client: ClientId, name: &str) -> Self {
        Self { client, initiator: Initiator::Operator(name.to_owned()), address: None }
    }

    /// The same cause, from this address.
    #[must_use]
    pub fn at(self, address: Option<IpAddr>) -> Self {
        Self { address, ..self }
    }
}

impl Initiator {
    /// The text form in the audit trail: a request's id, or `webhook …`, `operator …`, `follow up`.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Request(id) => Cow::Borrowed(id),
            Self::Webhook(event) => Cow::Owned(format!("{BY_WEBHOOK}{event}")),
            Self::Operator(name) => Cow::Owned(format!("{BY_OPERATOR}{name}")),
            Self::FollowUp => Cow::Borrowed(BY_FOLLOW_UP),
        }
    }

    /// Parses the output of [`Self::text`].
    #[must_use]
    pub fn read(text: String) -> Self {
        if let Some(event) = text.strip_prefix(BY_WEBHOOK) {
            Self::Webhook(event.to_owned())
        } else if let Some(name) = text.strip_prefix(BY_OPERATOR) {
            Self::Operator(name.to_owned())
        } else if text == BY_FOLLOW_UP {
            Self::FollowUp
        } else {
            Self::Request(text)
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    pub payment: PaymentId,
    /// The refund that moved; `None` when the payment did.
    pub refund: Option<RefundId>,
    /// The version of the payment or refund after this transition; no two records share one.
    pub version: u32,
    /// `None` for the first transition.
    pub from: Option<String>,
    pub to: String,
    pub at: Timestamp,
    pub cause: Cause,
    pub detail: Detail,
}

/// Further details, as far as the transition has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Detail {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<AttemptId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<ProviderRef>,
    /// The provider's code for a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The number of calls without a definite answer, if another call is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tries: Option<u32>,
    /// When the next call is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// Set for records without a state change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// Only a provider event claims this; the provider's own object could not be read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_unverified: bool,
    /// See [`Cause::address`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<IpAddr>,
    /// `None` in records of releases that did not record it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<EventOutcome>,
}

/// Why a record was written although the payment's state did not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// The provider's object contradicts the records; `reason` says how.
    EvidenceRefused,
    DisputeOpened,
    DisputeUpdated,
    DisputeClosed,
    /// An operator dismissed a provider event that could not be processed; `reference` is its id.
    WebhookDismissed,
    /// The client requested cancellation as soon as the outcome of the in-flight operation is known.
    CancelRequested,
    /// A note written by a newer release.
    #[serde(other)]
    Other,
}

impl Note {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EvidenceRefused => "evidence_refused",
            Self::DisputeOpened => "dispute_opened",
            Self::DisputeUpdated => "dispute_updated",
            Self::DisputeClosed => "dispute_closed",
            Self::WebhookDismissed => "webhook_dismissed",
            Self::CancelRequested => "cancel_requested",
            Self::Other => "noted",
        }
    }
}

impl Event {
    /// The payment moved from `before` (`None`: it was just opened) to its current state.
    #[must_use]
    pub fn payment_moved(before: Option<&State>, payment: &Payment, cause: &Cause) -> Self {
        let wants_cancel =
            |state: &State| state.in_flight().is_some_and(|in_flight| in_flight.cancel.is_some());
        let note = match before {
            Some(before) if wants_cancel(&payment.state) && !wants_cancel(before) => {
                Some(Note::CancelRequested)
            }
            _ => None,
        };
        Self {
            payment: payment.id,
            refund: None,
            version: payment.version,
            from: before.map(|state| state.name().to_owned()),
            to: payment.state.name().to_owned(),
            at: payment.updated_at,
            cause: cause.clone(),
            detail: Detail {
                reference: payment.reference.clone(),
                note,
                address: cause.address,
                outcome: Some(EventOutcome::of_payment(before, &payment.state)),
                ..Detail::of_payment(payment)
            },
        }
    }

    #[must_use]
    pub fn refund_moved(before: Option<&RefundState>, refund: &Refund, cause: &Cause) -> Self {
        Self {
            payment: refund.payment,
            refund: Some(refund.id),
            version: refund.version,
            from: before.map(|state| state.name().to_owned()),
            to: refund.state.name().to_owned(),
            at: refund.updated_at,
            cause: cause.clone(),
            detail: Detail {
                address: cause.address,
                outcome: Some(EventOutcome::of_refund(&refund.state)),
                ..Detail::of_refund(refund)
            },
        }
    }

    /// A record without a state change. It takes one version of `payment`.
    #[must_use]
    pub fn noted(payment: &Payment, note: Note, detail: Detail, cause: &Cause) -> Self {
        let moved = Self::payment_moved(Some(&payment.state), payment, cause);
        let outcome = match note {
            Note::EvidenceRefused => EventOutcome::Failure,
            _ => EventOutcome::Success,
        };
        let (address, outcome) = (cause.address, Some(outcome));
        Self { detail: Detail { note: Some(note), address, outcome, ..detail }, ..moved }
    }

    /// Whether a payer may know of it: a change of state, but no dispute, no refused evidence, and nothing that an
    /// operator did.
    #[must_use]
    pub const fn is_for_payer(&self) -> bool {
        matches!(self.detail.note, None | Some(Note::CancelRequested))
    }

    /// `payment.completed`, `refund.processed`, `payment.dispute_opened`, …
    #[must_use]
    pub fn kind(&self) -> String {
        if let Some(note) = self.detail.note {
            return format!("payment.{}", note.name());
        }
        let subject = if self.refund.is_some() { "refund" } else { "payment" };
        format!("{subject}.{}", self.to)
    }
}

impl Detail {
    fn of_payment(payment: &Payment) -> Self {
        let whole = Self { amount: Some(payment.request.amount), ..Self::default() };
        match &payment.state {
            State::Processing { in_flight, .. }
            | State::Queued { in_flight, .. }
            | State::Unknown { in_flight, .. } => {
                let amount = match &in_flight.operation {
                    Operation::Capture { amount, .. } => *amount,
                    Operation::Charge | Operation::Resume(_) | Operation::Cancel(_) => payment.request.amount,
                };
                let reason = match &payment.state {
                    State::Queued { reason, .. } | State::Unknown { reason, .. } => Some(reason.clone()),
                    State::Processing { accepted: true, .. } => Some("the provider decides later".to_owned()),
                    _ => None,
                };
                Self {
                    operation: Some(in_flight.operation.kind().name().to_owned()),
                    amount: Some(amount),
                    attempt: Some(in_flight.call.attempt),
                    reason,
                    ..Self::again(payment.follow_up)
                }
            }
            State::Captured { captured, .. } => Self { amount: Some(*captured), ..whole },
            State::Canceled { reason: Some(reason), .. } => {
                Self { reason: Some(reason.name().to_owned()), ..whole }
            }
            State::Failed { failure, .. } => whole.because(failure),
            State::Created
            | State::RequiresAction(_)
            | State::Authorized(_)
            | State::Completed { .. }
            | State::Canceled { reason: None, .. } => whole,
        }
    }

    fn of_refund(refund: &Refund) -> Self {
        let detail = Self {
            amount: Some(refund.amount),
            reference: refund.state.reference().cloned(),
            ..Self::again(refund.follow_up)
        };
        match &refund.state {
            RefundState::Processing { call } => Self { attempt: Some(call.attempt), ..detail },
            RefundState::Queued { call, reason } | RefundState::Unknown { call, reason } => {
                Self { attempt: Some(call.attempt), reason: Some(reason.clone()), ..detail }
            }
            RefundState::Failed { failure } => detail.because(failure),
            RefundState::Pending { .. } | RefundState::Processed { .. } => detail,
        }
    }

    /// Omits the retry details of the first call: it normally returns an answer.
    fn again(follow_up: Option<FollowUp>) -> Self {
        let again = follow_up.filter(|again| again.tries > 0);
        Self {
            tries: again.map(|again| again.tries),
            next_at: again.map(|again| again.at),
            ..Self::default()
        }
    }

    fn because(self, failure: &Failure) -> Self {
        let (code, reason) = match failure {
            Failure::Refused(refusal) => {
                (refusal.decline_code.clone().or_else(|| refusal.code.clone()), refusal.message.clone())
            }
            Failure::NotSent(uncertainty) => (None, uncertainty.reason.clone()),
        };
        Self { code, reason: Some(reason), ..self }
    }
}
