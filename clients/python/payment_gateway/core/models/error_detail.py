from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.error_code import ErrorCode
from ..types import UNSET, Unset






T = TypeVar("T", bound="ErrorDetail")



@_attrs_define
class ErrorDetail:
    """ The member `error` of an error answer. Unknown fields are left out.

        Attributes:
            code (ErrorCode): Every error code a client can meet, with the HTTP status it comes with.

                The set is part of the published contract: codes are added, never renamed.
            message (str): For a person; says what would be right. Never holds a secret or a card number.
            decline_code (str | Unset): The provider's reason for a decline, e.g. `insufficient_funds`.
            param (str | Unset): The field of the request at fault, e.g. `amount` or `metadata.order`.
            provider_code (str | Unset): The provider's own code for any refusal, e.g. `balance_insufficient` or
                `PAYEE_ACCOUNT_RESTRICTED`.
            request_id (str | Unset):
            retryable (bool | Unset): Whether the same request can succeed later.
            transaction_id (str | Unset):
     """

    code: ErrorCode
    message: str
    decline_code: str | Unset = UNSET
    param: str | Unset = UNSET
    provider_code: str | Unset = UNSET
    request_id: str | Unset = UNSET
    retryable: bool | Unset = UNSET
    transaction_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        code = self.code.value

        message = self.message

        decline_code = self.decline_code

        param = self.param

        provider_code = self.provider_code

        request_id = self.request_id

        retryable = self.retryable

        transaction_id = self.transaction_id


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "code": code,
            "message": message,
        })
        if decline_code is not UNSET:
            field_dict["declineCode"] = decline_code
        if param is not UNSET:
            field_dict["param"] = param
        if provider_code is not UNSET:
            field_dict["providerCode"] = provider_code
        if request_id is not UNSET:
            field_dict["requestId"] = request_id
        if retryable is not UNSET:
            field_dict["retryable"] = retryable
        if transaction_id is not UNSET:
            field_dict["transactionId"] = transaction_id

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        code = ErrorCode(d.pop("code"))




        message = d.pop("message")

        decline_code = d.pop("declineCode", UNSET)

        param = d.pop("param", UNSET)

        provider_code = d.pop("providerCode", UNSET)

        request_id = d.pop("requestId", UNSET)

        retryable = d.pop("retryable", UNSET)

        transaction_id = d.pop("transactionId", UNSET)

        error_detail = cls(
            code=code,
            message=message,
            decline_code=decline_code,
            param=param,
            provider_code=provider_code,
            request_id=request_id,
            retryable=retryable,
            transaction_id=transaction_id,
        )


        error_detail.additional_properties = d
        return error_detail

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
