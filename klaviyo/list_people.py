"""The people on a list, also those that Ferry did not put there, and people's consents.

Klaviyo: get profiles for list and get profiles, 100 a page; the additional field `subscriptions` shows consents and
does not change the limits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Generic, Literal, Self, TypeVar

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import LIST_PROFILES, PROFILES, Endpoint
from klaviyo.errors import NotAccepted
from klaviyo.lookups import CONSENTS, IDENTIFIERS, Attributes, ProfileData, look_up, query
from klaviyo.marketing import Marketing
from klaviyo.outcomes import UNEXPECTED

Item = TypeVar("Item")
#: What profiles can be looked up by.
Identifier = Literal["email", "phone_number", "external_id"]
# In the order in which people joined: a person who joins meanwhile comes last and shifts nobody.
_ORDER: Final = {"sort": "joined_group_at", "page[size]": "100"}


class Listing(Iterator[Item], Generic[Item]):
    """The items of all pages. After `next` raises, it can be called again and continues at the page that failed.

    A generator cannot do this: it ends when it raises, and a list of a million people, 10,000 pages at 675 a minute,
    would never be read completely. `cursor`: a listing created with it begins at the first item not yet returned, or
    up to a page before it; empty at the start.
    """

    def __init__(
        self, call: Caller, endpoint: Endpoint, identifier: str, query: str, read: Callable[[list[Any]], list[Item]]
    ) -> None:
        self._call = call
        self._endpoint = endpoint
        self._identifier = identifier
        self._read = read
        self._items: deque[Item] = deque()
        self._shown = self._following = query
        self._over = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        """Return the next item. Raises NotAccepted and Throttled; it may be called again afterwards."""
        while not self._items:
            if self._over:
                raise StopIteration
            self._turn()
        return self._items.popleft()

    @property
    def cursor(self) -> str:
        """Where to continue, also in another process."""
        return self._shown if self._items else self._following

    def _turn(self) -> None:
        data, following = self._call.page(self._endpoint, self._identifier, self._following)
        items = self._read(data)
        if following == self._following:  # a page that links to itself would be read forever
            raise NotAccepted(self._endpoint.name, UNEXPECTED)
        self._items.extend(items)
        self._shown, self._following, self._over = self._following, following or self._following, following is None


class ListedPerson(msgspec.Struct, frozen=True):
    """The identifiers of a person at Klaviyo, and the marketing consent by e-mail and SMS."""

    email: str | None = None
    phone_number: str | None = None
    external_id: str | None = None
    by_email: Marketing = Marketing()
    by_sms: Marketing = Marketing()


def list_profiles(call: Caller, list_id: str, cursor: str = "") -> Listing[dict[str, str | None]]:
    """List all people on the list as `email`, `phone_number` and `external_id`, from the `cursor` of another listing.

    Its `next` raises NotAccepted and Throttled, and continues when called again. It reads at most 67,500 people a
    minute. People who join or leave meanwhile may be missing; nobody else is.
    """

    def read(data: list[Any]) -> list[dict[str, str | None]]:
        found = [profile.attributes for profile in shape(LIST_PROFILES, data, list[ProfileData])]
        return [{"email": p.email, "phone_number": p.phone_number, "external_id": p.external_id} for p in found]

    start = cursor or query({"fields[profile]": IDENTIFIERS, **_ORDER})
    return Listing(call, LIST_PROFILES, list_id, start, read)


def list_consents(call: Caller, list_id: str, cursor: str = "") -> Listing[ListedPerson]:
    """List all people on the list with their consents; otherwise like `list_profiles`."""
    start = cursor or query({**CONSENTS, **_ORDER})
    return Listing(call, LIST_PROFILES, list_id, start, _people)


def profiles_consents(call: Caller, field: Identifier, values: Sequence[str]) -> list[ListedPerson]:
    """Return the people with these `values` that Klaviyo knows; one request for each hundred. Raises NotAccepted."""
    return [_person(profile.attributes) for profile in look_up(call, PROFILES, "", field, values, CONSENTS)]


def _people(data: list[Any]) -> list[ListedPerson]:
    return [_person(profile.attributes) for profile in shape(LIST_PROFILES, data, list[ProfileData])]


def _person(found: Attributes) -> ListedPerson:
    channels = found.marketing("email"), found.marketing("sms")
    return ListedPerson(found.email, found.phone_number, found.external_id, *channels)
