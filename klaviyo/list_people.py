"""The people on a list, whoever put them there, and what people have consented to.

Klaviyo: get profiles for list and get profiles, 100 a page; the additional field `subscriptions` shows consents and
leaves the limits as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import LIST_PROFILES, PROFILES, Endpoint
from klaviyo.filters import any_of, query
from klaviyo.listing import Listing
from klaviyo.marketing import Channel, Marketing, Subscriptions

#: What profiles can be looked up by.
Identifier = Literal["email", "phone_number", "external_id"]
_IDENTIFIERS: Final = "email,phone_number,external_id"
_CONSENTS: Final = {
    "additional-fields[profile]": "subscriptions",
    "fields[profile]": f"{_IDENTIFIERS},subscriptions",
    "page[size]": "100",
}
# The order in which they joined: who joins meanwhile comes last instead of moving the others.
_ORDER: Final = {"sort": "joined_group_at", "page[size]": "100"}


class Person(msgspec.Struct, frozen=True):
    """The identifiers by which Klaviyo knows somebody, and the marketing consent by e-mail and SMS."""

    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    by_email: Marketing = Marketing()
    by_sms: Marketing = Marketing()


class _Attributes(msgspec.Struct, frozen=True):
    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    subscriptions: Subscriptions | None = None


class _Profile(msgspec.Struct, frozen=True):
    attributes: _Attributes


def list_profiles(call: Caller, list_id: str, cursor: str = "") -> Listing[dict[str, str | None]]:
    """Everybody on the list, as `email`, `phone_number` and `external_id`; `cursor`: where another listing was.

    Its `next` raises NotAccepted and Throttled, and goes on when asked again. 67,500 people a minute at most. Whoever
    comes or goes meanwhile may be in it or not; nobody else is missed.
    """

    def read(data: list[Any]) -> list[dict[str, str | None]]:
        found = [profile.attributes for profile in shape(LIST_PROFILES, data, list[_Profile])]
        return [{"email": p.email, "phone_number": p.phone_number, "external_id": p.external_id} for p in found]

    start = cursor or query({"fields[profile]": _IDENTIFIERS, **_ORDER})
    return Listing(call, LIST_PROFILES, list_id, start, read)


def list_consents(call: Caller, list_id: str, cursor: str = "") -> Listing[Person]:
    """Everybody on the list with their consents; otherwise as `list_profiles`."""
    start = cursor or query({**_CONSENTS, **_ORDER})
    return Listing(call, LIST_PROFILES, list_id, start, lambda data: _people(LIST_PROFILES, data))


def profiles_consents(call: Caller, field: Identifier, values: Sequence[str]) -> list[Person]:
    """Those of `values` whom Klaviyo knows, with their consents; one request for each hundred. Raises NotAccepted."""
    found: list[Person] = []
    for expression in any_of(field, values):
        for page in call.pages(PROFILES, "", query({"filter": expression, **_CONSENTS})):
            found += _people(PROFILES, page)
    return found


def _people(endpoint: Endpoint, data: list[Any]) -> list[Person]:
    return [_person(profile.attributes) for profile in shape(endpoint, data, list[_Profile])]


def _person(told: _Attributes) -> Person:
    channels = told.subscriptions or Subscriptions()
    email, sms = ((channel or Channel()).marketing or Marketing() for channel in (channels.email, channels.sms))
    return Person(told.email, told.phone_number, told.external_id, email, sms)
