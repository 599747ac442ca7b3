"""Connections as their page shows them: their state, and their use of Klaviyo's limits. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from console.pages.act_view import HoldSummary, held
from console.pages.bars import Bar
from console.pages.connections_read import ConnectionFacts, ConnectionsData
from queues.census import Census
from queues.rate_limits import EndpointUse
from text.wording import duration, number


@dataclass(frozen=True, slots=True)
class ConnectionLine:
    """A connection. `pending`: pending changes of all its `queues`. `key`: its origin, or why there is none."""

    name: str
    hold: HoldSummary | None
    key: str
    has_key: bool
    queues: int
    pending: int


@dataclass(frozen=True, slots=True)
class UseLine:
    """The use of an endpoint by an account, named by its connections. `paused`: in words, empty if it is not."""

    account: str
    endpoint: str
    used: Bar
    paused: str


def connections(reading: ConnectionsData, census: Census) -> list[ConnectionLine]:
    """Return the connections: held ones first, then those without a key."""
    lines = [_connection(known, census) for known in reading.connections]
    return sorted(lines, key=lambda line: (line.hold is None, line.has_key, line.name))


def limits(reading: ConnectionsData) -> list[UseLine]:
    """Return the limits in use: paused ones first, then the fullest. Connections that share an account share a line."""
    lines = [_use(_called(account, reading.connections), use) for account, uses in reading.uses.items() for use in uses]
    return sorted(lines, key=lambda line: (not line.paused, -line.used.share, line.account, line.endpoint))


def limits_told(lines: Sequence[UseLine]) -> str:
    """Return the limits in one line; empty if no limit is in use."""
    return "; ".join(_pauses(lines))


def _pauses(lines: Sequence[UseLine]) -> Iterator[str]:
    paused = {(line.account, line.endpoint) for line in lines if line.paused}
    if paused:
        yield f"paused at Klaviyo's request: {', '.join(sorted(endpoint for _, endpoint in paused))}"
    if lines:
        fullest = max(lines, key=lambda line: line.used.share)
        yield f"the fullest is {fullest.endpoint} of {fullest.account}, {fullest.used.told}"


def _connection(known: ConnectionFacts, census: Census) -> ConnectionLine:
    hold = census.holds.get(known.name)
    total = census.totals.of_connection(known.name)
    shown = held(known.name, hold, census.at) if hold else None
    return ConnectionLine(known.name, shown, known.key, known.account is not None, total.queues, total.pending)


def _called(account: str, known: Sequence[ConnectionFacts]) -> str:
    return ", ".join(each.name for each in known if each.account == account)


def _use(account: str, use: EndpointUse) -> UseLine:
    words = f"{number(use.used)} of {number(use.allowed)} within a {use.per}"
    paused = f"for {duration(use.paused_ms)}" if use.paused_ms else ""
    return UseLine(account, use.endpoint, Bar(min(use.used, use.allowed), use.allowed, words), paused)
