"""Members of a list: looking them up, and removing them from the list.

A removal is never an unsubscribe: Klaviyo's bulk unsubscribe takes people who are not on the named list off
everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.chunks import chunks
from klaviyo.endpoints import LIST_MEMBERS, LIST_PROFILES, PROFILES, REMOVE_MEMBERS, Endpoint
from klaviyo.filters import any_of, query

#: Most profile ids in one removal (Klaviyo: remove profiles from list).
MAX_REMOVALS = 1_000

#: What a list's members can be looked up by; external ids are not among it.
Field = Literal["email", "phone_number"]


class _Reference(msgspec.Struct, frozen=True):
    id: str


class _Attributes(msgspec.Struct, frozen=True):
    email: str | None = None
    phone_number: str | None = None


class _Profile(msgspec.Struct, frozen=True):
    id: str
    attributes: _Attributes


def members(call: Caller, list_id: str, field: Field, values: Sequence[str]) -> list[str]:
    """Profile ids of those of `values` who are on the list, each once. Raises NotAccepted."""
    return _ids(call, LIST_MEMBERS, list_id, {}, any_of(field, values))


def listed(call: Caller, list_id: str, field: Field, values: Sequence[str]) -> dict[str, str]:
    """Profile ids by those of `values` that are on the list; the case of an address does not count.

    Raises NotAccepted.
    """
    found: dict[str, str] = {}
    for page in _pages(call, LIST_PROFILES, list_id, {"fields[profile]": field}, any_of(field, values)):
        for profile in shape(LIST_PROFILES, page, list[_Profile]):
            value: str | None = getattr(profile.attributes, field)
            found[(value or "").lower()] = profile.id
    return {value: found[value.lower()] for value in values if value.lower() in found}


def profiles_by_external_id(call: Caller, values: Sequence[str]) -> list[str]:
    """Profile ids of those of the external ids that Klaviyo knows, each once, on the list or not.

    Raises NotAccepted.
    """
    return _ids(call, PROFILES, "", {"fields[profile]": "external_id"}, any_of("external_id", values))


def remove_members(call: Caller, list_id: str, profile_ids: Sequence[str]) -> None:
    """Take profiles off the list; their consent and suppression stay. Raises NotAccepted.

    Safe to repeat: when one of several calls fails, do the whole again.
    """
    for part in chunks(profile_ids, MAX_REMOVALS, MAX_REMOVALS * 1_000):
        people = [{"type": "profile", "id": profile_id} for profile_id in part]
        call(REMOVE_MEMBERS, list_id, body=msgspec.json.encode({"data": people}))


def _ids(
    call: Caller, endpoint: Endpoint, identifier: str, parameters: dict[str, str], filters: Iterable[str]
) -> list[str]:
    # A dict keeps the order and drops a profile that two values lead to.
    found: dict[str, None] = {}
    for page in _pages(call, endpoint, identifier, parameters, filters):
        found.update((item.id, None) for item in shape(endpoint, page, list[_Reference]))
    return list(found)


def _pages(
    call: Caller, endpoint: Endpoint, identifier: str, parameters: dict[str, str], filters: Iterable[str]
) -> Iterator[list[Any]]:
    for expression in filters:
        encoded = query({"filter": expression, **parameters, "page[size]": "100"})
        yield from call.pages(endpoint, identifier, encoded)
