"""Which list in Klaviyo an audience's people go to, in words. Klaviyo is not asked."""

from __future__ import annotations

from redis import Redis

from queues import snapshots
from queues.accounts import Cipher
from queues.names import UNREADABLE, Queue
from settings import Settings
from worker.connection import destination
from worker.errors import Held
from worker.list_of import remembered


def list_told(redis: Redis, known: Settings, queue: Queue) -> str:
    """The list that the next delivery uses (worker/list_of.py); empty where there is none. Raises redis.RedisError."""
    audience = snapshots.audience_of(queue) if queue.kind == snapshots.KIND else queue
    if audience.kind != "audience" or audience.target == UNREADABLE:
        return ""
    try:
        to = destination(redis, known.connections, Cipher(known.secret_keys), audience)
    except Held as held:
        return f"Cannot be told: {held}."
    if to.list_id:
        return f"{to.list_id}, which the settings name."
    if found := remembered(redis, audience, to) or to.named_by_cdp:
        return f"{found}, known as {to.name}."
    return f"None yet. The first upload looks for one that is called {to.name}, and makes it where there is none."
