"""Who is in a group of a campaign, and who is left out of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Raw

from configuration.connections import Connection
from intake.http import faults
from snapshots.reading import rows
from snapshots.rows import Selection, SnapshotRow, Unreadable, Unusable

#: Nobody is overlooked because of an identity that is not sent.
_EVERYTHING: Final = Selection(full=True)
_CUSTOMER: Final = "external_id:"


class Excluded(NamedTuple):
    """Those to be left out: by the identities that name them, and by all that they have."""

    names: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()

    def has(self, person: SnapshotRow) -> bool:
        """Whether the person is one of them.

        By an identity that names either of the two, or an external id, by which the sender knows one customer. Not by a
        phone that both have beside something better: a family shares one.
        """
        return person.identity in self.identities or any(
            each in self.names or (each in self.identities and each.startswith(_CUSTOMER)) for each in person.also
        )


def excluded(exclusions: Iterable[Raw], connection: Connection) -> Excluded:
    """Those to be left out. Raises falcon.HTTPBadRequest naming the place.

    Also for one that names nobody, unlike a member who does: somebody would be on a list who must not be.
    """
    found: list[SnapshotRow] = []
    for index, raw in enumerate(exclusions):
        place = f"$.exclusions[{index}]"
        people = _people(raw, place, connection)
        if reason := next((each.reason for each in people if isinstance(each, Unusable)), ""):
            raise faults.bad_request(f"{place}: {reason}; it needs a valid email, phone or external_id")
        found += _usable(people)
    identities = frozenset(each for person in found for each in (person.identity, *person.also))
    return Excluded(frozenset(person.identity for person in found), identities)


def kept(members: Sequence[Raw], place: str, out: Excluded, connection: Connection) -> list[bytes]:
    """The members who stay, as lines of NDJSON. Raises falcon.HTTPBadRequest naming the place.

    `place`: of the group. Of a customer of several e-mails all go if one of them is to be left out.
    """
    return [
        # Between its names and values only, for within them a newline is written \n.
        bytes(raw).replace(b"\n", b" ").replace(b"\r", b" ")
        for index, raw in enumerate(members)
        if not any(map(out.has, _usable(_people(raw, f"{place}.members[{index}]", connection))))
    ]


def _people(raw: Raw, place: str, connection: Connection) -> list[SnapshotRow | Unusable]:
    json = bytes(raw).replace(b"\n", b" ")
    faults.check_size(json, place)
    rules, blocked = connection.rules, connection.identity.blocked
    try:
        return [*rows(iter((json,)), "ndjson", False, _EVERYTHING, rules, blocked)]
    except Unreadable as fault:
        raise faults.bad_request(f"{place}{str(fault).removeprefix('line 1')}") from None


def _usable(people: Iterable[SnapshotRow | Unusable]) -> list[SnapshotRow]:
    return [person for person in people if isinstance(person, SnapshotRow)]
