"""What the ledger says of a connection, and of one of its queues, before a delivery: read in one round trip."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from redis import Redis

from queues import holds, keys
from queues.connections import accounts
from queues.connections.accounts import StoredAccount, StoredKey
from queues.holds import Hold
from queues.names import Queue, erasures_of


class QueueFacts(NamedTuple):
    """What holds for a connection and a queue.

    `hold`: of the connection, else of the queue. `audience`: the CDP's data of the queue, empty if there is none.
    `added`: the connections that have a stored key; `kept`: that of this one. `account`: the CDP's settings. `klaviyo`:
    the account that the connection delivers to, for `accounts.is_known`. `erasing`: the connection has erasures
    that are not carried out yet; only for a queue.
    """

    hold: Hold | None
    audience: dict[str, Any]
    added: list[str]
    kept: StoredKey | None
    account: StoredAccount
    klaviyo: StoredAccount
    erasing: bool


def read(redis: Redis, of: Queue | str) -> QueueFacts:
    """Return what holds now for a queue, or for a connection by its name. Raises redis.RedisError."""
    name = of.connection if isinstance(of, Queue) else of
    with redis.pipeline(transaction=False) as pipe:
        pipe.hget(keys.HOLDS, name)
        pipe.hkeys(keys.CONNECTIONS)
        pipe.hget(keys.CONNECTIONS, name)
        pipe.hgetall(keys.account(name))
        pipe.hgetall(keys.klaviyo(name))
        if isinstance(of, Queue):
            pipe.hmget(keys.queue(of), "hold", "audience")
            pipe.exists(*(keys.queue(erasures_of(name), part) for part in ("pending", "batches")))
        held, added, kept, account, klaviyo, *more = pipe.execute()
    (on_queue, audience), erasing = more or ((None, None), 0)
    held = held or on_queue
    return QueueFacts(
        hold=holds.decode(held) if held else None,
        audience=msgspec.json.decode(audience) if audience else {},
        added=sorted(name.decode() for name in added),
        kept=accounts.read_key(kept) if kept else None,
        account=account,
        klaviyo=klaviyo,
        erasing=bool(erasing),
    )
