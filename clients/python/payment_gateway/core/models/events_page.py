from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.logged_event_view import LoggedEventView





T = TypeVar("T", bound="EventsPage")



@_attrs_define
class EventsPage:
    """ 
        Attributes:
            cursor (str): An event in the log, and the cursor to continue after it.
            data (list[LoggedEventView]):
            has_more (bool): There are more: ask again with `after` set to `cursor`, even if `data` is empty.
            success (bool):
     """

    cursor: str
    data: list[LoggedEventView]
    has_more: bool
    success: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.logged_event_view import LoggedEventView # noqa: PLC0415
        cursor = self.cursor

        data = []
        for data_item_data in self.data:
            data_item = data_item_data.to_dict()
            data.append(data_item)



        has_more = self.has_more

        success = self.success


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "cursor": cursor,
            "data": data,
            "hasMore": has_more,
            "success": success,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.logged_event_view import LoggedEventView # noqa: PLC0415
        d = dict(src_dict)
        cursor = d.pop("cursor")

        data = []
        _data = d.pop("data")
        for data_item_data in (_data):
            data_item = LoggedEventView.from_dict(data_item_data)



            data.append(data_item)


        has_more = d.pop("hasMore")

        success = d.pop("success")

        events_page = cls(
            cursor=cursor,
            data=data,
            has_more=has_more,
            success=success,
        )


        events_page.additional_properties = d
        return events_page

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
