from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.wallet_provider import WalletProvider





T = TypeVar("T", bound="WalletConfig")



@_attrs_define
class WalletConfig:
    """ Nothing here is secret: it is for your page's scripts.

        Attributes:
            domain (str):
            providers (list[WalletProvider]): Those that this gateway can pay by.
            success (bool):
     """

    domain: str
    providers: list[WalletProvider]
    success: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.wallet_provider import WalletProvider # noqa: PLC0415
        domain = self.domain

        providers = []
        for providers_item_data in self.providers:
            providers_item = providers_item_data.to_dict()
            providers.append(providers_item)



        success = self.success


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "domain": domain,
            "providers": providers,
            "success": success,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.wallet_provider import WalletProvider # noqa: PLC0415
        d = dict(src_dict)
        domain = d.pop("domain")

        providers = []
        _providers = d.pop("providers")
        for providers_item_data in (_providers):
            providers_item = WalletProvider.from_dict(providers_item_data)



            providers.append(providers_item)


        success = d.pop("success")

        wallet_config = cls(
            domain=domain,
            providers=providers,
            success=success,
        )


        wallet_config.additional_properties = d
        return wallet_config

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
