"""Klaviyo's lists, one for each audience, and the removal of their members.

A removal is never an unsubscribe: Klaviyo's bulk unsubscribe unsubscribes people who are not on the named list from
everything.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from klaviyo.calls import Caller, chunks, shape
from klaviyo.endpoints import CREATE_LIST, DELETE_LIST, LIST, LISTS, REMOVE_MEMBERS
from klaviyo.lookups import equals, query

#: The most profile ids in one removal (Klaviyo: remove profiles from list).
MAX_REMOVALS = 1_000


def find_list(call: Caller, name: str) -> str | None:
    """Return the id of the list with exactly this name, the oldest of several, or None. Raises NotAccepted.

    Klaviyo guarantees neither unique names nor an exact comparison.
    """
    parameters = {"filter": equals("name", name), "fields[list]": "name,created", "page[size]": "10"}
    found: list[tuple[str, str]] = []
    for page in call.pages(LISTS, "", query(parameters)):
        for item in shape(LISTS, page, list[_List]):
            if item.attributes.name == name:
                found.append((item.attributes.created, item.id))
    return min(found)[1] if found else None


def create_list(call: Caller, name: str) -> str:
    """Create a list with the account's default opt-in and return its id. Raises NotAccepted.

    A repetition creates a second list, so look for the name before a retry.
    """
    body = {"data": {"type": "list", "attributes": {"name": name}}}
    document = call(CREATE_LIST, body=msgspec.json.encode(body))
    return shape(CREATE_LIST, document, _Created).data.id


def delete_list(call: Caller, list_id: str) -> None:
    """Delete a list; the profiles on it stay.

    Raises NotAccepted, with a HoldNeeded of scope `list` when the list is gone.
    """
    call(DELETE_LIST, list_id)


def get_list_name(call: Caller, list_id: str) -> str:
    """Return the name of a list. Raises NotAccepted, with a HoldNeeded of scope `list` when it is gone."""
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


def remove_members(call: Caller, list_id: str, profile_ids: Sequence[str]) -> None:
    """Take profiles off the list; their consent and suppression stay. Raises NotAccepted.

    It is safe to repeat: when one of several calls fails, repeat all of them.
    """
    for part in chunks(profile_ids, MAX_REMOVALS, MAX_REMOVALS * 1_000):
        people = [{"type": "profile", "id": profile_id} for profile_id in part]
        call(REMOVE_MEMBERS, list_id, body=msgspec.json.encode({"data": people}))
