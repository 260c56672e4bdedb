from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.capture_mode import CaptureMode
from ..models.currency import Currency
from ..models.provider import Provider
from ..models.verification import Verification
from ..models.wallet import Wallet
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.metadata import Metadata





T = TypeVar("T", bound="ChargeRequest")



@_attrs_define
class ChargeRequest:
    """ `POST /payments/charge`

        Attributes:
            amount (int): An amount in the currency's minor unit: cents for USD, yen for JPY. Written without fraction or
                exponent
            currency (Currency): An ISO 4217 currency that has a minor unit
            provider (Provider):
            capture (CaptureMode | Unset): Whether the money moves at once or is only authorized, to be captured later.
            customer_reference (str | Unset): A text without control characters
            description (str | Unset): A text without control characters
            expires_in (int | Unset): Seconds
            metadata (Metadata | Unset): Your own pairs of key and value
            payment_method_id (str | Unset): A provider's token for a way to pay, never a card number
            return_url (str | Unset): https, or http to the payer's own machine; no user's name in it
            verification (Verification | Unset): Whether the payer has to authenticate.
            wallet (Wallet | Unset): A wallet that a payer can confirm a PayPal order with.
     """

    amount: int
    currency: Currency
    provider: Provider
    capture: CaptureMode | Unset = UNSET
    customer_reference: str | Unset = UNSET
    description: str | Unset = UNSET
    expires_in: int | Unset = UNSET
    metadata: Metadata | Unset = UNSET
    payment_method_id: str | Unset = UNSET
    return_url: str | Unset = UNSET
    verification: Verification | Unset = UNSET
    wallet: Wallet | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        from ..models.metadata import Metadata # noqa: PLC0415
        amount = self.amount

        currency = self.currency.value

        provider = self.provider.value

        capture: str | Unset = UNSET
        if not isinstance(self.capture, Unset):
            capture = self.capture.value


        customer_reference = self.customer_reference

        description = self.description

        expires_in = self.expires_in

        metadata: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.to_dict()

        payment_method_id = self.payment_method_id

        return_url = self.return_url

        verification: str | Unset = UNSET
        if not isinstance(self.verification, Unset):
            verification = self.verification.value


        wallet: str | Unset = UNSET
        if not isinstance(self.wallet, Unset):
            wallet = self.wallet.value



        field_dict: dict[str, Any] = {}

        field_dict.update({
            "amount": amount,
            "currency": currency,
            "provider": provider,
        })
        if capture is not UNSET:
            field_dict["capture"] = capture
        if customer_reference is not UNSET:
            field_dict["customerReference"] = customer_reference
        if description is not UNSET:
            field_dict["description"] = description
        if expires_in is not UNSET:
            field_dict["expiresIn"] = expires_in
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if payment_method_id is not UNSET:
            field_dict["paymentMethodId"] = payment_method_id
        if return_url is not UNSET:
            field_dict["returnUrl"] = return_url
        if verification is not UNSET:
            field_dict["verification"] = verification
        if wallet is not UNSET:
            field_dict["wallet"] = wallet

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.metadata import Metadata # noqa: PLC0415
        d = dict(src_dict)
        amount = d.pop("amount")

        currency = Currency(d.pop("currency"))




        provider = Provider(d.pop("provider"))




        _capture = d.pop("capture", UNSET)
        capture: CaptureMode | Unset
        if isinstance(_capture,  Unset):
            capture = UNSET
        else:
            capture = CaptureMode(_capture)




        customer_reference = d.pop("customerReference", UNSET)

        description = d.pop("description", UNSET)

        expires_in = d.pop("expiresIn", UNSET)

        _metadata = d.pop("metadata", UNSET)
        metadata: Metadata | Unset
        if isinstance(_metadata,  Unset):
            metadata = UNSET
        else:
            metadata = Metadata.from_dict(_metadata)




        payment_method_id = d.pop("paymentMethodId", UNSET)

        return_url = d.pop("returnUrl", UNSET)

        _verification = d.pop("verification", UNSET)
        verification: Verification | Unset
        if isinstance(_verification,  Unset):
            verification = UNSET
        else:
            verification = Verification(_verification)




        _wallet = d.pop("wallet", UNSET)
        wallet: Wallet | Unset
        if isinstance(_wallet,  Unset):
            wallet = UNSET
        else:
            wallet = Wallet(_wallet)




        charge_request = cls(
            amount=amount,
            currency=currency,
            provider=provider,
            capture=capture,
            customer_reference=customer_reference,
            description=description,
            expires_in=expires_in,
            metadata=metadata,
            payment_method_id=payment_method_id,
            return_url=return_url,
            verification=verification,
            wallet=wallet,
        )

        return charge_request

