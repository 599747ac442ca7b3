"""The checks and confirmations before a hold ends."""

from __future__ import annotations

from redis import Redis

from configuration.settings import Settings
from klaviyo.errors import NotAccepted
from queues import owners, pending
from queues.connections import accounts
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots import guard, orders
from queues.snapshots.records import Record
from worker import probe
from worker.lists import list_fault

#: Holds on a queue that Ferry placed because of its list (klaviyo/holds.py).
_OF_LIST = frozenset({"list_gone", "list_refused"})


def is_looked_at(on: Queue | str, hold: Hold) -> bool:
    """Return whether Klaviyo is asked first if the cause is gone."""
    return hold.probed if isinstance(on, str) else hold.reason in _OF_LIST


def still_wrong(redis: Redis, settings: Settings, on: Queue | str, hold: Hold) -> str | None:
    """Return the cause that remains, with the remedy; None if the hold may end. A person's hold is not checked."""
    if not is_looked_at(on, hold):
        return None
    try:
        return probe.cause(redis, settings, on) if isinstance(on, str) else list_fault(redis, settings, on)
    except NotAccepted as refusal:
        return f"Ferry cannot check whether the cause is gone: {refusal}"


def confirm_guarded(redis: Redis, on: Queue, hold: Hold) -> Record | None:
    """If the guard holds a snapshot, record a person's confirmation, and return the snapshot."""
    record = guarded(redis, on, hold)
    if record:
        guard.confirm(redis, on, record.order.snapshot)
    return record


def let_share(redis: Redis, on: Queue, hold: Hold) -> None:
    """If another audience owns the list, record that a person allows both to use it."""
    if hold.owned:
        owners.share(redis, orders.audience_of(on), hold.owned.list_id)


def let_move(redis: Redis, connection: str, hold: Hold) -> None:
    """If the key belongs to another account, record that a person accepts it, and forget the old account's lists."""
    if hold.moved:
        accounts.confirm(redis, connection, hold.moved.key, hold.moved.account)
        for queue in pending.all_queues(redis):
            if queue.connection == connection:
                owners.forget_list(redis, queue)


def guarded(redis: Redis, on: Queue, hold: Hold) -> Record | None:
    """Return the snapshot that the guard holds for confirmation; None if the queue is held for another reason."""
    if hold.reason != guard.GUARD:
        return None
    return next((record for record in orders.records(redis, on) if record.state == "held"), None)
