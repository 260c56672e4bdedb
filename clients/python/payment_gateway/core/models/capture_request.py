from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="CaptureRequest")



@_attrs_define
class CaptureRequest:
    """ `POST /payments/{id}/capture`; an empty body is `{}`.

        Attributes:
            amount (int | Unset): An amount in the currency's minor unit: cents for USD, yen for JPY. Written without
                fraction or exponent
     """

    amount: int | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        amount = self.amount


        field_dict: dict[str, Any] = {}

        field_dict.update({
        })
        if amount is not UNSET:
            field_dict["amount"] = amount

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount = d.pop("amount", UNSET)

        capture_request = cls(
            amount=amount,
        )

        return capture_request

