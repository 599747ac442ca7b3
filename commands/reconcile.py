"""`ferry reconcile`: compare Klaviyo's list with what Ferry put there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice, zip_longest
from typing import Any

import click
from redis import Redis

from commands.options import json_option, var_option
from configuration import settings
from configuration.settings import Settings
from ops import klaviyo_list
from ops.audit_format import masked, plain
from ops.errors import Failed
from ops.ledger import by, ledger
from ops.output import console, print_json, table
from ops.reconcile import repair
from ops.targets import find_audience
from queues import audit
from queues.census import count, meant
from queues.clock import now_ms
from queues.names import Queue
from queues.snapshots import members, orders
from text.wording import number, plural
from worker.snapshots.difference import ListDifference, drift

#: Rows of the table; --json has everybody.
_LISTED = 50
#: ms that a repair may take. Reading the list takes nearly all of it: 67,500 people a minute, 16 million in total.
#: After a repair that was killed, Ferry records the people who change until this time is over.
_REPAIR_MS = 4 * 3_600_000


@click.command()
@click.argument("audience")
@click.option("--repair", "repairs", is_flag=True, help="Queue the changes that make the list match Ferry's ledger.")
@click.option("--personal-data", is_flag=True, help="Print whole addresses and numbers.")
@json_option
@var_option
def reconcile(audience: str, repairs: bool, personal_data: bool, as_json: bool) -> None:
    """Compare Klaviyo's list with what Ferry put there.

    The list may have been changed in Klaviyo itself. Shows the people who are on the list but not in Ferry's ledger,
    and those who are missing from the list. AUDIENCE is an id or a name; it must have been synced once. --repair
    removes the former and adds the latter again, unless a change is newer; their attributes come with the next sync.

    \b
    Examples:
      ferry reconcile VIPs
      ferry reconcile VIPs --repair
    """
    known = settings.load()
    with ledger(known, writes=repairs) as redis:
        queue = _queue(redis, audience)
        with _watched(redis, queue) if repairs else _unwatched() as watch:
            found, repaired = _drift(redis, known, queue), None
            if watch:
                connection = known.connections.named(queue.connection)
                policy = connection.policy_for(queue.kind, queue.target)
                left_out = repair(redis, queue, policy, found, watch, connection.removal_limit(queue.target))
                repaired = len(found.missing) + len(found.strangers) - left_out
                audit.note(redis, by(), "repair", queue, changes=repaired)
        _say(queue, found, _on_the_way(redis, queue), repaired, plain if personal_data else masked, as_json)


def _queue(redis: Redis, audience: str) -> Queue:
    queue = find_audience(audience, meant(redis, audience), None)
    if queue is None:
        raise click.UsageError(f"there is no audience {audience!r}; `ferry status` lists the audiences")
    if members.snapshot_at(redis, queue) == 0:
        raise Failed(f"Ferry does not know who should be on the list of {queue}. Sync it once: ferry sync {queue} FILE")
    return queue


@contextmanager
def _unwatched() -> Iterator[None]:
    yield None


@contextmanager
def _watched(redis: Redis, queue: Queue) -> Iterator[str]:
    """Record the people who change in the block; a repair leaves them alone. Raises Failed while changes are pending.

    The ledger contains what is delivered, so a change in progress would look like drift.
    """
    of_snapshots = orders.queue_of(queue.connection, queue.target)
    _refuse_beside_snapshots(redis, queue, of_snapshots)
    watch = f"{orders.new_id(of_snapshots)}-repair"
    members.begin(redis, queue, watch, now_ms() + _REPAIR_MS)
    try:
        _refuse_beside_snapshots(redis, queue, of_snapshots)  # one may have arrived in between
        if waits := _on_the_way(redis, queue):
            raise Failed(
                f"{plural(waits, 'change')} of {queue} not delivered yet. Repeat it after: ferry flush {queue} --wait"
            )
        yield watch
    finally:
        members.end(redis, queue, watch)


def _refuse_beside_snapshots(redis: Redis, queue: Queue, of_snapshots: Queue) -> None:
    if _on_the_way(redis, of_snapshots):
        raise Failed(f"a snapshot of {queue} is in progress. Repeat it when that is done: ferry syncs {queue}")


def _on_the_way(redis: Redis, queue: Queue) -> int:
    (found,) = count(redis, [queue])
    return found.waiting.pending + found.open


def _drift(redis: Redis, known: Settings, queue: Queue) -> ListDifference:
    to = klaviyo_list.going_to(redis, known, queue)
    with klaviyo_list.opened(redis, known, to) as klaviyo:
        list_id = klaviyo_list.list_id(redis, klaviyo, queue, to)
        with closing(klaviyo_list.roster(klaviyo, list_id)) as roster:
            return drift(redis, queue, roster)


def _say(
    queue: Queue, found: ListDifference, waits: int, repaired: int | None, name: Callable[[str], str], as_json: bool
) -> None:
    if as_json:
        print_json(_document(queue, found, waits, repaired, name))
        return
    out = console()
    out.print(f"{queue}: {number(found.listed)} on Klaviyo's list, {number(found.ledger)} in Ferry's ledger.")
    if not (found.strangers or found.missing):
        out.print("They are the same people.")
    else:
        columns = f"On the list only: {number(len(found.strangers))}", f"Missing: {number(len(found.missing))}"
        made = table(*columns)
        for pair in islice(zip_longest(found.strangers, found.missing), _LISTED):
            made.add_row(*("" if each is None else name(each) for each in pair))
        out.print(made)
    if repaired:
        out.print(f"{plural(repaired, 'change')} queued, to be sent now: ferry status")
    elif waits:
        out.print(f"{plural(waits, 'change')} not delivered yet: their people may be listed although nothing is wrong.")


def _document(
    queue: Queue, found: ListDifference, waits: int, repaired: int | None, name: Callable[[str], str]
) -> dict[str, Any]:
    return {
        "audience": str(queue),
        "on_the_list": found.listed,
        "in_the_ledger": found.ledger,
        "on_the_list_only": [name(each) for each in found.strangers],
        "in_the_ledger_only": [name(each) for each in found.missing],
        "waiting": waits,
        "repaired": repaired,
    }
