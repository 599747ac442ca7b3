"""What is held, why, and what ends it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from queues.census import Census
from queues.holds import Hold
from text.wording import moment


@dataclass(frozen=True, slots=True)
class Held:
    """A hold and what it is on. `probes`: how many found the cause still there."""

    on: str
    audience: str | None
    hold: Hold
    probes: int


def held(census: Census, confirmations: Mapping[str, int]) -> Iterator[Held]:
    """Connections first, then queues. Pure."""
    for name, hold in sorted(census.holds.items()):
        yield Held(name, None, hold, confirmations.get(name, 0))
    for count in census.queues:
        if count.hold:
            yield Held(str(count.queue), count.name, count.hold, 0)


def document(each: Held) -> dict[str, Any]:
    """A hold, for programs."""
    return {
        "held": each.on,
        "kind": "connection" if each.audience is None else "queue",
        "audience": each.audience or None,
        "reason": each.hold.reason,
        "since": moment(each.hold.since),
        "resolve": each.hold.resolve,
        "ends_by_itself": each.hold.ends_by_itself,
        "error_id": each.hold.error_id,
        "probes": each.probes,
    }
