"""Which connections end so that there is always room for one more: a half-open one costs its sender nothing.

A new connection is not refused for others' sake: the one that does the least for its sender gives way to it. So a
thousand connections that send nothing keep nobody out, also when they come from the very address of an honest sender.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from heapq import nsmallest
from typing import Final, Protocol

from intake.limits import CONNECTIONS
from intake.peers import LOOPBACK, Network, is_trusted
from intake.turned_away import TurnedAway

#: How many end at a time, so that a flood does not have all connections looked at for each new one.
AT_ONCE: Final = 32


class Guest(Protocol):
    """A connection as the door sees it. `peer`: its other end; `arrived`: loop time of what it is waiting for."""

    peer: str

    @property
    def rank(self) -> int | None:
        """Whose turn it is to give way: those of 0 first; None: a whole request is being answered."""

    @property
    def waits_since(self) -> float:
        """Loop time since which it has been as it is."""

    def give_way(self) -> None:
        """End it."""


class Doorkeeper:
    """Counts the connections of one process."""

    def __init__(self, trusted: Sequence[Network] = LOOPBACK, most: int = CONNECTIONS) -> None:
        """`trusted`: proxies, whose connections may be anybody's. Any other peer has at most half of `most`."""
        self._trusted = trusted
        self._turned_away = TurnedAway()
        self._most = most
        self._of_peer = most // 2
        self._guests: set[Guest] = set()
        self._peers: Counter[str] = Counter()

    def admit(self, guest: Guest) -> bool:
        """A connection was made; whether it may stay, for which others may end."""
        crowded = self._peers[guest.peer] >= self._of_peer and not is_trusted(guest.peer, self._trusted)
        if crowded and not self._end([each for each in self._guests if each.peer == guest.peer]):
            return self._refused(guest)
        if len(self._guests) >= self._most and not self._end(self._guests):
            return self._refused(guest)
        self._guests.add(guest)
        self._peers[guest.peer] += 1
        return True

    def leaves(self, guest: Guest) -> None:
        """A connection ends; to be called once or more."""
        if guest in self._guests:
            self._guests.discard(guest)
            self._peers[guest.peer] -= 1
            if not self._peers[guest.peer]:
                del self._peers[guest.peer]
        self._turned_away.tell()

    def _end(self, guests: Collection[Guest]) -> bool:
        leaving = yielding(guests, self._peers.__getitem__)
        for guest in leaving:
            self._turned_away.note("a connection", guest.peer)
            self.leaves(guest)
            guest.give_way()
        return bool(leaving)

    def _refused(self, guest: Guest) -> bool:
        self._turned_away.note("a new connection", guest.peer)
        return False


def yielding(guests: Collection[Guest], connections_of: Callable[[str], int]) -> list[Guest]:
    """Those that end to make room: by rank, then of the peers with the most connections, then the oldest. Pure.

    At most AT_ONCE, and at most a tenth of them all.
    """
    able = [
        (rank, -connections_of(each.peer), each.waits_since, number, each)
        for number, each in enumerate(guests)
        if (rank := each.rank) is not None
    ]
    return [each for *_, each in nsmallest(min(AT_ONCE, len(guests) // 10 + 1), able)]
