"""Limits the connections of a process, finds the client of a request, and logs what was refused to keep room.

When all connections are taken, a new one is not refused: the connections that do the least for their senders end. So a
thousand connections that send nothing keep no sender out, even when they come from the address of an honest sender.

The client of a request is the other end of its connection, or the one that a trusted proxy names. Refusals are logged
at most once a minute, with peers and counts.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from heapq import nsmallest
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, Final, Protocol

from configuration.checks import LOOPBACK, Network
from intake.http.limits import CONNECTIONS

log = logging.getLogger(__name__)
EVERY_S: Final = 60.0
#: Peers named in a log line, those with the most refusals first; and peers counted separately between two lines, so
#: that a flood of made-up addresses does not fill the memory.
NAMED: Final = 10
_KNOWN: Final = 1_000
_OTHERS: Final = "other peers"
__all__ = ["LOOPBACK", "Network", "is_trusted", "peer_of", "peer_of_request"]
_FORWARDED_FOR: Final = b"x-forwarded-for"
#: Bits of an IPv6 address that identify one client: a household or a server has 2^64 addresses.
_CLIENT_BITS: Final = 64
#: Most connections that end at a time, so that in a flood not every new connection makes Ferry check all others.
AT_ONCE: Final = 32


class RefusalCounter:
    """Counts the refusals of one process by kind and peer."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: Counter[tuple[str, str]] = Counter()
        self._next = float("-inf")

    def note(self, what: str, peer: str) -> None:
        """Count one more, and log it unless something was logged within the minute. `what`: such as `a connection`."""
        full = len(self._counts) >= _KNOWN and (what, peer) not in self._counts
        self._counts[what, _OTHERS if full else peer] += 1
        self.tell()

    def tell(self) -> None:
        """Log the counts that have not been logged, when a minute has passed; to be called periodically."""
        if not self._counts or self._clock() < self._next:
            return
        self._next = self._clock() + EVERY_S
        named = ", ".join(f"{count} times {what} of {peer}" for (what, peer), count in self._counts.most_common(NAMED))
        rest = self._counts.total() - sum(count for _, count in self._counts.most_common(NAMED))
        more = f", and {rest} times others" if rest else ""
        log.warning("turned away to keep room for others: %s%s; a sender repeats what was answered 503", named, more)
        self._counts.clear()


def is_trusted(host: str, trusted: Iterable[Network]) -> bool:
    """Return whether an address is that of a trusted proxy."""
    address = _address(host)
    return address is not None and any(address in network for network in trusted)


def peer_of(host: str, forwarded_for: str, trusted: Iterable[Network]) -> str:
    """Return the client to count by: an IPv4 address, or the /64 of an IPv6 one. Pure.

    `host`: the other end of the connection. `forwarded_for`: the header X-Forwarded-For, to which each proxy adds the
    address it was called from. It is read from its end, and only as far as trusted proxies wrote it: earlier entries
    may be made up.
    """
    trusted = tuple(trusted)
    hops = [hop.strip() for hop in forwarded_for.split(",")]
    while is_trusted(host, trusted) and hops:
        named = _address(hops.pop())
        if named is None:
            break
        host = str(named)
    return _client(host)


def peer_of_request(scope: Mapping[str, Any], trusted: Iterable[Network]) -> str:
    """Return `peer_of` for an ASGI request."""
    client = scope.get("client")  # None over a Unix socket
    forwarded: list[str] = [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED_FOR]
    return peer_of(str(client[0]) if client else "127.0.0.1", ",".join(forwarded), trusted)


def _client(host: str) -> str:
    address = _address(host)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, _CLIENT_BITS), strict=False))
    return host[:64] if address is None else str(address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Parse an address as proxies write it, also with a port or in brackets."""
    plain = text.strip("[]") if text.count(":") != 1 else text.partition(":")[0]
    plain = plain.partition("]")[0]
    try:
        address = ip_address(plain.partition("%")[0])
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address


class OpenConnection(Protocol):
    """A connection as the doorkeeper sees it. `peer`: its other end."""

    peer: str

    @property
    def rank(self) -> int | None:
        """The order of giving way: rank 0 first; None never, while a whole request is being answered."""

    @property
    def waits_since(self) -> float:
        """The loop time since which its state has not changed."""

    def give_way(self) -> None:
        """End the connection."""


class Doorkeeper:
    """Limits the connections of one process."""

    def __init__(self, trusted: Sequence[Network] = LOOPBACK, most: int = CONNECTIONS) -> None:
        """`trusted`: proxies, whose connections belong to many senders. Any other peer has at most half of `most`."""
        self._trusted = trusted
        self._turned_away = RefusalCounter()
        self._most = most
        self._of_peer = most // 2
        self._guests: set[OpenConnection] = set()
        self._peers: Counter[str] = Counter()

    def admit(self, guest: OpenConnection) -> bool:
        """Add a new connection; return whether it may stay. Others may end for it."""
        crowded = self._peers[guest.peer] >= self._of_peer and not is_trusted(guest.peer, self._trusted)
        if crowded and not self._end([each for each in self._guests if each.peer == guest.peer]):
            return self._refused(guest)
        if len(self._guests) >= self._most and not self._end(self._guests):
            return self._refused(guest)
        self._guests.add(guest)
        self._peers[guest.peer] += 1
        return True

    def leaves(self, guest: OpenConnection) -> None:
        """Remove a connection; may be called more than once."""
        if guest in self._guests:
            self._guests.discard(guest)
            self._peers[guest.peer] -= 1
            if not self._peers[guest.peer]:
                del self._peers[guest.peer]
        self._turned_away.tell()

    def _end(self, guests: Collection[OpenConnection]) -> bool:
        leaving = yielding(guests, self._peers.__getitem__)
        for guest in leaving:
            self._turned_away.note("a connection", guest.peer)
            self.leaves(guest)
            guest.give_way()
        return bool(leaving)

    def _refused(self, guest: OpenConnection) -> bool:
        self._turned_away.note("a new connection", guest.peer)
        return False


def yielding(guests: Collection[OpenConnection], connections_of: Callable[[str], int]) -> list[OpenConnection]:
    """Return the connections that end to make room: by rank, then by connections of the peer, then the oldest. Pure.

    At most AT_ONCE, and at most a tenth of all, plus one.
    """
    able = [
        (rank, -connections_of(each.peer), each.waits_since, number, each)
        for number, each in enumerate(guests)
        if (rank := each.rank) is not None
    ]
    return [each for *_, each in nsmallest(min(AT_ONCE, len(guests) // 10 + 1), able)]
