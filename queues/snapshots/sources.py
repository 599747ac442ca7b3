"""Audiences whose members fill or leave the lists of a campaign, as the membership ledger knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

from redis.asyncio import Redis

from queues import keys
from queues.names import Queue
from queues.snapshots import orders
from queues.snapshots.buckets import Bucket, load


class AudienceNotReady(Exception):
    """The membership ledger does not know exactly who is on the list of an audience. The text says what to do."""


async def check(redis: Redis, queue: Queue) -> None:
    """Raise AudienceNotReady unless the audience had a snapshot and all its changes are settled.

    Somebody whose removal is pending is still in the ledger, and would be on the list of a campaign.
    """
    of_snapshots = orders.queue_of(queue.connection, queue.target)
    async with redis.pipeline(transaction=False) as pipe:
        pipe.hget(keys.queue(queue), "snapshot_at")
        for each in (queue, of_snapshots):
            pipe.llen(keys.queue(each, "pending"))
            pipe.zcard(keys.queue(each, "batches"))
        snapshot_at, *left = await pipe.execute()
    for each, changes, batches in ((queue, *left[:2]), (of_snapshots, *left[2:])):
        if changes or batches:
            raise AudienceNotReady(
                f"{each} has changes that are not delivered yet, so it is not certain who is on the list. Run `ferry "
                f"flush {each} --wait`, then send the campaign again"
            )
    if not snapshot_at:
        raise AudienceNotReady(
            f"{queue} never had a snapshot, so Ferry does not know who is on its list. Send one by `ferry sync` or PUT "
            "/v1/audiences/ID/members, or give the members in the campaign"
        )


async def read(redis: Redis, queue: Queue, numbers: Sequence[int]) -> list[Bucket]:
    """Return these buckets of the membership ledger, in this order.

    Decoded in a thread: a thousand members take about a ms, and other senders must not wait.
    """
    stored = cast("list[bytes | None]", await redis.hmget(keys.queue(queue, "members"), [*map(str, numbers)]))
    return await asyncio.to_thread(lambda: [*map(load, stored)])
