"""The Klaviyo list of an audience: the one a person named by id, else the one of that exact name, else a new one.

One audience for a list: what another one would do to it waits until a person says so.

Two that take a list for theirs fight over it: each snapshot, and each removal, of one takes off whom the other has put
on. It is held as `list_owned` before anything is sent, and nothing of it is lost.
"""

from __future__ import annotations

import hashlib
import logging

from redis import Redis

from configuration.connections import Connections, UnknownConnection
from queues import owners, pending
from queues.clock import now_ms
from queues.connections import connection_keys
from queues.holds import Hold, Owned
from queues.klaviyo_limits import fingerprint
from queues.names import UNREADABLE, Queue
from queues.owners import KnownList
from worker.connection import Destination, resolve
from worker.delivery import LEASE_MS, Delivery
from worker.errors import Held, Later, ListOwned
from worker.process import settings_of_process

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
        owners.remember_list(delivery.redis, queue, found, to.name)
    return found


def remembered(redis: Redis, queue: Queue, to: Destination) -> str | None:
    """The id of the list that was found earlier, unless the settings name another one since."""
    known, under = owners.remembered_list(redis, queue)
    return known if to.means(under) else None


def _find(delivery: Delivery, create: bool) -> str | None:
    """Find or create under a lock: two workers that both find nothing would create two lists.

    The lock is of the key, for two connections may lead to one account.
    """
    name = delivery.to.name
    digest = hashlib.blake2b(f"{fingerprint(delivery.to.api_key)}\0{name}".encode(), digest_size=15).hexdigest()
    lock = owners.lock_list(delivery.redis, digest, LEASE_MS)
    if lock is None:
        raise Later("another worker looks for the same list", 1)
    try:
        found = delivery.klaviyo.find_list(name)
        if found is None and create:
            found = delivery.klaviyo.create_list(name)
            log.info("queue %s: list %s created; its people are uploaded to it", delivery.batch.queue, found)
        return found
    finally:
        if not owners.unlock_list(lock):
            log.warning("queue %s: the lock on its list ran out meanwhile; nothing to do", delivery.batch.queue)


def check_owner(delivery: Delivery, list_id: str, fills: bool) -> None:
    """Raises ListOwned where another queue keeps the list, and nobody has said that they may share it.

    Who `fills` a list keeps it from then on, if nobody does; who takes people off it need not.
    """
    redis, queue, to = delivery.redis, delivery.batch.queue, delivery.to
    if not owners.are_kept(redis):
        name_owners(redis, settings_of_process().connections)
    keeper = owners.own(redis, queue, list_id) if fills else owners.keeper(redis, list_id)
    if keeper in (None, queue) or to.shared_list or owners.may_share(redis, queue, list_id):
        return
    raise ListOwned(Owned(list_id, str(keeper), to.name), to.known_as)


def hold(redis: Redis, queue: Queue, held: ListOwned) -> Hold:
    """What to hold the queue with, be it that of an audience or of its snapshots."""
    keeper = Queue.parse(held.owned.keeper)
    name = str(pending.audience(redis, keeper).get("name") or "")
    resolve = conflict_remedy(held.owned.list_id, (keeper, name), (queue, held.name))
    return Hold(held.reason, now_ms(), resolve, owned=held.owned)


def conflict_remedy(list_id: str, keeper: tuple[Queue, str], held: tuple[Queue, str]) -> str:
    """What a person can do about it. `keeper`, `held`: each with the name of its audience. Pure."""
    return (
        f"Klaviyo's list {list_id} is kept by {_called(*keeper)}, and {_called(*held)} leads to it too: each would "
        f"take off whom the other puts on. To let both use it: ferry release {held[0]}, or shared_list = true. To keep "
        "them apart: name another list for one of them, or disconnect the first in its CDP"
    )


def name_owners(redis: Redis, connections: Connections) -> None:
    """Give each list that is in use its owner, once: a Ferry of before knew of none. May be repeated.

    Audiences that share one already go on with it, and a person is told: to hold them would stop what has worked. It
    is done by the first delivery that needs to know, and not when a scheduler starts, for that knows no lists, and
    workers may be newer than it.
    """
    connections.include(connection_keys.names(redis))
    queues = [queue for queue in pending.all_queues(redis) if queue.kind == "audience" and queue.target != UNREADABLE]
    for queue, known in zip(queues, owners.known(redis, queues), strict=True):
        to = _destination(connections, queue, known)
        list_id = in_use(to, known) if to else None
        if not (to and list_id):
            continue
        keeper = owners.own(redis, queue, list_id)
        if keeper != queue and not to.shared_list and known.shares != list_id:
            owners.share(redis, queue, list_id)
            log.warning(
                "list %s is used by %s and by %s: each takes off whom the other puts on. Both go on, for they did "
                "so before; name another list for one of them, or say shared_list = true where it is meant",
                list_id,
                keeper,
                queue,
            )
    owners.kept_from_now_on(redis, now_ms())


def in_use(to: Destination, known: KnownList) -> str | None:
    """The list that an audience has been delivered to, and still goes to; None of one that has none. Pure."""
    if known.is_disconnected:
        return None
    if to.list_id:
        return to.list_id if known.delivered else None
    return known.list_id if to.means(known.list_name) else None


def _destination(connections: Connections, queue: Queue, known: KnownList) -> Destination | None:
    try:
        # Of the account's settings none names a list.
        return resolve(connections.named(queue.connection), "", {}, known.audience, queue.target)
    except (UnknownConnection, Held):  # it cannot be delivered before a person acts
        return None


def _called(queue: Queue, name: str) -> str:
    return f"{name!r} ({queue})" if name else str(queue)
