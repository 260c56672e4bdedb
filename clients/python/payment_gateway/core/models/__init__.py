""" Contains all the data models used in inputs/outputs """

from .action_kind import ActionKind
from .cancel_answer import CancelAnswer
from .cancel_reason import CancelReason
from .cancel_request import CancelRequest
from .capture_answer import CaptureAnswer
from .capture_mode import CaptureMode
from .capture_request import CaptureRequest
from .charge_answer import ChargeAnswer
from .charge_request import ChargeRequest
from .currency import Currency
from .dispute import Dispute
from .error_body import ErrorBody
from .error_code import ErrorCode
from .error_detail import ErrorDetail
from .event import Event
from .event_outcome import EventOutcome
from .event_proof import EventProof
from .events_answer import EventsAnswer
from .events_page import EventsPage
from .failure import Failure
from .get_api_description_response_200 import GetApiDescriptionResponse200
from .list_answer import ListAnswer
from .logged_event_view import LoggedEventView
from .metadata import Metadata
from .next_action import NextAction
from .paid_with import PaidWith
from .payer_event import PayerEvent
from .payment import Payment
from .payment_answer import PaymentAnswer
from .proofs_answer import ProofsAnswer
from .provider import Provider
from .receive_paypal_webhook_body import ReceivePaypalWebhookBody
from .receive_stripe_webhook_body import ReceiveStripeWebhookBody
from .received import Received
from .refund import Refund
from .refund_answer import RefundAnswer
from .refund_found import RefundFound
from .refund_request import RefundRequest
from .refund_status import RefundStatus
from .status import Status
from .ticket_answer import TicketAnswer
from .ticket_request import TicketRequest
from .trail_event import TrailEvent
from .verdict import Verdict
from .verification import Verification
from .wallet import Wallet
from .wallet_config import WalletConfig
from .wallet_provider import WalletProvider

__all__ = (
    "ActionKind",
    "CancelAnswer",
    "CancelReason",
    "CancelRequest",
    "CaptureAnswer",
    "CaptureMode",
    "CaptureRequest",
    "ChargeAnswer",
    "ChargeRequest",
    "Currency",
    "Dispute",
    "ErrorBody",
    "ErrorCode",
    "ErrorDetail",
    "Event",
    "EventOutcome",
    "EventProof",
    "EventsAnswer",
    "EventsPage",
    "Failure",
    "GetApiDescriptionResponse200",
    "ListAnswer",
    "LoggedEventView",
    "Metadata",
    "NextAction",
    "PaidWith",
    "PayerEvent",
    "Payment",
    "PaymentAnswer",
    "ProofsAnswer",
    "Provider",
    "Received",
    "ReceivePaypalWebhookBody",
    "ReceiveStripeWebhookBody",
    "Refund",
    "RefundAnswer",
    "RefundFound",
    "RefundRequest",
    "RefundStatus",
    "Status",
    "TicketAnswer",
    "TicketRequest",
    "TrailEvent",
    "Verdict",
    "Verification",
    "Wallet",
    "WalletConfig",
    "WalletProvider",
)
