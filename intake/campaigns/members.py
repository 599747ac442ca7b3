"""The members of a campaign's groups, without the excluded people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from msgspec import Raw

from configuration.connections import Connection
from intake.http import faults
from snapshots.reading import rows
from snapshots.rows import Selection, SnapshotRow, Unreadable, Unusable

#: All identities are read, so that a person is recognised by an identity that is not sent, too.
_EVERYTHING: Final = Selection(full=True)
_CUSTOMER: Final = "external_id:"
EMAIL: Final = "email:"


class MemberIdentities(NamedTuple):
    """A person: the strongest identity, and the others."""

    identity: str
    also: tuple[str, ...] = ()


class Excluded(NamedTuple):
    """The excluded people. `names`: the identities that name them. `identities`: all of their identities."""

    names: set[str]
    identities: set[str]

    def add(self, people: Iterable[MemberIdentities]) -> None:
        """Exclude others, too."""
        for person in people:
            self.names.add(person.identity)
            self.identities.update((person.identity, *person.also))

    def has(self, person: MemberIdentities) -> bool:
        """Return whether the person is excluded.

        A match needs an identity that names one of the two, or an external id, which is one customer of the sender. A
        phone that both have beside a better identity does not match, because families share phones.
        """
        return person.identity in self.identities or any(
            each in self.names or (each in self.identities and each.startswith(_CUSTOMER)) for each in person.also
        )


def excluded(exclusions: Iterable[Raw], connection: Connection, by_email: bool = False) -> Excluded:
    """Return the excluded people. Raises falcon.HTTPBadRequest naming the place.

    Unlike a member, an exclusion that identifies nobody is refused: somebody who must not be on a list would be on it.
    `by_email`: so is one without an e-mail, because a group comes from an audience.
    """
    found = Excluded(set(), set())
    for index, raw in enumerate(exclusions):
        place = f"$.exclusions[{index}]"
        people = _people(raw, place, connection)
        if reason := next((each.reason for each in people if isinstance(each, Unusable)), ""):
            raise faults.bad_request(f"{place}: {reason}; it needs a valid email, phone or external_id")
        usable = _usable(people)
        if by_email and not has_emails(usable):
            raise faults.bad_request(f"{place}: a group comes from an audience, which knows people by e-mail; add it")
        found.add(usable)
    return found


class GroupMember(NamedTuple):
    """A member of a group. `line`: as a line of NDJSON. `people`: nobody if the member cannot be sent."""

    line: bytes
    people: list[MemberIdentities]

    @property
    def identity(self) -> str:
        """The strongest identity of the first of the people; empty for nobody."""
        return self.people[0].identity if self.people else ""


def part_of(campaign: str, parts: Mapping[str, int], identity: str) -> str:
    """Return the part of a group that a person is in: the same at every time, also when the group changes.

    `parts`: name -> percent, in any order, because programs write the names of an object in any order. Chosen by the
    e-mail, else the id, else the phone, and differently in each campaign.
    """
    digest = hashlib.blake2b(f"{campaign}\0{identity}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    place = int.from_bytes(digest) % 100
    names = sorted(parts)
    ends = zip(accumulate(parts[name] for name in names), names, strict=True)
    return next(name for end, name in ends if place < end)


def read(members: Sequence[Raw], place: str, connection: Connection, by_email: bool = False) -> Iterator[GroupMember]:
    """Yield the members of a group. `place`: of the group. Raises falcon.HTTPBadRequest naming the place.

    `by_email`: also for a member without an e-mail, whom an audience that is compared may know by one.
    """
    for index, raw in enumerate(members):
        # Newlines are only between names and values: within them a newline is written \n.
        line = bytes(raw).replace(b"\n", b" ").replace(b"\r", b" ")
        people = _usable(_people(raw, f"{place}.members[{index}]", connection))
        if by_email and not has_emails(people):
            raise faults.bad_request(
                f"{place}: members[{index}] has no e-mail, by which members are compared with audiences; add it, or "
                "leave out the member"
            )
        yield GroupMember(line, people)


def kept(members: Iterable[GroupMember], out: Excluded) -> list[GroupMember]:
    """Return the members who are not excluded. A customer with several e-mails is left out when one is excluded."""
    return [member for member in members if not any(map(out.has, member.people))]


def has_emails(people: Iterable[MemberIdentities]) -> bool:
    """Return whether each of these people has an e-mail."""
    return all(person.identity.startswith(EMAIL) for person in people)


def _people(raw: Raw, place: str, connection: Connection) -> list[SnapshotRow | Unusable]:
    json = bytes(raw).replace(b"\n", b" ")
    faults.check_size(json, place)
    rules, blocked = connection.rules, connection.identity.blocked
    try:
        return [*rows(iter((json,)), "ndjson", False, _EVERYTHING, rules, blocked, connection.columns_of(""))]
    except Unreadable as fault:
        raise faults.bad_request(f"{place}{str(fault).removeprefix('line 1')}") from None


def _usable(people: Iterable[SnapshotRow | Unusable]) -> list[MemberIdentities]:
    """Return the people without their attributes: a campaign may have a hundred thousand of them."""
    return [MemberIdentities(person.identity, person.also) for person in people if isinstance(person, SnapshotRow)]
