"""What is remembered of people, in dictionaries: the memory of a connection without a server."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from queues.people.identity_tokens import Holder, RememberedPerson

Named = tuple[str, str]


class Remembered:
    """`asked`: for how many people or identifiers it was asked."""

    def __init__(self) -> None:
        self._people: dict[bytes, RememberedPerson] = {}
        self._holders: dict[bytes, list[Holder]] = {}
        self.asked = 0

    def deliver(self, person: Named, profile_id: str, shown: Iterable[Named], *, by: Iterable[Named] = ()) -> None:
        """A person was put on a list and proved to be a profile. `by`: other identifiers that came with the person."""
        on = frozenset(self.hash(each)[:4] for each in (person, *shown))
        self._people[self.hash(person)] = RememberedPerson(profile_id, 20_000, on, frozenset({b"Aabc"}))
        for each in [*by] or [person]:
            self._holders.setdefault(self.hash(each), []).append(Holder(self.hash(person), 1))

    def leave(self, person: Named) -> None:
        """The person is on no list any more."""
        known = self._people[self.hash(person)]
        self._people[self.hash(person)] = known._replace(audiences=frozenset())

    def hash(self, named: Named) -> bytes:
        """As the memory of a connection has it, without its key."""
        return hashlib.blake2b("\0".join(named).encode(), digest_size=8).digest()

    def people(self, persons: Sequence[bytes]) -> dict[bytes, RememberedPerson]:
        """Those of these people of whom anything is known."""
        self.asked += len(persons)
        return {each: self._people[each] for each in persons if each in self._people}

    def holders(self, identifiers: Sequence[bytes]) -> dict[bytes, list[Holder]]:
        """Who was delivered under these identifiers."""
        self.asked += len(identifiers)
        return {each: self._holders[each] for each in identifiers if each in self._holders}
