"""Whether the cause of a hold is gone."""

from __future__ import annotations

from redis import Redis

from klaviyo.errors import NotAccepted
from queues.holds import Hold
from queues.names import Queue
from settings import Settings
from worker import list_check, probe

#: Holds on a queue that Ferry placed because of its list (klaviyo/holds.py).
_OF_LIST = frozenset({"list_gone", "list_refused"})


def still_wrong(redis: Redis, settings: Settings, on: Queue | str, hold: Hold) -> str | None:
    """What is wrong still, with the remedy; None when the hold may end. What a person holds has no cause to look at."""
    try:
        if isinstance(on, str):
            return probe.cause(redis, settings, on) if hold.probed else None
        return list_check.cause(redis, settings, on) if hold.reason in _OF_LIST else None
    except NotAccepted as refusal:
        return f"it cannot be told whether the cause is gone: {refusal}"
