from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="EventProof")



@_attrs_define
class EventProof:
    """ A record of the audit trail with the proof that it is in the sealed trail.

        Attributes:
            index (int): Its place in the sealed trail.
            proof (str): A file in the format of `c2sp.org/tlog-proof@v1`: the inclusion proof (RFC 6962) and the signed
                checkpoint.
            record (str): What is sealed, byte for byte: a JSON object in canonical form (RFC 8785).
            version (int): As in the list of events.
            refund_id (str | Unset): A refund, as clients know it (`refundId`)
     """

    index: int
    proof: str
    record: str
    version: int
    refund_id: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        index = self.index

        proof = self.proof

        record = self.record

        version = self.version

        refund_id = self.refund_id


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "index": index,
            "proof": proof,
            "record": record,
            "version": version,
        })
        if refund_id is not UNSET:
            field_dict["refundId"] = refund_id

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        index = d.pop("index")

        proof = d.pop("proof")

        record = d.pop("record")

        version = d.pop("version")

        refund_id = d.pop("refundId", UNSET)

        event_proof = cls(
            index=index,
            proof=proof,
            record=record,
            version=version,
            refund_id=refund_id,
        )


        event_proof.additional_properties = d
        return event_proof

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
