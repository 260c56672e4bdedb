from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.event_outcome import EventOutcome
from ..types import UNSET, Unset
from typing import cast
import datetime






T = TypeVar("T", bound="LoggedEventView")



@_attrs_define
class LoggedEventView:
    """ An event in the log.

        Attributes:
            at (datetime.datetime):
            client (str): Whose payment it is.
            request_id (str): The request that caused it, or `webhook` and the id of the provider's event.
            to (str):
            type_ (str): `payment.completed`, `refund.processed`, `payment.dispute_opened`, …
            id (str): An event in the log, and the cursor to continue after it.
            transaction_id (str): A payment, as clients know it (`transactionId`)
            version (int): The version of the payment, or of the refund if there is a `refundId`: a payment's first event
                has version 0, a refund's 1.
            address (str | Unset): The address that the request came from.
            amount (int | Unset): An amount in the currency's minor unit: cents for USD, yen for JPY. Written without
                fraction or exponent
            attempt_id (str | Unset): One try to have one thing done at a provider
            code (str | Unset): The provider's code for a refusal.
            from_ (str | Unset):
            next_at (datetime.datetime | Unset): When it is asked again.
            operation (str | Unset):
            outcome (EventOutcome | Unset): Whether what was wanted happened.
            provider_reference (str | Unset):
            reason (str | Unset):
            refund_id (str | Unset): A refund, as clients know it (`refundId`)
            tries (int | Unset): How often the provider was asked in vain, where it is asked again.
            unverified (bool | Unset): `true` where a provider's event claims it and the provider's own record could not be
                read.
     """

    at: datetime.datetime
    client: str
    request_id: str
    to: str
    type_: str
    id: str
    transaction_id: str
    version: int
    address: str | Unset = UNSET
    amount: int | Unset = UNSET
    attempt_id: str | Unset = UNSET
    code: str | Unset = UNSET
    from_: str | Unset = UNSET
    next_at: datetime.datetime | Unset = UNSET
    operation: str | Unset = UNSET
    outcome: EventOutcome | Unset = UNSET
    provider_reference: str | Unset = UNSET
    reason: str | Unset = UNSET
    refund_id: str | Unset = UNSET
    tries: int | Unset = UNSET
    unverified: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        client = self.client

        request_id = self.request_id

        to = self.to

        type_ = self.type_

        id = self.id

        transaction_id = self.transaction_id

        version = self.version

        address = self.address

        amount = self.amount

        attempt_id = self.attempt_id

        code = self.code

        from_ = self.from_

        next_at: str | Unset = UNSET
        if not isinstance(self.next_at, Unset):
            next_at = self.next_at.isoformat()

        operation = self.operation

        outcome: str | Unset = UNSET
        if not isinstance(self.outcome, Unset):
            outcome = self.outcome.value


        provider_reference = self.provider_reference

        reason = self.reason

        refund_id = self.refund_id

        tries = self.tries

        unverified = self.unverified


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "at": at,
            "client": client,
            "requestId": request_id,
            "to": to,
            "type": type_,
            "id": id,
            "transactionId": transaction_id,
            "version": version,
        })
        if address is not UNSET:
            field_dict["address"] = address
        if amount is not UNSET:
            field_dict["amount"] = amount
        if attempt_id is not UNSET:
            field_dict["attemptId"] = attempt_id
        if code is not UNSET:
            field_dict["code"] = code
        if from_ is not UNSET:
            field_dict["from"] = from_
        if next_at is not UNSET:
            field_dict["nextAt"] = next_at
        if operation is not UNSET:
            field_dict["operation"] = operation
        if outcome is not UNSET:
            field_dict["outcome"] = outcome
        if provider_reference is not UNSET:
            field_dict["providerReference"] = provider_reference
        if reason is not UNSET:
            field_dict["reason"] = reason
        if refund_id is not UNSET:
            field_dict["refundId"] = refund_id
        if tries is not UNSET:
            field_dict["tries"] = tries
        if unverified is not UNSET:
            field_dict["unverified"] = unverified

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))




        client = d.pop("client")

        request_id = d.pop("requestId")

        to = d.pop("to")

        type_ = d.pop("type")

        id = d.pop("id")

        transaction_id = d.pop("transactionId")

        version = d.pop("version")

        address = d.pop("address", UNSET)

        amount = d.pop("amount", UNSET)

        attempt_id = d.pop("attemptId", UNSET)

        code = d.pop("code", UNSET)

        from_ = d.pop("from", UNSET)

        _next_at = d.pop("nextAt", UNSET)
        next_at: datetime.datetime | Unset
        if isinstance(_next_at,  Unset):
            next_at = UNSET
        else:
            next_at = datetime.datetime.fromisoformat(_next_at)




        operation = d.pop("operation", UNSET)

        _outcome = d.pop("outcome", UNSET)
        outcome: EventOutcome | Unset
        if isinstance(_outcome,  Unset):
            outcome = UNSET
        else:
            outcome = EventOutcome(_outcome)




        provider_reference = d.pop("providerReference", UNSET)

        reason = d.pop("reason", UNSET)

        refund_id = d.pop("refundId", UNSET)

        tries = d.pop("tries", UNSET)

        unverified = d.pop("unverified", UNSET)

        logged_event_view = cls(
            at=at,
            client=client,
            request_id=request_id,
            to=to,
            type_=type_,
            id=id,
            transaction_id=transaction_id,
            version=version,
            address=address,
            amount=amount,
            attempt_id=attempt_id,
            code=code,
            from_=from_,
            next_at=next_at,
            operation=operation,
            outcome=outcome,
            provider_reference=provider_reference,
            reason=reason,
            refund_id=refund_id,
            tries=tries,
            unverified=unverified,
        )


        logged_event_view.additional_properties = d
        return logged_event_view

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
