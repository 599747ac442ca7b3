"""`ferry syncs`: the snapshots that came, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence

import click
from redis import Redis

import settings
from ops.errors import Failed
from ops.ledger import ledger
from ops.options import json_option, var_option
from ops.output import console, print_json
from ops.syncs_view import document, listing
from ops.targets import find_audience
from queues import records, snapshots
from queues.census import take_census
from queues.clock import now_ms
from queues.counts import QueueCount
from queues.snapshots import Record


@click.command()
@click.argument("audience", required=False)
@click.option("--campaign", metavar="NAME", help="Only those of this campaign.")
@json_option
@var_option
def syncs(audience: str | None, campaign: str | None, as_json: bool) -> None:
    """List snapshots, newest first, with their counts.

    Of AUDIENCE (its id or name), or of all. Of each campaign the newest snapshots of its groups are summed up. The
    last 100 of an audience are kept, for 30 days.
    """
    with ledger(settings.load()) as redis:
        chosen = _chosen(audience, take_census(redis).queues)
        found = _records(redis, chosen)
    found = [record for record in found if campaign in (None, record.order.campaign)]
    if as_json:
        print_json([document(record) for record in found])
    else:
        console().print(listing(found, {str(each.queue): each.name for each in chosen}, now_ms()))


def _chosen(audience: str | None, counts: Sequence[QueueCount]) -> list[QueueCount]:
    of_snapshots = [count for count in counts if count.queue.kind == snapshots.KIND]
    if audience is None:
        return of_snapshots
    queue = find_audience(audience, counts, None)
    if queue is None:
        raise Failed(f"there is no audience {audience!r}; `ferry status` lists those there are")
    wanted = snapshots.queue_of(queue.connection, queue.target)
    return [count for count in of_snapshots if count.queue == wanted]


def _records(redis: Redis, counts: Sequence[QueueCount]) -> list[Record]:
    found = [record for count in counts for record in records.records(redis, count.queue)]
    return sorted(found, key=lambda record: record.since, reverse=True)
