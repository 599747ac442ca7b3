"""Figure: the Redis memory of a pending event, compared with the bytes of the event that must be stored."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson

from bench.memory import weigh
from bench.messages import number, phone
from bench.report import Figure, Row, Verdict
from bench.segment_messages import track
from bench.sizes import Sizes
from configuration.connections import Connection
from intake.audiences import Audiences
from intake.segment import reading
from queues.acceptance import Acceptance
from queues.clock import now_ms
from queues.policy import OF_KIND

#: Pending events in each queue, as many as the default flush policy of events allows.
_WAITING = OF_KIND["event"].size
_HOW = f"""\
As for a pending change: the increase of `used_memory` by pending events of `track` messages, {_WAITING} in the one
event queue of each connection, compared with the bytes of the stored events alone. The figure includes the queues and
the mark that is stored for each message for 24 hours; messages in a batch also have unique ids."""


def measure(sizes: Sizes, folder: Path) -> Figure:
    """Measure messages with one event. Raises BenchError."""
    first = _acceptances(sizes.changes, sizes.changes + 1)
    used, event = weigh(folder, "memory", first, _acceptances(0, sizes.changes), sizes.changes)
    row = Row(
        "Redis memory of a pending event",
        f"{used:,.0f} bytes",
        f"{event:,.0f} bytes of the event",
        Verdict(f"{used / event - 1:+.0%}"),
    )
    return Figure("Memory of events", _HOW, [row])


def _acceptances(begin: int, end: int) -> Iterator[Acceptance]:
    """Yield the acceptances that the intake makes of the messages with these numbers."""
    audiences = Audiences()
    for i in range(begin, end):
        body = orjson.dumps(track(number(i), phone(i)))
        connection = Connection(f"shop-{i // _WAITING}")
        yield from reading.read(body, connection, audiences, now_ms()).acceptances
