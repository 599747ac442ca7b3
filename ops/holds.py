"""What is held, why, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ops.documents.fields import Count, Time
from queues.census import Census
from queues.holds import Hold
from text.wording import moment


@dataclass(frozen=True, slots=True)
class PlacedHold:
    """A hold and what it is on. `probes`: how many found the cause still there."""

    on: str
    audience: str | None
    hold: Hold
    probes: int


def held(census: Census, confirmations: Mapping[str, int]) -> Iterator[PlacedHold]:
    """Connections first, then queues. Pure."""
    for name, hold in sorted(census.holds.items()):
        yield PlacedHold(name, None, hold, confirmations.get(name, 0))
    for count in census.queues:
        if count.hold:
            yield PlacedHold(str(count.queue), count.name, count.hold, 0)


class HeldDocument(Struct, frozen=True):
    """What is held, why, and what ends it."""

    held: Annotated[str, Meta(description="The connection, or the queue.")]
    kind: Literal["connection", "queue"]
    audience: Annotated[str | None, Meta(description="Its name.")]
    reason: str
    since: Time
    resolve: Annotated[str, Meta(description="What to do about it.")]
    ends_by_itself: Annotated[bool, Meta(description="Ferry looks again and again whether the cause is gone.")]
    error_id: Annotated[str, Meta(description="Klaviyo's, for its support; empty for none.")]
    probes: Annotated[Count, Meta(description="Which found the cause still there.")]


def document(each: PlacedHold) -> HeldDocument:
    """A hold, for programs."""
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
