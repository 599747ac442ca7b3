"""What a list must hold when snapshots and single changes come for it in any order.

A person ends where the newest statement by acceptance says, be it a single change or a snapshot; but a snapshot yields
to single changes with a later CDP time, and of several snapshots the one with the latest time stands.

Where these leave two ends open, both are right: a single change with an earlier CDP time than a snapshot that is not
settled may meet it in one batch, where the CDP's times decide, or come behind it. One that comes after such a snapshot
is late for those whom the snapshot has changed, and for no others. And of single changes that were delivered before the
first snapshot nobody has noted the time.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple


class Standing(NamedTuple):
    """Whether a person is on the list, by a statement of which CDP time in ms; 0 for one that nobody knows."""

    on: bool
    at: int


class SnapshotModel:
    """The ends that are right, for each of these people. Times of the single changes of a person only rise.

    `before`: those who are on the list already. `hopeless`: those whom Klaviyo does not import, so that they never are.
    """

    def __init__(self, people: Iterable[str], before: Collection[str] = (), hopeless: Collection[str] = ()) -> None:
        self._right = {person: frozenset({Standing(person in before, 0)}) for person in people}
        self._hopeless = hopeless
        self._unsettled: dict[str, int] = {}
        self._newest = 0
        self._kept = False

    def single(self, person: str, on: bool, at: int) -> None:
        """Somebody joins or leaves."""
        right = {Standing(on, at)}
        if not self._kept:
            right.add(Standing(on, 0))
        if self._unsettled.get(person, 0) > at:
            right |= self._right[person]
        right |= {known for known in self._right[person] if known.at > at}
        self._state(person, right, at)

    def snapshot(self, people: Collection[str], at: int) -> None:
        """These people, and nobody else, are on the list."""
        if at < self._newest:
            return
        self._newest = at
        for person, before in self._right.items():
            right = {known if known.at > at else Standing(person in people, at) for known in before}
            self._state(person, right, at)

    def _state(self, person: str, right: Iterable[Standing], at: int) -> None:
        self._right[person] = frozenset(right)
        self._unsettled[person] = max(at, self._unsettled.get(person, 0))

    def settled(self, members: Collection[str]) -> list[str]:
        """Nothing waits and nothing is under way; one sentence for each person who is on the wrong side."""
        wrong = []
        for person, right in self._right.items():
            found = frozenset(
                known for known in right if (known.on and person not in self._hopeless) == (person in members)
            )
            if not found:
                wrong.append(
                    f"{person} is {'' if person in members else 'not '}on the list; right were {sorted(right)}"
                )
            self._right[person] = found or right
        self._unsettled.clear()
        self._kept = self._newest > 0
        return wrong
