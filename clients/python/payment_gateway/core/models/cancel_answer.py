from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.status import Status
from ..types import UNSET, Unset






T = TypeVar("T", bound="CancelAnswer")



@_attrs_define
class CancelAnswer:
    """ 
        Attributes:
            status (Status): What a client sees of the state.
            success (bool):
            transaction_id (str): A payment, as clients know it (`transactionId`)
            refunding (bool | Unset): `true`: the money moved before it could be canceled, and is given back in full.
     """

    status: Status
    success: bool
    transaction_id: str
    refunding: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        status = self.status.value

        success = self.success

        transaction_id = self.transaction_id

        refunding = self.refunding


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "success": success,
            "transactionId": transaction_id,
        })
        if refunding is not UNSET:
            field_dict["refunding"] = refunding

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = Status(d.pop("status"))




        success = d.pop("success")

        transaction_id = d.pop("transactionId")

        refunding = d.pop("refunding", UNSET)

        cancel_answer = cls(
            status=status,
            success=success,
            transaction_id=transaction_id,
            refunding=refunding,
        )


        cancel_answer.additional_properties = d
        return cancel_answer

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
