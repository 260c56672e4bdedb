from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.status import Status
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.next_action import NextAction





T = TypeVar("T", bound="ChargeAnswer")



@_attrs_define
class ChargeAnswer:
    """ 
        Attributes:
            status (Status): What a client sees of the state.
            success (bool):
            transaction_id (str): A payment, as clients know it (`transactionId`)
            next_action (NextAction | Unset): What the payer has to do.
            refunding (bool | Unset): `true`: it was canceled meanwhile, so the money is given back in full.
     """

    status: Status
    success: bool
    transaction_id: str
    next_action: NextAction | Unset = UNSET
    refunding: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.next_action import NextAction # noqa: PLC0415
        status = self.status.value

        success = self.success

        transaction_id = self.transaction_id

        next_action: dict[str, Any] | Unset = UNSET
        if not isinstance(self.next_action, Unset):
            next_action = self.next_action.to_dict()

        refunding = self.refunding


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "status": status,
            "success": success,
            "transactionId": transaction_id,
        })
        if next_action is not UNSET:
            field_dict["nextAction"] = next_action
        if refunding is not UNSET:
            field_dict["refunding"] = refunding

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.next_action import NextAction # noqa: PLC0415
        d = dict(src_dict)
        status = Status(d.pop("status"))




        success = d.pop("success")

        transaction_id = d.pop("transactionId")

        _next_action = d.pop("nextAction", UNSET)
        next_action: NextAction | Unset
        if isinstance(_next_action,  Unset):
            next_action = UNSET
        else:
            next_action = NextAction.from_dict(_next_action)




        refunding = d.pop("refunding", UNSET)

        charge_answer = cls(
            status=status,
            success=success,
            transaction_id=transaction_id,
            next_action=next_action,
            refunding=refunding,
        )


        charge_answer.additional_properties = d
        return charge_answer

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
