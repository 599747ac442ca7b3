"""The Klaviyo list of an audience: the one a person named by id, else the one of that exact name, else a new one."""

from __future__ import annotations

import hashlib
import logging
from typing import cast

from redis import Redis
from redis.exceptions import LockError

from klaviyo.limiter import fingerprint
from queues import keys, owners
from queues.names import Queue
from worker.connection import Destination
from worker.delivery import LEASE_MS, Delivery
from worker.errors import Later
from worker.list_owner import check_owner

log = logging.getLogger(__name__)


def list_of(delivery: Delivery, create: bool) -> str | None:
    """The id of the list; None when there is none yet and `create` is false.

    A list once found is remembered, so that the audience keeps it when it is renamed in the CDP; naming another list
    in the settings ends that. Raises NotAccepted, Later, ListOwned where another audience keeps the list, LeaseLost.
    """
    to, queue = delivery.to, delivery.batch.queue
    known = to.list_id or remembered(delivery.redis, queue, to)
    found = known or to.named_by_cdp or _find(delivery, create)
    if found:
        check_owner(delivery, found, fills=create)
    if found and not known:
        # Not before: an audience that is held and then called otherwise looks for a list of its new name.
        delivery.redis.hset(keys.queue(queue), mapping={"list_id": found, "list_name": to.name})
    return found


def remembered(redis: Redis, queue: Queue, to: Destination) -> str | None:
    """The id of the list that was found earlier, unless the settings name another one since."""
    known, under = cast("list[bytes | None]", redis.hmget(keys.queue(queue), "list_id", "list_name"))
    return known.decode() if known and to.means((under or b"").decode()) else None


def forget(redis: Redis, queue: Queue) -> None:
    """The remembered list is gone: the next delivery looks for its name."""
    redis.hdel(keys.queue(queue), "list_id", "list_name")
    owners.give_up(redis, queue)


def _find(delivery: Delivery, create: bool) -> str | None:
    """Find or create under a lock: two workers that both find nothing would create two lists.

    The lock is of the key, for two connections may lead to one account.
    """
    name = delivery.to.name
    digest = hashlib.blake2b(f"{fingerprint(delivery.to.api_key)}\0{name}".encode(), digest_size=15).hexdigest()
    lock = delivery.redis.lock(keys.list_lock(digest), timeout=LEASE_MS / 1000, blocking=False)
    if not lock.acquire():
        raise Later("another worker looks for the same list", 1)
    try:
        found = delivery.klaviyo.find_list(name)
        if found is None and create:
            found = delivery.klaviyo.create_list(name)
            log.info("queue %s: list %s created; its people are uploaded to it", delivery.batch.queue, found)
        return found
    finally:
        try:
            lock.release()
        except LockError:
            log.warning("queue %s: the lock on its list ran out meanwhile; nothing to do", delivery.batch.queue)
