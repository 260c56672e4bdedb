from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.refund_status import RefundStatus






T = TypeVar("T", bound="RefundAnswer")



@_attrs_define
class RefundAnswer:
    """ 
        Attributes:
            refund_id (str): A refund, as clients know it (`refundId`)
            status (RefundStatus): What a client sees of the state.
            success (bool):
     """

    refund_id: str
    status: RefundStatus
    success: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        refund_id = self.refund_id

        status = self.status.value

        success = self.success


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "refundId": refund_id,
            "status": status,
            "success": success,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        refund_id = d.pop("refundId")

        status = RefundStatus(d.pop("status"))




        success = d.pop("success")

        refund_answer = cls(
            refund_id=refund_id,
            status=status,
            success=success,
        )


        refund_answer.additional_properties = d
        return refund_answer

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
