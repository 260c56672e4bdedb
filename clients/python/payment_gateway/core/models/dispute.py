from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.currency import Currency
from ..models.verdict import Verdict
from ..types import UNSET, Unset
from typing import cast
import datetime






T = TypeVar("T", bound="Dispute")



@_attrs_define
class Dispute:
    """ A payer's complaint about a payment.

        Attributes:
            dispute_id (str): The provider's name for it.
            verified (bool): `false`: PayPal's webhook claims it, and PayPal does not let this account read its own record
                (the app lacks the
                permission for disputes). Such a webhook is signed over a checksum only, which does not keep a forger who has
                one from writing another.
            amount (int | Unset): An amount in the currency's minor unit: cents for USD, yen for JPY. Written without
                fraction or exponent
            closed_at (datetime.datetime | Unset):
            currency (Currency | Unset): An ISO 4217 currency that has a minor unit
            opened_at (datetime.datetime | Unset):
            outcome (Verdict | Unset): Who has the money in the end. Of two verdicts of the same moment the larger one is
                recorded: the definite one,
                and the one that the merchant must know of.
            outcome_code (str | Unset): The provider's word for the outcome, e.g. `lost` or `RESOLVED_BUYER_FAVOUR`.
            reason (str | Unset): The provider's word for it, e.g. `fraudulent` or `MERCHANDISE_OR_SERVICE_NOT_RECEIVED`.
            status (str | Unset): The provider's word for it, e.g. `needs_response` or `RESOLVED`.
     """

    dispute_id: str
    verified: bool
    amount: int | Unset = UNSET
    closed_at: datetime.datetime | Unset = UNSET
    currency: Currency | Unset = UNSET
    opened_at: datetime.datetime | Unset = UNSET
    outcome: Verdict | Unset = UNSET
    outcome_code: str | Unset = UNSET
    reason: str | Unset = UNSET
    status: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        dispute_id = self.dispute_id

        verified = self.verified

        amount = self.amount

        closed_at: str | Unset = UNSET
        if not isinstance(self.closed_at, Unset):
            closed_at = self.closed_at.isoformat()

        currency: str | Unset = UNSET
        if not isinstance(self.currency, Unset):
            currency = self.currency.value


        opened_at: str | Unset = UNSET
        if not isinstance(self.opened_at, Unset):
            opened_at = self.opened_at.isoformat()

        outcome: str | Unset = UNSET
        if not isinstance(self.outcome, Unset):
            outcome = self.outcome.value


        outcome_code = self.outcome_code

        reason = self.reason

        status = self.status


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "disputeId": dispute_id,
            "verified": verified,
        })
        if amount is not UNSET:
            field_dict["amount"] = amount
        if closed_at is not UNSET:
            field_dict["closedAt"] = closed_at
        if currency is not UNSET:
            field_dict["currency"] = currency
        if opened_at is not UNSET:
            field_dict["openedAt"] = opened_at
        if outcome is not UNSET:
            field_dict["outcome"] = outcome
        if outcome_code is not UNSET:
            field_dict["outcomeCode"] = outcome_code
        if reason is not UNSET:
            field_dict["reason"] = reason
        if status is not UNSET:
            field_dict["status"] = status

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        dispute_id = d.pop("disputeId")

        verified = d.pop("verified")

        amount = d.pop("amount", UNSET)

        _closed_at = d.pop("closedAt", UNSET)
        closed_at: datetime.datetime | Unset
        if isinstance(_closed_at,  Unset):
            closed_at = UNSET
        else:
            closed_at = datetime.datetime.fromisoformat(_closed_at)




        _currency = d.pop("currency", UNSET)
        currency: Currency | Unset
        if isinstance(_currency,  Unset):
            currency = UNSET
        else:
            currency = Currency(_currency)




        _opened_at = d.pop("openedAt", UNSET)
        opened_at: datetime.datetime | Unset
        if isinstance(_opened_at,  Unset):
            opened_at = UNSET
        else:
            opened_at = datetime.datetime.fromisoformat(_opened_at)




        _outcome = d.pop("outcome", UNSET)
        outcome: Verdict | Unset
        if isinstance(_outcome,  Unset):
            outcome = UNSET
        else:
            outcome = Verdict(_outcome)




        outcome_code = d.pop("outcomeCode", UNSET)

        reason = d.pop("reason", UNSET)

        status = d.pop("status", UNSET)

        dispute = cls(
            dispute_id=dispute_id,
            verified=verified,
            amount=amount,
            closed_at=closed_at,
            currency=currency,
            opened_at=opened_at,
            outcome=outcome,
            outcome_code=outcome_code,
            reason=reason,
            status=status,
        )


        dispute.additional_properties = d
        return dispute

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
