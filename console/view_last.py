"""The batches settled last, over all queues, as the first page shows them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from queues.census import Census
from queues.uploads import Upload
from wording import called, span


@dataclass(frozen=True, slots=True)
class LastUpload:
    """`settled`: ms; `ago` and `took`: in words. `queue`: its name as addresses have it, `name`: as people do."""

    settled: int
    ago: str
    queue: str
    name: str
    reason: str
    changes: int
    delivered: int
    superseded: int
    dead: int
    took: str


def last(uploads: Sequence[Upload], census: Census) -> list[LastUpload]:
    """In their order."""
    names = {count.queue: called(count) for count in census.queues}
    return [
        LastUpload(
            each.settled,
            span(census.at - each.settled),
            str(each.queue),
            names.get(each.queue, str(each.queue)),
            each.reason,
            each.changes,
            each.delivered,
            each.superseded,
            each.dead,
            span(each.settled - each.taken),
        )
        for each in uploads
    ]
