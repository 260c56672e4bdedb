//! The API's representation of payments and refunds.

use async_graphql::{Enum, SimpleObject};
use edge_core::card;
use edge_core::money::{Amount, Currency};
use edge_core::provider::Provider;
use edge_core::request::{CaptureMode, Metadata};
use jiff::Timestamp;
use payments::model::paid_with::PaidWith;
use payments::model::payer_action::PayerAction;
use payments::model::payment::{Failure, Payment, State};
use payments::model::refund::{Refund, RefundState};
use payments::model::webhook::Dispute;
use serde::{Serialize, Serializer};
use utoipa::openapi::{Object, RefOr, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::wire::{CancelReason, PaymentId, RefundId, RefundStatus, Status, Verdict};

/// A payment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Payment)]
pub(super) struct PaymentView {
    pub(super) transaction_id: PaymentId,
    pub(super) status: Status,
    pub(super) provider: Provider,
    pub(super) amount: Amount,
    pub(super) currency: Currency,
    pub(super) capture: CaptureMode,
    /// Minor units that moved to you.
    pub(super) amount_captured: u64,
    /// Minor units given back, or being given back.
    pub(super) amount_refunded: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payment_method_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) customer_reference: Option<String>,
    #[serde(skip_serializing_if = "Metadata::is_empty")]
    pub(super) metadata: Metadata,
    /// `true` once what you sent of the payer has ended: `paymentMethodId`, `description`, `customerReference`, `metadata`
    /// and `returnUrl` are gone for good. Everything else stays.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schema(required = false)]
    pub(super) erased: bool,
    /// What it was paid with, if the provider reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payment_method: Option<PaidWithView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_action: Option<NextAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<FailureView>,
    /// Why a payment was canceled without a client's or operator's request: `expired`, or `at_provider`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cancel_reason: Option<CancelReason>,
    /// The provider's name for the payment: a PaymentIntent or an order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider_reference: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub(super) created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(super) updated_at: Timestamp,
}

/// `true`, in every answer that is no error.
pub(super) struct Success;

impl Serialize for Success {
    fn serialize<S: Serializer>(&self, output: S) -> Result<S::Ok, S::Error> {
        output.serialize_bool(true)
    }
}

impl PartialSchema for Success {
    fn schema() -> RefOr<Schema> {
        let always = Object::builder().schema_type(Type::Boolean).enum_values(Some([true]));
        RefOr::T(always.build().into())
    }
}

impl ToSchema for Success {}

/// What a payment was paid with. The words are the provider's and may be new ones.
#[derive(Clone, Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = PaidWith)]
#[graphql(name = "PaidWith")]
pub(super) struct PaidWithView {
    /// `card`, `paypal`, `link`, …
    pub(super) kind: String,
    /// The wallet that held the card: `apple_pay`, `google_pay`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wallet: Option<String>,
    /// The card's brand in lower case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) brand: Option<String>,
    /// The last four digits of the card's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) last4: Option<String>,
}

impl From<PaidWith> for PaidWithView {
    fn from(PaidWith { kind, wallet, brand, last4 }: PaidWith) -> Self {
        Self { kind, wallet, brand, last4 }
    }
}

/// How the payer acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema, Enum)]
#[serde(rename_all = "snake_case")]
pub(super) enum ActionKind {
    /// Send the payer's browser to `url`.
    Redirect,
    /// Call `stripe.handleNextAction({ clientSecret })` on your page.
    StripeSdk,
    /// Confirm the order `orderId` with the wallet by PayPal's script on your page, then charge with it.
    ConfirmOrder,
}

/// What the payer has to do.
#[derive(Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
pub(super) struct NextAction {
    #[serde(rename = "type")]
    #[graphql(name = "type")]
    pub(super) kind: ActionKind,
    /// The page of a `redirect`; not in a list or beside an event if it has a client secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) url: Option<String>,
    /// For `stripe_sdk`, only in answers about this one payment while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_secret: Option<String>,
    /// The order to confirm, for `confirm_order`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) order_id: Option<String>,
}

/// Why it failed.
#[derive(Serialize, ToSchema, SimpleObject)]
#[serde(rename_all = "camelCase")]
#[schema(as = Failure)]
#[graphql(name = "Failure")]
pub(super) struct FailureView {
    /// The provider's code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) decline_code: Option<String>,
    pub(super) message: String,
}

/// A refund.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refund)]
pub(super) struct RefundView {
    pub(super) refund_id: RefundId,
    pub(super) transaction_id: PaymentId,
    pub(super) status: RefundStatus,
    pub(super) amount: Amount,
    pub(super) currency: Currency,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<FailureView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) provider_reference: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    pub(super) created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(super) updated_at: Timestamp,
}

