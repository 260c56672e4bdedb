//! The states of a payment, with the data of each.

use edge_core::money::Amount;
use serde::{Deserialize, Serialize};

use super::{Cancelable, InFlightOperation, Status};
use crate::model::payer_action::{ClientSecret, PayerAction};
use crate::model::provider::{ProviderRef, Refusal, Uncertainty};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Recorded; no provider has been called.
    Created,
    /// A call to the provider is in flight, or (`accepted`) the provider accepted the operation and decides later.
    Processing {
        #[serde(rename = "flight")]
        in_flight: InFlightOperation,
        accepted: bool,
    },
    /// The provider was certainly not reached, or rejected the request unprocessed. The call is sent again later.
    Queued {
        #[serde(rename = "flight")]
        in_flight: InFlightOperation,
        reason: String,
    },
    /// The provider may or may not have executed the operation. Only evidence ends this state, never a timer.
    Unknown {
        #[serde(rename = "flight")]
        in_flight: InFlightOperation,
        reason: String,
    },
    /// The payer has to act.
    RequiresAction(Session),
    /// The amount is held and can be captured or canceled.
    Authorized(Authorization),
    /// The whole amount moved in one step.
    Completed {
        charge: ProviderRef,
        /// The client canceled before the outcome was known: the money is to be refunded.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        to_refund: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumed_by: Option<ResumedBy>,
    },
    /// The authorized amount was captured, in full or in part; the rest is released.
    Captured {
        charge: ProviderRef,
        captured: Amount,
        /// As in `Completed`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        to_refund: bool,
    },
    /// Released before any money moved.
    Canceled {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<CancelReason>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumed_by: Option<ResumedBy>,
    },
    /// The provider did not execute the charge and will not.
    Failed {
        failure: Failure,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resumed_by: Option<ResumedBy>,
    },
}

/// The provider's offer to the payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredSession", into = "StoredSession")]
pub struct Session {
    pub session: ProviderRef,
    pub action: PayerAction,
    /// The provider declined the method that the payer chose there. Only the payer triggers another try, by returning.
    pub declined: bool,
    pub resumed_by: Option<ResumedBy>,
}

impl Session {
    #[must_use]
    pub const fn new(session: ProviderRef, action: PayerAction, declined: bool) -> Self {
        Self { session, action, declined, resumed_by: None }
    }
}

/// A session as stored. Earlier releases know pages only and need a `url`, which is empty for other actions.
#[derive(Serialize, Deserialize)]
struct StoredSession {
    session: ProviderRef,
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    action: Option<StoredAction>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    declined: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    resumed_by: Option<ResumedBy>,
}

/// An action that is not a page.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredAction {
    Script(ClientSecret),
    ConfirmOrder,
}

impl From<Session> for StoredSession {
    fn from(Session { session, action, declined, resumed_by }: Session) -> Self {
        let (url, action) = match action {
            PayerAction::Page(url) => (url, None),
            PayerAction::Script(secret) => (String::new(), Some(StoredAction::Script(secret))),
            PayerAction::ConfirmOrder => (String::new(), Some(StoredAction::ConfirmOrder)),
        };
        Self { session, url, action, declined, resumed_by }
    }
}

impl From<StoredSession> for Session {
    fn from(StoredSession { session, url, action, declined, resumed_by }: StoredSession) -> Self {
        let action = match action {
            None => PayerAction::Page(url),
            Some(StoredAction::Script(secret)) => PayerAction::Script(secret),
            Some(StoredAction::ConfirmOrder) => PayerAction::ConfirmOrder,
        };
        Self { session, action, declined, resumed_by }
    }
}

/// Who last resumed the payment after the payer's approval. Absent if it was never resumed, or if an earlier release
/// did not record it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResumedBy {
    /// The client submitted the order that the payer approved.
    Client,
    /// The gateway noticed the approval first, from an event or by polling.
    Gateway,
}

/// Why a payment ended without money although no client canceled it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The authorization, or the offer to the payer, expired at the provider.
    Expired,
    /// Canceled or voided at the provider, e.g. in its dashboard.
    AtProvider,
}

impl CancelReason {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::AtProvider => "at_provider",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    pub authorization: ProviderRef,
    /// A capture was declined; the provider's object may keep showing that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub capture_declined: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed_by: Option<ResumedBy>,
}

impl Authorization {
    #[must_use]
    pub const fn new(authorization: ProviderRef) -> Self {
        Self { authorization, capture_declined: false, resumed_by: None }
    }

    #[must_use]
    pub fn after_a_decline(self) -> Self {
        Self { capture_declined: true, ..self }
    }
}

/// Why a payment or refund failed; always based on evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    Refused(Refusal),
    NotSent(Uncertainty),
}

