from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.refund_status import RefundStatus
from ..models.status import Status
from ..types import UNSET, Unset
from typing import cast
import datetime






T = TypeVar("T", bound="PayerEvent")



@_attrs_define
class PayerEvent:
    """ An event in the log, to the bearer of a ticket: what a payer may know.

        Attributes:
            at (datetime.datetime):
            id (str): An event in the log, and the cursor to continue after it.
            status (Status): What a client sees of the state.
            transaction_id (str): A payment, as clients know it (`transactionId`)
            type_ (str): `payment.completed`, `refund.processed`, …
            version (int): The version of the payment, or of the refund if there is a `refundId`.
            refund_id (str | Unset): A refund, as clients know it (`refundId`)
            refund_status (RefundStatus | Unset): What a client sees of the state.
     """

    at: datetime.datetime
    id: str
    status: Status
    transaction_id: str
    type_: str
    version: int
    refund_id: str | Unset = UNSET
    refund_status: RefundStatus | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        at = self.at.isoformat()

        id = self.id

        status = self.status.value

        transaction_id = self.transaction_id

        type_ = self.type_

        version = self.version

        refund_id = self.refund_id

        refund_status: str | Unset = UNSET
        if not isinstance(self.refund_status, Unset):
            refund_status = self.refund_status.value



        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "at": at,
            "id": id,
            "status": status,
            "transactionId": transaction_id,
            "type": type_,
            "version": version,
        })
        if refund_id is not UNSET:
            field_dict["refundId"] = refund_id
        if refund_status is not UNSET:
            field_dict["refundStatus"] = refund_status

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))




        id = d.pop("id")

        status = Status(d.pop("status"))




        transaction_id = d.pop("transactionId")

        type_ = d.pop("type")

        version = d.pop("version")

        refund_id = d.pop("refundId", UNSET)

        _refund_status = d.pop("refundStatus", UNSET)
        refund_status: RefundStatus | Unset
        if isinstance(_refund_status,  Unset):
            refund_status = UNSET
        else:
            refund_status = RefundStatus(_refund_status)




        payer_event = cls(
            at=at,
            id=id,
            status=status,
            transaction_id=transaction_id,
            type_=type_,
            version=version,
            refund_id=refund_id,
            refund_status=refund_status,
        )


        payer_event.additional_properties = d
        return payer_event

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
