"""The Klaviyo list of an audience: the list with the configured id, else with that exact name, else a new list.

Each list has one audience. When two audiences use the same list, each snapshot and each removal of one takes off people
whom the other has added. So the second audience is held as `list_owned` before anything is sent, until a person lets
both use the list; none of its changes is lost.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import closing

from redis import Redis

from configuration.connections import Connections, UnknownConnection
from configuration.settings import Settings
from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import HoldNeeded, summary
from queues import owners, pending
from queues.clock import now_ms
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.holds import Hold, Owned
from queues.metrics import CallMeter
from queues.names import UNREADABLE, Queue
from queues.owners import KnownList
from queues.rate_limits import fingerprint
from queues.snapshots import orders
from worker.connection import Destination, destination, limiter_of, resolve
from worker.delivery import LEASE_MS, Delivery
from worker.errors import Held, Later, ListOwned
from worker.process import settings_of_process

log = logging.getLogger(__name__)


def list_of(delivery: Delivery, create: bool) -> str | None:
    """Return the id of the list; None when there is none yet and `create` is false.

    A found list is remembered, so that the audience keeps it when it is renamed in the CDP, until the settings name
    another list. Raises NotAccepted, Later, ListOwned when another audience keeps the list, LeaseLost.
    """
    to, queue = delivery.to, delivery.batch.queue
    known = to.list_id or remembered(delivery.redis, queue, to)
    found = known or to.named_by_cdp or _find(delivery, create)
    if found:
        check_owner(delivery, found, fills=create)
    if found and not known:
        # Only after the check: a held audience that is renamed then looks for a list of its new name.
        owners.remember_list(delivery.redis, queue, found, to.name)
    return found


def remembered(redis: Redis, queue: Queue, to: Destination) -> str | None:
    """Return the id of the list that was found earlier, unless the settings have named another list since."""
    known, under = owners.remembered_list(redis, queue)
    return known if to.means(under) else None


def _find(delivery: Delivery, create: bool) -> str | None:
    """Find or create under a lock: two workers that both find nothing would create two lists.

    The lock is per API key, because two connections may use one account.
    """
    name = delivery.to.name
    digest = hashlib.blake2b(f"{fingerprint(delivery.to.api_key)}\0{name}".encode(), digest_size=15).hexdigest()
    lock = owners.lock_list(delivery.redis, digest, LEASE_MS)
    if lock is None:
        raise Later("another worker is looking for the same list", 1)
    try:
        found = delivery.klaviyo.find_list(name)
        if found is None and create:
            found = delivery.klaviyo.create_list(name)
            log.info("queue %s: list %s created; its people are uploaded to it", delivery.batch.queue, found)
        return found
    finally:
        if not owners.unlock_list(lock):
            log.warning("queue %s: the lock on its list has expired; nothing to do", delivery.batch.queue)


def check_owner(delivery: Delivery, list_id: str, fills: bool) -> None:
    """Raises ListOwned when another queue keeps the list and no setting or person lets them share it.

    A queue that `fills` a list without a keeper becomes its keeper; a queue that only removes people does not.
    """
    redis, queue, to = delivery.redis, delivery.batch.queue, delivery.to
    if owners.owns(redis, queue, list_id):
        return
    if not owners.are_kept(redis):
        name_owners(redis, settings_of_process().connections)
    keeper = owners.own(redis, queue, list_id) if fills else owners.keeper(redis, list_id)
    if keeper in (None, queue) or to.shared_list or owners.may_share(redis, queue, list_id):
        return
    raise ListOwned(Owned(list_id, str(keeper), to.name), to.known_as)


def hold(redis: Redis, queue: Queue, held: ListOwned) -> Hold:
    """Return the hold for the queue of an audience or of its snapshots."""
    keeper = Queue.parse(held.owned.keeper)
    name = str(pending.audience(redis, keeper).get("name") or "")
    resolve = conflict_remedy(held.owned.list_id, (keeper, name), (queue, held.name))
    return Hold(held.reason, now_ms(), resolve, owned=held.owned)


def conflict_remedy(list_id: str, keeper: tuple[Queue, str], held: tuple[Queue, str]) -> str:
    """Return what a person can do about the conflict. `keeper`, `held`: queue and audience name. Pure."""
    return (
        f"Klaviyo's list {list_id} is kept by {_called(*keeper)}, and {_called(*held)} uses it too: each would remove "
        f"people whom the other adds. To let both use it: ferry release {held[0]}, or shared_list = true. To separate "
        "them: name another list for one of them, or disconnect the first in its CDP"
    )


def name_owners(redis: Redis, connections: Connections) -> None:
    """Record the owner of each list in use, once: earlier versions of Ferry recorded none. May be repeated.

    Audiences that already share a list continue to do so, with a warning: to hold them would stop a working delivery.
    The first delivery that needs the owners does this, not the scheduler: a scheduler knows no lists, and may be older
    than the workers.
    """
    connections.include(accounts.with_key(redis))
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
                "list %s is used by %s and by %s: each removes people whom the other adds. Both continue, as before; "
                "name another list for one of them, or set shared_list = true if this is intended",
                list_id,
                keeper,
                queue,
            )
    owners.kept_from_now_on(redis, now_ms())


def in_use(to: Destination, known: KnownList) -> str | None:
    """Return the list that an audience was delivered to and still uses, or None. Pure."""
    if known.is_disconnected:
        return None
    if to.list_id:
        return to.list_id if known.delivered else None
    return known.list_id if to.means(known.list_name) else None


def _destination(connections: Connections, queue: Queue, known: KnownList) -> Destination | None:
    try:
        # No account setting names a list.
        return resolve(connections.named(queue.connection), "", {}, known.audience, queue.target)
    except (UnknownConnection, Held):  # it cannot be delivered before a person acts
        return None


def _called(queue: Queue, name: str) -> str:
    return f"{name!r} ({queue})" if name else str(queue)


def list_fault(redis: Redis, settings: Settings, queue: Queue) -> str | None:
    """Return why the queue's list cannot be filled, with the remedy; None when Klaviyo has the list.

    A list that Ferry found by its name and that was deleted is forgotten, so that another list of that name can replace
    it. Raises NotAccepted when Klaviyo gives no definite answer.
    """
    try:
        to = destination(redis, settings.connections, Cipher(settings.secret_keys), queue)
    except Held as held:
        return str(held)
    limiter = limiter_of(redis, to.api_key)
    meter = CallMeter(redis, queue.connection)
    with closing(Klaviyo(settings.klaviyo_base_url, to.api_key, limiter, meter=meter)) as klaviyo:
        try:
            return _cause(redis, klaviyo, queue, to)
        except NotAccepted as refusal:
            if not isinstance(refusal.outcome, HoldNeeded):
                raise
            return summary(refusal.outcome)


def is_free(redis: Redis, settings: Settings, queue: Queue, about: Owned) -> bool:
    """Return whether a queue held as `list_owned` may continue. A held batch checks every 30 s, without a request.

    It may continue when the list has no keeper any more, when a person allowed sharing, or when the audience now has
    another list.
    """
    audience, list_id = orders.audience_of(queue), about.list_id
    if owners.keeper(redis, list_id) != Queue.parse(about.keeper) or owners.may_share(redis, audience, list_id):
        return True
    try:
        to = destination(redis, settings.connections, Cipher(settings.secret_keys), audience)
    except Held:
        return False
    # Only the snapshot itself contains the name of its list.
    return to.shared_list or (queue == audience and _leads_elsewhere(redis, audience, to, about))


def _leads_elsewhere(redis: Redis, queue: Queue, to: Destination, about: Owned) -> bool:
    known = to.list_id or remembered(redis, queue, to) or to.named_by_cdp
    return known != about.list_id if known else to.name != about.name


def _cause(redis: Redis, klaviyo: Klaviyo, queue: Queue, to: Destination) -> str | None:
    known = None if to.list_id else remembered(redis, queue, to)
    if known and is_gone(klaviyo, known):
        owners.forget_list(redis, queue)
        known = None
    named = to.list_id or known or to.named_by_cdp
    if named:
        klaviyo.get_list(named)
    elif klaviyo.find_list(to.name) is None:
        return (
            f"Klaviyo has no list {to.name!r}. Create it there; otherwise the first delivery after a release without "
            "this check creates it"
        )
    return None


def is_gone(klaviyo: Klaviyo, list_id: str) -> bool:
    """Return whether Klaviyo has no list of that id any more. Raises NotAccepted when it gives no definite answer."""
    try:
        klaviyo.get_list(list_id)
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, HoldNeeded) and refusal.outcome.reason == "list_gone":
            return True
        raise
    return False