/// A payer's complaint about a payment.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Dispute)]
pub(super) struct DisputeView {
    /// The provider's name for it.
    pub(super) dispute_id: String,
    /// `false`: PayPal's webhook claims it, and PayPal does not let this account read its own record (the app lacks the
    /// permission for disputes). Such a webhook is signed over a checksum only, which does not keep a forger who has
    /// one from writing another.
    pub(super) verified: bool,
    /// The provider's word for it, e.g. `fraudulent` or `MERCHANDISE_OR_SERVICE_NOT_RECEIVED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// The provider's word for it, e.g. `needs_response` or `RESOLVED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    /// How it ended: `won` (you keep the money), `lost` (the payer has it back), `withdrawn` (the payer or the bank
    /// did not pursue it), `prevented` (it ended before it became a chargeback), `other` (see `outcomeCode`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<Verdict>,
    /// The provider's word for the outcome, e.g. `lost` or `RESOLVED_BUYER_FAVOUR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome_code: Option<String>,
    /// Minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) opened_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) closed_at: Option<Timestamp>,
}

impl From<Dispute> for DisputeView {
    fn from(dispute: Dispute) -> Self {
        let closed_at = dispute.closed();
        Self {
            dispute_id: dispute.id.to_string(),
            verified: dispute.is_verified,
            reason: dispute.reason,
            status: dispute.status,
            outcome: dispute.outcome.as_ref().map(|outcome| outcome.verdict.into()),
            outcome_code: dispute.outcome.map(|outcome| outcome.code),
            amount: dispute.amount,
            currency: dispute.currency,
            opened_at: dispute.opened_at,
            closed_at,
        }
    }
}

impl From<Payment> for PaymentView {
    fn from(payment: Payment) -> Self {
        let amount_captured = payment.captured().map_or(0, |(_, amount)| amount.minor());
        let cancel_reason = match payment.state {
            State::Canceled { reason, .. } => reason.map(CancelReason::from),
            _ => None,
        };
        let request = payment.request;
        Self {
            transaction_id: payment.id.into(),
            status: payment.state.status().into(),
            provider: request.provider,
            amount: request.amount,
            currency: request.currency,
            capture: request.capture,
            amount_captured,
            amount_refunded: payment.refunded,
            payment_method_id: request.payment_method_id.map(|id| id.as_str().to_owned()),
            description: request.description,
            customer_reference: request.customer_reference,
            metadata: request.metadata,
            erased: payment.is_erased,
            payment_method: payment.paid_with.map(PaidWithView::from),
            next_action: NextAction::of(&payment.state),
            failure: match payment.state {
                State::Failed { failure, .. } => Some(failure.into()),
                _ => None,
            },
            cancel_reason,
            provider_reference: payment.reference.map(|r| r.to_string()),
            created_at: payment.created_at,
            updated_at: payment.updated_at,
        }
    }
}

impl PaymentView {
    /// For an answer about several payments, or to others than the payment's client: without what lets a browser act on
    /// the payment at its provider.
    pub(super) fn without_secrets(mut self) -> Self {
        if let Some(action) = &mut self.next_action {
            action.client_secret = None;
            action.url = action.url.take().filter(|url| !card::holds_client_secret(url.as_bytes()));
        }
        self
    }
}

impl NextAction {
    pub(super) fn of(state: &State) -> Option<Self> {
        let State::RequiresAction(session) = state else { return None };
        let bare = |kind| Self { kind, url: None, client_secret: None, order_id: None };
        Some(match &session.action {
            PayerAction::Page(url) => Self { url: Some(url.clone()), ..bare(ActionKind::Redirect) },
            PayerAction::Script(secret) => {
                Self { client_secret: Some(secret.expose().to_owned()), ..bare(ActionKind::StripeSdk) }
            }
            PayerAction::ConfirmOrder => {
                Self { order_id: Some(session.session.to_string()), ..bare(ActionKind::ConfirmOrder) }
            }
        })
    }
}

/// The failure message of a charge that was queued for longer than its `expiresIn`.
pub(super) const EXPIRED: &str = "it was not made in the time it had (`expiresIn`), and will not be";

impl From<Failure> for FailureView {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => {
                let decline_code = refusal.reason().cloned();
                Self { code: refusal.code, decline_code, message: refusal.message }
            }
            Failure::NotSent(uncertainty) => {
                let message =
                    if uncertainty.is_expired { EXPIRED } else { "the provider did not execute it" };
                Self { code: None, decline_code: None, message: message.to_owned() }
            }
        }
    }
}

impl From<Refund> for RefundView {
    fn from(refund: Refund) -> Self {
        Self {
            refund_id: refund.id.into(),
            transaction_id: refund.payment.into(),
            status: refund.state.status().into(),
            amount: refund.amount,
            currency: refund.currency,
            provider_reference: refund.state.reference().map(ToString::to_string),
            failure: match refund.state {
                RefundState::Failed { failure } => Some(failure.into()),
                _ => None,
            },
            created_at: refund.created_at,
            updated_at: refund.updated_at,
        }
    }
}
