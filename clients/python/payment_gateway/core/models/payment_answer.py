from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.cancel_reason import CancelReason
from ..models.capture_mode import CaptureMode
from ..models.currency import Currency
from ..models.provider import Provider
from ..models.status import Status
from ..types import UNSET, Unset
from typing import cast
import datetime

if TYPE_CHECKING:
  from ..models.dispute import Dispute
  from ..models.failure import Failure
  from ..models.metadata import Metadata
  from ..models.next_action import NextAction
  from ..models.paid_with import PaidWith
  from ..models.refund import Refund





T = TypeVar("T", bound="PaymentAnswer")



@_attrs_define
class PaymentAnswer:
    """ 
        Attributes:
            amount (int): An amount in the currency's minor unit: cents for USD, yen for JPY. Written without fraction or
                exponent
            amount_captured (int): Minor units that moved to you.
            amount_refunded (int): Minor units given back, or being given back.
            capture (CaptureMode): Whether the money moves at once or is only authorized, to be captured later.
            created_at (datetime.datetime):
            currency (Currency): An ISO 4217 currency that has a minor unit
            provider (Provider):
            status (Status): What a client sees of the state.
            transaction_id (str): A payment, as clients know it (`transactionId`)
            updated_at (datetime.datetime):
            disputes (list[Dispute]): Complaints of the payer, in the order they were opened.
            refunds (list[Refund]): In the order they were made.
            success (bool):
            cancel_reason (CancelReason | Unset): Why a payment was canceled without a client's or operator's request.
            customer_reference (str | Unset):
            description (str | Unset):
            erased (bool | Unset): `true` once what you sent of the payer has ended: `paymentMethodId`, `description`,
                `customerReference`, `metadata`
                and `returnUrl` are gone for good. Everything else stays.
            failure (Failure | Unset): Why it failed.
            metadata (Metadata | Unset): Your own pairs of key and value
            next_action (NextAction | Unset): What the payer has to do.
            payment_method (PaidWith | Unset): What a payment was paid with. The words are the provider's and may be new
                ones.
            payment_method_id (str | Unset):
            provider_reference (str | Unset): The provider's name for the payment: a PaymentIntent or an order.
     """

    amount: int
    amount_captured: int
    amount_refunded: int
    capture: CaptureMode
    created_at: datetime.datetime
    currency: Currency
    provider: Provider
    status: Status
    transaction_id: str
    updated_at: datetime.datetime
    disputes: list[Dispute]
    refunds: list[Refund]
    success: bool
    cancel_reason: CancelReason | Unset = UNSET
    customer_reference: str | Unset = UNSET
    description: str | Unset = UNSET
    erased: bool | Unset = UNSET
    failure: Failure | Unset = UNSET
    metadata: Metadata | Unset = UNSET
    next_action: NextAction | Unset = UNSET
    payment_method: PaidWith | Unset = UNSET
    payment_method_id: str | Unset = UNSET
    provider_reference: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.dispute import Dispute # noqa: PLC0415
        from ..models.failure import Failure # noqa: PLC0415
        from ..models.metadata import Metadata # noqa: PLC0415
        from ..models.next_action import NextAction # noqa: PLC0415
        from ..models.paid_with import PaidWith # noqa: PLC0415
        from ..models.refund import Refund # noqa: PLC0415
        amount = self.amount

        amount_captured = self.amount_captured

        amount_refunded = self.amount_refunded

        capture = self.capture.value

        created_at = self.created_at.isoformat()

        currency = self.currency.value

        provider = self.provider.value

        status = self.status.value

        transaction_id = self.transaction_id

        updated_at = self.updated_at.isoformat()

        disputes = []
        for disputes_item_data in self.disputes:
            disputes_item = disputes_item_data.to_dict()
            disputes.append(disputes_item)



        refunds = []
        for refunds_item_data in self.refunds:
            refunds_item = refunds_item_data.to_dict()
            refunds.append(refunds_item)



        success = self.success

        cancel_reason: str | Unset = UNSET
        if not isinstance(self.cancel_reason, Unset):
            cancel_reason = self.cancel_reason.value


        customer_reference = self.customer_reference

        description = self.description

        erased = self.erased

        failure: dict[str, Any] | Unset = UNSET
        if not isinstance(self.failure, Unset):
            failure = self.failure.to_dict()

        metadata: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.to_dict()

        next_action: dict[str, Any] | Unset = UNSET
        if not isinstance(self.next_action, Unset):
            next_action = self.next_action.to_dict()

        payment_method: dict[str, Any] | Unset = UNSET
        if not isinstance(self.payment_method, Unset):
            payment_method = self.payment_method.to_dict()

        payment_method_id = self.payment_method_id

        provider_reference = self.provider_reference


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "amountCaptured": amount_captured,
            "amountRefunded": amount_refunded,
            "capture": capture,
            "createdAt": created_at,
            "currency": currency,
            "provider": provider,
            "status": status,
            "transactionId": transaction_id,
            "updatedAt": updated_at,
            "disputes": disputes,
            "refunds": refunds,
            "success": success,
        })
        if cancel_reason is not UNSET:
            field_dict["cancelReason"] = cancel_reason
        if customer_reference is not UNSET:
            field_dict["customerReference"] = customer_reference
        if description is not UNSET:
            field_dict["description"] = description
        if erased is not UNSET:
            field_dict["erased"] = erased
        if failure is not UNSET:
            field_dict["failure"] = failure
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if next_action is not UNSET:
            field_dict["nextAction"] = next_action
        if payment_method is not UNSET:
            field_dict["paymentMethod"] = payment_method
        if payment_method_id is not UNSET:
            field_dict["paymentMethodId"] = payment_method_id
        if provider_reference is not UNSET:
            field_dict["providerReference"] = provider_reference

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.dispute import Dispute # noqa: PLC0415
        from ..models.failure import Failure # noqa: PLC0415
        from ..models.metadata import Metadata # noqa: PLC0415
        from ..models.next_action import NextAction # noqa: PLC0415
        from ..models.paid_with import PaidWith # noqa: PLC0415
        from ..models.refund import Refund # noqa: PLC0415
        d = dict(src_dict)
        amount = d.pop("amount")

        amount_captured = d.pop("amountCaptured")

        amount_refunded = d.pop("amountRefunded")

        capture = CaptureMode(d.pop("capture"))




        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))




        currency = Currency(d.pop("currency"))




        provider = Provider(d.pop("provider"))




        status = Status(d.pop("status"))




        transaction_id = d.pop("transactionId")

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))




        disputes = []
        _disputes = d.pop("disputes")
        for disputes_item_data in (_disputes):
            disputes_item = Dispute.from_dict(disputes_item_data)



            disputes.append(disputes_item)


        refunds = []
        _refunds = d.pop("refunds")
        for refunds_item_data in (_refunds):
            refunds_item = Refund.from_dict(refunds_item_data)



            refunds.append(refunds_item)


        success = d.pop("success")

        _cancel_reason = d.pop("cancelReason", UNSET)
        cancel_reason: CancelReason | Unset
        if isinstance(_cancel_reason,  Unset):
            cancel_reason = UNSET
        else:
            cancel_reason = CancelReason(_cancel_reason)




        customer_reference = d.pop("customerReference", UNSET)

        description = d.pop("description", UNSET)

        erased = d.pop("erased", UNSET)

        _failure = d.pop("failure", UNSET)
        failure: Failure | Unset
        if isinstance(_failure,  Unset):
            failure = UNSET
        else:
            failure = Failure.from_dict(_failure)




        _metadata = d.pop("metadata", UNSET)
        metadata: Metadata | Unset
        if isinstance(_metadata,  Unset):
            metadata = UNSET
        else:
            metadata = Metadata.from_dict(_metadata)




        _next_action = d.pop("nextAction", UNSET)
        next_action: NextAction | Unset
        if isinstance(_next_action,  Unset):
            next_action = UNSET
        else:
            next_action = NextAction.from_dict(_next_action)




        _payment_method = d.pop("paymentMethod", UNSET)
        payment_method: PaidWith | Unset
        if isinstance(_payment_method,  Unset):
            payment_method = UNSET
        else:
            payment_method = PaidWith.from_dict(_payment_method)




        payment_method_id = d.pop("paymentMethodId", UNSET)

        provider_reference = d.pop("providerReference", UNSET)

        payment_answer = cls(
            amount=amount,
            amount_captured=amount_captured,
            amount_refunded=amount_refunded,
            capture=capture,
            created_at=created_at,
            currency=currency,
            provider=provider,
            status=status,
            transaction_id=transaction_id,
            updated_at=updated_at,
            disputes=disputes,
            refunds=refunds,
            success=success,
            cancel_reason=cancel_reason,
            customer_reference=customer_reference,
            description=description,
            erased=erased,
            failure=failure,
            metadata=metadata,
            next_action=next_action,
            payment_method=payment_method,
            payment_method_id=payment_method_id,
            provider_reference=provider_reference,
        )


        payment_answer.additional_properties = d
        return payment_answer

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
