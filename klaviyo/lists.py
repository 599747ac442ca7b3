"""Lists: Klaviyo's side of an audience."""

from __future__ import annotations

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import CREATE_LIST, DELETE_LIST, LIST, LISTS
from klaviyo.lookups import equals, query


def find_list(call: Caller, name: str) -> str | None:
    """Id of the list of exactly this name, the oldest of several; None if there is none. Raises NotAccepted.

    Nothing says that Klaviyo's names are unique, nor that its comparison is exact.
    """
    parameters = {"filter": equals("name", name), "fields[list]": "name,created", "page[size]": "10"}
    found: list[tuple[str, str]] = []
    for page in call.pages(LISTS, "", query(parameters)):
        for item in shape(LISTS, page, list[_List]):
            if item.attributes.name == name:
                found.append((item.attributes.created, item.id))
    return min(found)[1] if found else None


def create_list(call: Caller, name: str) -> str:
    """Id of a new list; opt-in as the account has it. Raises NotAccepted.

    Repeating it makes a second list, so look for the name before any retry.
    """
    body = {"data": {"type": "list", "attributes": {"name": name}}}
    document = call(CREATE_LIST, body=msgspec.json.encode(body))
    return shape(CREATE_LIST, document, _Created).data.id


def delete_list(call: Caller, list_id: str) -> None:
    """Delete a list; who was on it stays a profile.

    Raises NotAccepted, with a HoldNeeded of scope `list` when it is gone.
    """
    call(DELETE_LIST, list_id)


def get_list_name(call: Caller, list_id: str) -> str:
    """The name of a list. Raises NotAccepted, with a HoldNeeded of scope `list` when it is gone."""
    document = call(LIST, list_id, query({"fields[list]": "name"}))
    return shape(LIST, document, _Document).data.attributes.name


class _Attributes(msgspec.Struct, frozen=True):
    name: str
    created: str = ""


class _List(msgspec.Struct, frozen=True):
    id: str
    attributes: _Attributes


class _Document(msgspec.Struct, frozen=True):
    data: _List


class _Reference(msgspec.Struct, frozen=True):
    id: str


class _Created(msgspec.Struct, frozen=True):
    data: _Reference
