from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="RefundRequest")



@_attrs_define
class RefundRequest:
    """ `POST /payments/refund`

        Attributes:
            transaction_id (str): A payment, as clients know it (`transactionId`)
            amount (int | Unset): An amount in the currency's minor unit: cents for USD, yen for JPY. Written without
                fraction or exponent
     """

    transaction_id: str
    amount: int | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        transaction_id = self.transaction_id

        amount = self.amount


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "transactionId": transaction_id,
        })
        if amount is not UNSET:
            field_dict["amount"] = amount

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        transaction_id = d.pop("transactionId")

        amount = d.pop("amount", UNSET)

        refund_request = cls(
            transaction_id=transaction_id,
            amount=amount,
        )

        return refund_request