impl State {
    /// The state's name in the database, the audit trail and logs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Processing { .. } => "processing",
            Self::Queued { .. } => "queued",
            Self::Unknown { .. } => "unknown",
            Self::RequiresAction(_) => "requires_action",
            Self::Authorized(_) => "authorized",
            Self::Completed { .. } => "completed",
            Self::Captured { .. } => "captured",
            Self::Canceled { .. } => "canceled",
            Self::Failed { .. } => "failed",
        }
    }

    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Created | Self::Processing { .. } | Self::Queued { .. } | Self::Unknown { .. } => {
                Status::Pending
            }
            Self::RequiresAction(_) => Status::RequiresAction,
            Self::Authorized(_) => Status::Authorized,
            Self::Completed { .. } => Status::Completed,
            Self::Captured { .. } => Status::Captured,
            Self::Canceled { .. } => Status::Canceled,
            Self::Failed { .. } => Status::Failed,
        }
    }

    /// The call in flight, whether or not its answer is still expected.
    #[must_use]
    pub const fn in_flight(&self) -> Option<&InFlightOperation> {
        match self {
            Self::Processing { in_flight, .. }
            | Self::Queued { in_flight, .. }
            | Self::Unknown { in_flight, .. } => Some(in_flight),
            _ => None,
        }
    }

    /// Who last resumed the payment after the payer's approval.
    #[must_use]
    pub const fn resumed_by(&self) -> Option<ResumedBy> {
        match self {
            Self::RequiresAction(session) => session.resumed_by,
            Self::Authorized(authorization) => authorization.resumed_by,
            Self::Completed { resumed_by, .. }
            | Self::Canceled { resumed_by, .. }
            | Self::Failed { resumed_by, .. } => *resumed_by,
            Self::Processing { in_flight, .. }
            | Self::Queued { in_flight, .. }
            | Self::Unknown { in_flight, .. } => in_flight.operation.resumed_by(),
            Self::Created | Self::Captured { .. } => None,
        }
    }

    /// Carries over who last resumed the payment, from the state before this one.
    pub(super) fn keeping(mut self, by: Option<ResumedBy>) -> Self {
        match &mut self {
            Self::RequiresAction(Session { resumed_by, .. })
            | Self::Authorized(Authorization { resumed_by, .. })
            | Self::Completed { resumed_by, .. }
            | Self::Canceled { resumed_by, .. }
            | Self::Failed { resumed_by, .. } => *resumed_by = resumed_by.or(by),
            _ => {}
        }
        self
    }

    /// Whether the payment waits for the payer, the client or the provider while money is held, offered or to be
    /// refunded.
    #[must_use]
    pub const fn is_watched(&self) -> bool {
        matches!(self, Self::RequiresAction(_) | Self::Authorized(_)) || self.is_to_be_refunded()
    }

    /// Whether the money has to be refunded because the payment was canceled while the outcome was unknown.
    #[must_use]
    pub const fn is_to_be_refunded(&self) -> bool {
        matches!(self, Self::Completed { to_refund: true, .. } | Self::Captured { to_refund: true, .. })
    }
}

impl From<Cancelable> for State {
    fn from(before: Cancelable) -> Self {
        match before {
            Cancelable::Session(session) => Self::RequiresAction(session),
            Cancelable::Authorization(authorization) => Self::Authorized(authorization),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_reads_back_and_one_of_an_earlier_release_is_a_page() {
        let secret = ClientSecret::new("pi_1_secret_2");
        for action in [
            PayerAction::Page("https://bank.example/3ds".to_owned()),
            PayerAction::Page("https://bank.example/3ds?client_secret=pi_1_secret_2".to_owned()),
            PayerAction::Script(secret),
            PayerAction::ConfirmOrder,
        ] {
            let state = State::RequiresAction(Session::new(ProviderRef::new("pi_1"), action, true));
            let stored = serde_json::to_string(&state).unwrap();
            assert!(stored.contains("\"url\":"), "earlier releases need it: {stored}");
            assert_eq!(serde_json::from_str::<State>(&stored).unwrap(), state);
            assert!(!format!("{state:?}").contains("_secret_"), "{state:?}");
        }
        let earlier = r#"{"state":"requires_action","session":"O1","url":"https://pay.example"}"#;
        let page = PayerAction::Page("https://pay.example".to_owned());
        let state = State::RequiresAction(Session::new(ProviderRef::new("O1"), page, false));
        assert_eq!(serde_json::from_str::<State>(earlier).unwrap(), state);
    }

    #[test]
    fn an_ended_payment_says_who_resumed_it_and_rows_of_earlier_releases_still_open() {
        let canceled = |resumed_by| State::Canceled { reason: Some(CancelReason::Expired), resumed_by };
        let failure = || Failure::NotSent(Uncertainty::new("cut"));
        let failed = |resumed_by| State::Failed { failure: failure(), resumed_by };
        let ended: [&dyn Fn(Option<ResumedBy>) -> State; 2] = [&canceled, &failed];
        for state in ended {
            for by in [None, Some(ResumedBy::Client), Some(ResumedBy::Gateway)] {
                let stored = serde_json::to_string(&state(by)).unwrap();
                assert_eq!(stored.contains("resumed_by"), by.is_some(), "{stored}");
                assert_eq!(serde_json::from_str::<State>(&stored).unwrap().resumed_by(), by);
                assert_eq!(state(None).keeping(by), state(by));
            }
        }
        let earlier = r#"{"state":"canceled","reason":"expired"}"#;
        assert_eq!(serde_json::from_str::<State>(earlier).unwrap(), canceled(None));
    }
}
