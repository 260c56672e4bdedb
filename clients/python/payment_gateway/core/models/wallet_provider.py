from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.provider import Provider
from ..models.wallet import Wallet
from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="WalletProvider")



@_attrs_define
class WalletProvider:
    """ 
        Attributes:
            provider (Provider):
            wallets (list[Wallet]):
            client_id (str | Unset): For PayPal's `createInstance({ clientId })`.
            publishable_key (str | Unset): For `Stripe(…)`.
     """

    provider: Provider
    wallets: list[Wallet]
    client_id: str | Unset = UNSET
    publishable_key: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        provider = self.provider.value

        wallets = []
        for wallets_item_data in self.wallets:
            wallets_item = wallets_item_data.value
            wallets.append(wallets_item)



        client_id = self.client_id

        publishable_key = self.publishable_key


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "provider": provider,
            "wallets": wallets,
        })
        if client_id is not UNSET:
            field_dict["clientId"] = client_id
        if publishable_key is not UNSET:
            field_dict["publishableKey"] = publishable_key

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        provider = Provider(d.pop("provider"))




        wallets = []
        _wallets = d.pop("wallets")
        for wallets_item_data in (_wallets):
            wallets_item = Wallet(wallets_item_data)



            wallets.append(wallets_item)


        client_id = d.pop("clientId", UNSET)

        publishable_key = d.pop("publishableKey", UNSET)

        wallet_provider = cls(
            provider=provider,
            wallets=wallets,
            client_id=client_id,
            publishable_key=publishable_key,
        )


        wallet_provider.additional_properties = d
        return wallet_provider

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
