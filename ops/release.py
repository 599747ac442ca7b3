"""What has to be looked at or said before a hold may end."""

from __future__ import annotations

from redis import Redis

from configuration.settings import Settings
from klaviyo.errors import NotAccepted
from queues import owners, pending
from queues.connections import accounts
from queues.holds import Hold
from queues.names import Queue
from queues.snapshots import guard, orders, records
from queues.snapshots.records import Record
from worker import list_check, probe

#: Holds on a queue that Ferry placed because of its list (klaviyo/holds.py).
_OF_LIST = frozenset({"list_gone", "list_refused"})


def is_looked_at(on: Queue | str, hold: Hold) -> bool:
    """Whether Klaviyo is asked first if the cause is gone."""
    return hold.probed if isinstance(on, str) else hold.reason in _OF_LIST


def still_wrong(redis: Redis, settings: Settings, on: Queue | str, hold: Hold) -> str | None:
    """What is wrong still, with the remedy; None when the hold may end. What a person holds has no cause to look at."""
    if not is_looked_at(on, hold):
        return None
    try:
        return probe.cause(redis, settings, on) if isinstance(on, str) else list_check.cause(redis, settings, on)
    except NotAccepted as refusal:
        return f"it cannot be told whether the cause is gone: {refusal}"


def confirm_guarded(redis: Redis, on: Queue, hold: Hold) -> Record | None:
    """Where the guard holds a snapshot, note that a person wants it; which one that is."""
    record = guarded(redis, on, hold)
    if record:
        guard.confirm(redis, on, record.order.snapshot)
    return record


def let_share(redis: Redis, on: Queue, hold: Hold) -> None:
    """Where another audience keeps the list, note that a person wants both to use it."""
    if hold.owned:
        owners.share(redis, orders.audience_of(on), hold.owned.list_id)


def let_move(redis: Redis, connection: str, hold: Hold) -> None:
    """Where the key is of another account, note that a person wants that one. Lists of the old one are forgotten."""
    if hold.moved:
        accounts.confirm(redis, connection, hold.moved.key, hold.moved.account)
        for queue in pending.all_queues(redis):
            if queue.connection == connection:
                owners.forget_list(redis, queue)


def guarded(redis: Redis, on: Queue, hold: Hold) -> Record | None:
    """The snapshot for which the guard asks a person; None where something else holds the queue."""
    if hold.reason != guard.GUARD:
        return None
    return next((record for record in records.records(redis, on) if record.state == "held"), None)
