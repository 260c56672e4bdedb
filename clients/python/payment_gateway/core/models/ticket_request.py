from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="TicketRequest")



@_attrs_define
class TicketRequest:
    """ `POST /events/tickets`

        Attributes:
            payment (str): A payment, as clients know it (`transactionId`)
            expires_in (int | Unset): Seconds
     """

    payment: str
    expires_in: int | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        payment = self.payment

        expires_in = self.expires_in


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "payment": payment,
        })
        if expires_in is not UNSET:
            field_dict["expiresIn"] = expires_in

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        payment = d.pop("payment")

        expires_in = d.pop("expiresIn", UNSET)

        ticket_request = cls(
            payment=payment,
            expires_in=expires_in,
        )

        return ticket_request

