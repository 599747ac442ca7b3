"""Ask Klaviyo for the consents of everybody on a list, and of those who are about to join it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable
from typing import Final

from identity.sending import IDENTIFIERS
from klaviyo.calls import chunks
from klaviyo.client import Klaviyo
from klaviyo.endpoints import PUBLISHED
from klaviyo.list_people import ListedPerson
from ops.export.mailable import ChannelReach
from ops.retries import with_retries
from queues.rate_limits import SHARE
from queues.snapshots.members import identifiers, identity
from worker.people.batch_people import Identifier

_PAGE: Final = 100
#: Pages that Ferry requests in a minute, for people on the list and for others.
PAGES_A_MINUTE: Final = PUBLISHED["get_profiles_for_list"].less(SHARE).steady
#: Called with the number of people read since the last call.
Advance = Callable[[int], None]


def minutes(people: int) -> float:
    """Return the minutes that it takes to read that many people."""
    return math.ceil(people / _PAGE) / PAGES_A_MINUTE


def members(
    klaviyo: Klaviyo, list_id: str, waiting: Collection[str], advance: Advance
) -> tuple[ChannelReach, set[str]]:
    """Return the consents of people on the list, and which identities of `waiting` are on it. Raises Failed."""
    status, known = ChannelReach(), set[str]()
    listing = klaviyo.list_consents(list_id)
    while (person := with_retries(lambda: next(listing, None))) is not None:
        status.add(person, list_id)
        known |= _identities(person).intersection(waiting)
        advance(1)
    return status, known


def others(klaviyo: Klaviyo, people: Iterable[str], list_id: str | None, advance: Advance) -> ChannelReach:
    """Return the consents of people who are not on the list yet, by their identities. Raises Failed."""
    status = ChannelReach()
    wanted = sorted(people)
    for name in IDENTIFIERS:
        of_name = [member for member in wanted if member.startswith(f"{name}:")]
        for part in chunks(of_name, _PAGE, _PAGE * 1_000):
            _look_up(klaviyo, name, part, list_id, status)
            advance(len(part))
    return status


def _look_up(
    klaviyo: Klaviyo, name: Identifier, part: Collection[str], list_id: str | None, status: ChannelReach
) -> None:
    values = [identifiers(member)[name] for member in part]
    found = with_retries(lambda: klaviyo.profiles_consents(name, values))
    for person in found:
        status.add(person, list_id)
    known = {member for person in found for member in _identities(person)}
    status.add_unknown(len(set(part) - known))


def _identities(person: ListedPerson) -> set[str]:
    each = (identity({name: getattr(person, name)}) for name in IDENTIFIERS)
    return {member for member in each if member}
