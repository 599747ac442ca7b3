"""Who is in a group of a campaign, and who is left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Raw

from intake import faults
from intake.limits import NESTED
from intake.nesting import too_deep
from mappings.rules import Rules
from snapshots.errors import Unreadable
from snapshots.reading import rows
from snapshots.rows import Row, Selection, Unusable

#: Nobody is overlooked because of an identity that is not sent.
_EVERYTHING: Final = Selection(full=True)


def excluded(exclusions: Iterable[Raw], rules: Rules) -> frozenset[str]:
    """The identities of those to be left out. Raises falcon.HTTPBadRequest naming the place.

    Also for one that names nobody, unlike a member who does: somebody would be on a list who must not be.
    """
    found: set[str] = set()
    for index, raw in enumerate(exclusions):
        place = f"$.exclusions[{index}]"
        people = _people(raw, place, rules)
        if reason := next((each.reason for each in people if isinstance(each, Unusable)), ""):
            raise faults.bad_request(f"{place}: {reason}; it needs a valid email, phone or external_id")
        found |= _identities(people)
    return frozenset(found)


def kept(members: Sequence[Raw], place: str, out: frozenset[str], rules: Rules) -> list[bytes]:
    """The members who stay, as lines of NDJSON. Raises falcon.HTTPBadRequest naming the place.

    Whoever shares any identity with somebody to be left out goes. `place`: of the group.
    """
    return [
        # Between its names and values only, for within them a newline is written \n.
        bytes(raw).replace(b"\n", b" ").replace(b"\r", b" ")
        for index, raw in enumerate(members)
        if out.isdisjoint(_identities(_people(raw, f"{place}.members[{index}]", rules)))
    ]


def _people(raw: Raw, place: str, rules: Rules) -> list[Row | Unusable]:
    json = bytes(raw).replace(b"\n", b" ")
    if too_deep(json):
        raise faults.bad_request(f"{place}: nested in over {NESTED} levels")
    try:
        return [*rows(iter((json,)), "ndjson", False, _EVERYTHING, rules)]
    except Unreadable as fault:
        raise faults.bad_request(f"{place} {str(fault).removeprefix('line 1 ')}") from None


def _identities(people: Iterable[Row | Unusable]) -> set[str]:
    found: set[str] = set()
    for person in people:
        if isinstance(person, Row):
            found |= {person.identity, *person.also}
    return found
