from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="PaidWith")



@_attrs_define
class PaidWith:
    """ What a payment was paid with. The words are the provider's and may be new ones.

        Attributes:
            kind (str): `card`, `paypal`, `link`, …
            brand (str | Unset): The card's brand in lower case.
            last4 (str | Unset): The last four digits of the card's number.
            wallet (str | Unset): The wallet that held the card: `apple_pay`, `google_pay`, …
     """

    kind: str
    brand: str | Unset = UNSET
    last4: str | Unset = UNSET
    wallet: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        kind = self.kind

        brand = self.brand

        last4 = self.last4

        wallet = self.wallet


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "kind": kind,
        })
        if brand is not UNSET:
            field_dict["brand"] = brand
        if last4 is not UNSET:
            field_dict["last4"] = last4
        if wallet is not UNSET:
            field_dict["wallet"] = wallet

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kind = d.pop("kind")

        brand = d.pop("brand", UNSET)

        last4 = d.pop("last4", UNSET)

        wallet = d.pop("wallet", UNSET)

        paid_with = cls(
            kind=kind,
            brand=brand,
            last4=last4,
            wallet=wallet,
        )


        paid_with.additional_properties = d
        return paid_with

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
