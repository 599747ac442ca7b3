"""The holds, their reasons, and what ends them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ops.documents.fields import Count, Time
from queues.census import Census
from queues.figures import Figures
from queues.holds import Hold
from text.wording import moment


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


def held_figures(census: Census) -> Iterator[tuple[Hold, Figures]]:
    """Yield each hold and the figures of what it stops: held connections, then held queues of the others. Pure."""
    for name, hold in sorted(census.holds.items()):
        yield hold, census.totals.of_connection(name)
    for count in census.queues:
        if count.hold and count.queue.connection not in census.holds:
            yield count.hold, Figures.of(count)


def placed_by_person(hold: Hold) -> bool:
    """Return whether a person placed the hold: Ferry always names what resolves its own. Pure."""
    return not (hold.resolve or hold.ends_by_itself)


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
        hold.reason,
        moment(hold.since),
        hold.resolve,
        hold.ends_by_itself,
        hold.error_id,
        each.probes,
    )
