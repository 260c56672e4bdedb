from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.currency import Currency
from ..models.refund_status import RefundStatus
from ..types import UNSET, Unset
from typing import cast
import datetime

if TYPE_CHECKING:
  from ..models.failure import Failure





T = TypeVar("T", bound="RefundFound")



@_attrs_define
class RefundFound:
    """ 
        Attributes:
            amount (int): An amount in the currency's minor unit: cents for USD, yen for JPY. Written without fraction or
                exponent
            created_at (datetime.datetime):
            currency (Currency): An ISO 4217 currency that has a minor unit
            refund_id (str): A refund, as clients know it (`refundId`)
            status (RefundStatus): What a client sees of the state.
            transaction_id (str): A payment, as clients know it (`transactionId`)
            updated_at (datetime.datetime):
            success (bool):
            failure (Failure | Unset): Why it failed.
            provider_reference (str | Unset):
     """

    amount: int
    created_at: datetime.datetime
    currency: Currency
    refund_id: str
    status: RefundStatus
    transaction_id: str
    updated_at: datetime.datetime
    success: bool
    failure: Failure | Unset = UNSET
    provider_reference: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.failure import Failure # noqa: PLC0415
        amount = self.amount

        created_at = self.created_at.isoformat()

        currency = self.currency.value

        refund_id = self.refund_id

        status = self.status.value

        transaction_id = self.transaction_id

        updated_at = self.updated_at.isoformat()

        success = self.success

        failure: dict[str, Any] | Unset = UNSET
        if not isinstance(self.failure, Unset):
            failure = self.failure.to_dict()

        provider_reference = self.provider_reference


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "createdAt": created_at,
            "currency": currency,
            "refundId": refund_id,
            "status": status,
            "transactionId": transaction_id,
            "updatedAt": updated_at,
            "success": success,
        })
        if failure is not UNSET:
            field_dict["failure"] = failure
        if provider_reference is not UNSET:
            field_dict["providerReference"] = provider_reference

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.failure import Failure # noqa: PLC0415
        d = dict(src_dict)
        amount = d.pop("amount")

        created_at = datetime.datetime.fromisoformat(d.pop("createdAt"))




        currency = Currency(d.pop("currency"))




        refund_id = d.pop("refundId")

        status = RefundStatus(d.pop("status"))




        transaction_id = d.pop("transactionId")

        updated_at = datetime.datetime.fromisoformat(d.pop("updatedAt"))




        success = d.pop("success")

        _failure = d.pop("failure", UNSET)
        failure: Failure | Unset
        if isinstance(_failure,  Unset):
            failure = UNSET
        else:
            failure = Failure.from_dict(_failure)




        provider_reference = d.pop("providerReference", UNSET)

        refund_found = cls(
            amount=amount,
            created_at=created_at,
            currency=currency,
            refund_id=refund_id,
            status=status,
            transaction_id=transaction_id,
            updated_at=updated_at,
            success=success,
            failure=failure,
            provider_reference=provider_reference,
        )


        refund_found.additional_properties = d
        return refund_found

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
