"""Snapshots that came and what became of them, for people and for programs. Pure.

The table is to fit into 80 columns, so that what does not is below it or for programs: errors, ids of snapshots.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.text import Text

from connections import DEFAULT
from escaping import visible
from ops.output import table
from queues.names import Queue
from queues.snapshots import Counts, Record
from wording import moment, number, plural, span

_NUMBERS = ("People", "Adds", "Updates", "Removals", "Left out")
#: What is summed up of a campaign's groups.
_SUMMED = ("customers", "people", "expansion", "adds", "updates", "removals", "unchanged", "newer")


def document(record: Record) -> dict[str, Any]:
    """A record for programs, with times in ISO 8601."""
    told: dict[str, Any] = msgspec.to_builtins(record)
    order = told.pop("order")
    queue = Queue.parse(record.queue)
    return {
        "snapshot": record.order.snapshot,
        "audience": f"{queue.connection}/audience/{queue.target}",
        **told,
        "since": moment(record.since),
        "ended": moment(record.ended),
        "at": moment(record.order.at),
        "order": {name: order.get(name) for name in ("format", "name", "list_name", "campaign", "group")},
    }


def listing(records: Sequence[Record], names: Mapping[str, str], now: int) -> RenderableType:
    """The records, why any was refused, and a line for each campaign.

    `names`: of the audiences, by the queue of their snapshots.
    """
    if not records:
        return Text("No snapshots.")
    made = table("When", "Audience", "State", *_NUMBERS, right=_NUMBERS)
    for record in records:
        counts = record.counts
        made.add_row(
            _ago(record, now),
            _two(_who(record, names), _id(record)),
            record.state,
            *(map(number, _figures(counts)) if counts else "-" * len(_NUMBERS)),
        )
    return Group(made, *(Text(line) for line in (*_errors(records, now), *campaigns(records))))


def _id(record: Record) -> str:
    """The audience's, with its connection where that is not the usual one."""
    queue = Queue.parse(record.queue)
    return visible(queue.target if queue.connection == DEFAULT else f"{queue.connection}/{queue.target}")


def _ago(record: Record, now: int) -> str:
    return f"{span(now - record.since)} ago"


def _errors(records: Sequence[Record], now: int) -> Iterator[str]:
    for record in records:
        if record.error:
            named = f"{_id(record)}, snapshot {record.order.snapshot}"
            yield f"\n{record.state} {_ago(record, now)} of {named}: {visible(record.error)}"


def _who(record: Record, names: Mapping[str, str]) -> str:
    order = record.order
    named = " / ".join(filter(None, (order.campaign, order.group))) or names.get(record.queue)
    return visible(named) if named else "(no name)"


def _figures(counts: Counts) -> tuple[int, ...]:
    return counts.people, counts.adds, counts.updates, counts.removals, sum(counts.shrink.values())


def campaigns(records: Sequence[Record]) -> Iterator[str]:
    """What the newest snapshots of a campaign's groups that were carried out come to. `records`: newest first."""
    newest: dict[str, dict[str, Counts]] = {}
    for record in records:
        if record.order.campaign and record.state == "done" and record.counts:
            newest.setdefault(record.order.campaign, {}).setdefault(record.queue, record.counts)
    for name, groups in newest.items():
        sums = {each: sum(getattr(counts, each) for counts in groups.values()) for each in _SUMMED}
        left_out = sum(sum(counts.shrink.values()) for counts in groups.values())
        told = ", ".join(f"{number(total)} {each}" for each, total in sums.items() if total)
        yield f"\n{visible(name)}: {plural(len(groups), 'list')}; {told or 'nobody'}; {number(left_out)} left out."


def _two(first: str, second: str) -> Text:
    return Text.assemble(first, ("\n" + second, "dim"))
