"""What a person means by the name of a queue or a connection. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

import click

from queues.counts import QueueCount
from queues.names import Queue

#: Names shown where the one that was given fits none.
_SHOWN = 5


def find_queue(given: str, counts: Sequence[QueueCount]) -> Queue:
    """The queue of that id, else of that target or audience's name. Raises click.UsageError unless exactly one."""
    return _only(given, _matching(given, counts), "queue", _names(counts))


def find_queue_or_connection(given: str, counts: Sequence[QueueCount], connections: Iterable[str]) -> Queue | str:
    """The connection of exactly that name, else the queue. Raises click.UsageError unless exactly one."""
    known = sorted({*connections, *(count.queue.connection for count in counts)})
    found = _matching(given, counts)
    if given not in known:
        return _only(given, found, "queue or connection", [*known, *_names(counts)])
    if found:
        raise click.UsageError(f"{given!r} is a connection and an audience; name the queue by its id: {found[0]}")
    return given


def _matching(given: str, counts: Sequence[QueueCount]) -> list[Queue]:
    for fits in (_by_id, _by_target_or_name):
        if found := [count.queue for count in counts if fits(count, given)]:
            return found
    return []


def _only(given: str, found: Sequence[Queue], what: str, known: Sequence[str]) -> Queue:
    if len(found) == 1:
        return found[0]
    if found:
        many = "\n".join(f"  {queue}" for queue in found)
        raise click.UsageError(f"{given!r} fits {len(found)} queues; name one by its id:\n{many}")
    near = "\n".join(f"  {name}" for name in _near(given, known))
    hint = f"Near it:\n{near}" if near else "See `ferry status` for those there are."
    raise click.UsageError(f"there is no {what} {given!r}. {hint}")


def _by_id(count: QueueCount, given: str) -> bool:
    return str(count.queue) == given


def _by_target_or_name(count: QueueCount, given: str) -> bool:
    return count.queue.target == given or (bool(count.name) and count.name.casefold() == given.casefold())


def _names(counts: Sequence[QueueCount]) -> list[str]:
    return [name for count in counts for name in (str(count.queue), count.name) if name]


def _near(given: str, known: Sequence[str]) -> list[str]:
    by_folded = {name.casefold(): name for name in known}
    folded = given.casefold()
    near = [name for key, name in by_folded.items() if folded in key]
    near += [by_folded[key] for key in get_close_matches(folded, by_folded, _SHOWN, 0.5)]
    return list(dict.fromkeys(near))[:_SHOWN]
