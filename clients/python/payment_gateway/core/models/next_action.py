from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.action_kind import ActionKind
from ..types import UNSET, Unset






T = TypeVar("T", bound="NextAction")



@_attrs_define
class NextAction:
    """ What the payer has to do.

        Attributes:
            type_ (ActionKind): How the payer acts.
            client_secret (str | Unset): For `stripe_sdk`, only in answers about this one payment while it waits.
            order_id (str | Unset): The order to confirm, for `confirm_order`.
            url (str | Unset): The page of a `redirect`; not in a list or beside an event if it has a client secret.
     """

    type_: ActionKind
    client_secret: str | Unset = UNSET
    order_id: str | Unset = UNSET
    url: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        type_ = self.type_.value

        client_secret = self.client_secret

        order_id = self.order_id

        url = self.url


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "type": type_,
        })
        if client_secret is not UNSET:
            field_dict["clientSecret"] = client_secret
        if order_id is not UNSET:
            field_dict["orderId"] = order_id
        if url is not UNSET:
            field_dict["url"] = url

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        type_ = ActionKind(d.pop("type"))




        client_secret = d.pop("clientSecret", UNSET)

        order_id = d.pop("orderId", UNSET)

        url = d.pop("url", UNSET)

        next_action = cls(
            type_=type_,
            client_secret=client_secret,
            order_id=order_id,
            url=url,
        )


        next_action.additional_properties = d
        return next_action

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
