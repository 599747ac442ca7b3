"""The holds, their reasons, and what ends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ops.documents.fields import Count, Time
from queues.census import Census
from queues.counts import called
from queues.figures import Figures
from queues.holds import Hold
from text.wording import moment, without_people


@dataclass(frozen=True, slots=True)
class PlacedHold:
    """A hold and its target. `probes`: how many found the cause unchanged."""

    on: str
    audience: str | None
    hold: Hold
    probes: int


def held(census: Census, confirmations: Mapping[str, int]) -> Iterator[PlacedHold]:
    """Yield the holds: connections first, then queues. Pure."""
    for name, hold in sorted(census.holds.items()):
        yield PlacedHold(name, None, hold, confirmations.get(name, 0))
    for count in census.queues:
        if count.hold:
            yield PlacedHold(str(count.queue), count.name, count.hold, 0)


def placed_by_person(hold: Hold) -> bool:
    """Return whether a person placed the hold: Ferry always names what resolves its own. Pure."""
    return not (hold.resolve or hold.ends_by_itself)


@dataclass(frozen=True, slots=True)
class HeldPart:
    """A hold with the figures of what it stops. `on`: the connection or queue; `name`: its display name."""

    on: str
    name: str
    hold: Hold
    figures: Figures

    @property
    def changes(self) -> int:
        """The changes that wait for the release."""
        return self.figures.pending + self.figures.open

    @property
    def stops(self) -> bool:
        """Whether changes wait that no person wanted to wait."""
        return not placed_by_person(self.hold) and self.changes > 0


def held_connections(census: Census) -> list[HeldPart]:
    """Return the held connections. Pure."""
    return [
        HeldPart(name, name, hold, census.totals.of_connection(name)) for name, hold in sorted(census.holds.items())
    ]


def held_queues(census: Census) -> list[HeldPart]:
    """Return the queues with a hold of their own, of connections that are not held. Pure."""
    free = (count for count in census.queues if count.queue.connection not in census.holds)
    return [HeldPart(str(count.queue), called(count), count.hold, Figures.of(count)) for count in free if count.hold]


class HeldDocument(Struct, frozen=True):
    """A hold: its target, its reason, and what ends it."""

    held: Annotated[str, Meta(description="The connection, or the queue.")]
    kind: Literal["connection", "queue"]
    audience: Annotated[str | None, Meta(description="The name of the audience.")]
    reason: str
    since: Time
    resolve: Annotated[str, Meta(description="What to do about it.")]
    ends_by_itself: Annotated[bool, Meta(description="Ferry checks regularly whether the cause is gone.")]
    error_id: Annotated[str, Meta(description="Klaviyo's error id, for its support; empty if there is none.")]
    probes: Annotated[Count, Meta(description="The number of probes that found the cause unchanged.")]


def document(each: PlacedHold) -> HeldDocument:
    """Return the document of a hold."""
    hold = each.hold
    return HeldDocument(
        each.on,
        "connection" if each.audience is None else "queue",
        each.audience or None,
        without_people(hold.reason),
        moment(hold.since),
        hold.resolve,
        hold.ends_by_itself,
        hold.error_id,
        each.probes,
    )
