"""Checks whether a held queue has a usable list again: one that exists and that no other audience keeps."""

from __future__ import annotations

from contextlib import closing

from redis import Redis

from configuration.settings import Settings
from klaviyo.client import Klaviyo
from klaviyo.endpoints import PUBLISHED
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import HoldNeeded, summary
from queues import owners
from queues.connections.accounts import Cipher
from queues.holds import Owned
from queues.klaviyo_limits import RedisLimiter, fingerprint
from queues.names import Queue
from queues.snapshots import orders
from worker.connection import Destination, destination
from worker.delivery_metrics import CallMeter
from worker.errors import Held
from worker.lists import remembered


def cause(redis: Redis, settings: Settings, queue: Queue) -> str | None:
    """Return why the queue's list cannot be filled, with the remedy; None when Klaviyo has the list.

    A list that Ferry found by its name and that was deleted is forgotten, so that another list of that name can replace
    it. Raises NotAccepted when Klaviyo gives no definite answer.
    """
    try:
        to = destination(redis, settings.connections, Cipher(settings.secret_keys), queue)
    except Held as held:
        return str(held)
    limiter = RedisLimiter(redis, fingerprint(to.api_key), PUBLISHED)
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
    if known and _is_gone(klaviyo, known):
        owners.forget_list(redis, queue)
        known = None
    named = to.list_id or known or to.named_by_cdp
    if named:
        klaviyo.get_list(named)
    elif klaviyo.find_list(to.name) is None:
        return f"Klaviyo has no list {to.name!r}. Create it there, or let Ferry create it: release with --force"
    return None


def _is_gone(klaviyo: Klaviyo, list_id: str) -> bool:
    try:
        klaviyo.get_list(list_id)
    except NotAccepted as refusal:
        if isinstance(refusal.outcome, HoldNeeded) and refusal.outcome.reason == "list_gone":
            return True
        raise
    return False
