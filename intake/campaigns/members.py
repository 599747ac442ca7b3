"""The members of a campaign's groups, without the excluded people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from msgspec import Raw

from configuration.connections import Connection
from intake.http import faults
from snapshots.reading import rows
from snapshots.rows import Selection, SnapshotRow, Unreadable, Unusable

#: All identities are read, so that a person is recognised by an identity that is not sent, too.
_EVERYTHING: Final = Selection(full=True)
_CUSTOMER: Final = "external_id:"


class Excluded(NamedTuple):
    """The excluded people. `names`: the identities that name them. `identities`: all of their identities."""

    names: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()

    def has(self, person: SnapshotRow) -> bool:
        """Return whether the person is excluded.

        A match needs an identity that names one of the two, or an external id, which is one customer of the sender. A
        phone that both have beside a better identity does not match, because families share phones.
        """
        return person.identity in self.identities or any(
            each in self.names or (each in self.identities and each.startswith(_CUSTOMER)) for each in person.also
        )


def excluded(exclusions: Iterable[Raw], connection: Connection) -> Excluded:
    """Return the excluded people. Raises falcon.HTTPBadRequest naming the place.

    Unlike a member, an exclusion that identifies nobody is refused: somebody who must not be on a list would be on it.
    """
    names: set[str] = set()
    identities: set[str] = set()
    for index, raw in enumerate(exclusions):
        place = f"$.exclusions[{index}]"
        people = _people(raw, place, connection)
        if reason := next((each.reason for each in people if isinstance(each, Unusable)), ""):
            raise faults.bad_request(f"{place}: {reason}; it needs a valid email, phone or external_id")
        for person in _usable(people):
            names.add(person.identity)
            identities.update((person.identity, *person.also))
    return Excluded(frozenset(names), frozenset(identities))


def kept(members: Sequence[Raw], place: str, out: Excluded, connection: Connection) -> list[bytes]:
    """Return the members who are not excluded, as lines of NDJSON. Raises falcon.HTTPBadRequest naming the place.

    `place`: of the group. A customer with several e-mails is left out when one of them is excluded.
    """
    return [
        # Newlines are only between names and values: within them a newline is written \n.
        bytes(raw).replace(b"\n", b" ").replace(b"\r", b" ")
        for index, raw in enumerate(members)
        if not any(map(out.has, _usable(_people(raw, f"{place}.members[{index}]", connection))))
    ]


def _people(raw: Raw, place: str, connection: Connection) -> list[SnapshotRow | Unusable]:
    json = bytes(raw).replace(b"\n", b" ")
    faults.check_size(json, place)
    rules, blocked = connection.rules, connection.identity.blocked
    try:
        return [*rows(iter((json,)), "ndjson", False, _EVERYTHING, rules, blocked, connection.columns_of(""))]
    except Unreadable as fault:
        raise faults.bad_request(f"{place}{str(fault).removeprefix('line 1')}") from None


def _usable(people: Iterable[SnapshotRow | Unusable]) -> list[SnapshotRow]:
    return [person for person in people if isinstance(person, SnapshotRow)]
