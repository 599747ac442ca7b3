"""Find the queue or connection that a person names. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

import click

from intake.http.limits import AUDIENCE_ID
from queues.names import Queue
from queues.queue_rows import NamedQueue
from queues.snapshots import orders
from text.escaping import visible

AUDIENCE = "audience"
#: The most similar names that are shown when no name matches.
_SHOWN = 5


def find_queue(given: str, counts: Sequence[NamedQueue]) -> Queue:
    """Return the queue with that id, else with that target or name. Raises click.UsageError unless one matches."""
    return _only(given, _without_snapshots(_matching(given, counts)), "queue", _names(counts))


def find_audience(given: str, counts: Sequence[NamedQueue], connection: str | None) -> Queue | None:
    """Return the queue of an audience, even if it has had only snapshots; None if there is no such audience.

    `connection`: search only this one. Raises click.UsageError if several match.
    """
    chosen = [count for count in counts if connection in (None, count.queue.connection)]
    found = {orders.audience_of(queue) for queue in _matching(given, chosen) if queue.kind in (AUDIENCE, orders.KIND)}
    return _only(given, sorted(found), "audience", ()) if found else None


def new_audience(given: str, counts: Sequence[NamedQueue], connection: str, name: str | None) -> Queue:
    """Return the queue of a new audience, which must have a name, so that a typing error does not create one.

    Raises click.UsageError without a name, and for an id that the intake would refuse.
    """
    if not 0 < len(given) <= AUDIENCE_ID:
        raise click.UsageError(f"the audience's id is empty, or longer than {AUDIENCE_ID} characters")
    if name is None:
        remedy = "Give its id; for a new audience also --name, which becomes the name of its list."
        raise click.UsageError(f"there is no audience {given!r}. {_hint(given, _names(counts))}\n{remedy}")
    return Queue(connection, AUDIENCE, given)


def find_queue_or_connection(given: str, counts: Sequence[NamedQueue], connections: Iterable[str]) -> Queue | str:
    """Return the connection of exactly that name, else the queue. Raises click.UsageError unless one matches."""
    return _queue_or_connection(given, counts, connections, _without_snapshots(_matching(given, counts)))


def find_held(
    given: str, counts: Sequence[NamedQueue], connections: Iterable[str], held: Collection[Queue]
) -> Queue | str:
    """Do as `find_queue_or_connection`, but prefer the held one of an audience's queue and its queue of snapshots.

    `held`: the queues that are.
    """
    found = _matching(given, counts)
    return _queue_or_connection(
        given, counts, connections, _without_snapshots([queue for queue in found if queue in held] or found)
    )


def _queue_or_connection(
    given: str, counts: Sequence[NamedQueue], connections: Iterable[str], found: Sequence[Queue]
) -> Queue | str:
    known = sorted({*connections, *(count.queue.connection for count in counts)})
    if given not in known:
        return _only(given, found, "queue or connection", [*known, *_names(counts)])
    if found:
        raise click.UsageError(f"{given!r} is a connection and an audience; name the queue by its id: {found[0]}")
    return given


def _matching(given: str, counts: Sequence[NamedQueue]) -> list[Queue]:
    for fits in (_by_id, _by_target_or_name):
        if found := [count.queue for count in counts if fits(count, given)]:
            return found
    return []


def _without_snapshots(found: Sequence[Queue]) -> list[Queue]:
    """Drop the queue of an audience's snapshots if the audience's queue, which has the same name, is also found."""
    return [queue for queue in found if queue.kind != orders.KIND or orders.audience_of(queue) not in found]


def _only(given: str, found: Sequence[Queue], what: str, known: Sequence[str]) -> Queue:
    if len(found) == 1:
        return found[0]
    if found:
        many = "\n".join(f"  {queue}" for queue in found)
        raise click.UsageError(f"{given!r} matches {len(found)} queues; name one by its id:\n{many}")
    raise click.UsageError(f"there is no {what} {given!r}. {_hint(given, known)}")


def _hint(given: str, known: Sequence[str]) -> str:
    near = "\n".join(f"  {visible(name)}" for name in _near(given, known))
    return f"Similar names:\n{near}" if near else "`ferry status` lists the queues."


def _by_id(count: NamedQueue, given: str) -> bool:
    return str(count.queue) == given


def _by_target_or_name(count: NamedQueue, given: str) -> bool:
    return count.queue.target == given or (bool(count.name) and count.name.casefold() == given.casefold())


def _names(counts: Sequence[NamedQueue]) -> list[str]:
    return [name for count in counts for name in (str(count.queue), count.name) if name]


def _near(given: str, known: Sequence[str]) -> list[str]:
    by_folded = {name.casefold(): name for name in known}
    folded = given.casefold()
    near = [name for key, name in by_folded.items() if folded in key]
    near += [by_folded[key] for key in get_close_matches(folded, by_folded, _SHOWN, 0.5)]
    return list(dict.fromkeys(near))[:_SHOWN]
