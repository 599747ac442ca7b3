"""Probes whether the cause of a connection's hold is gone: every few minutes by the scheduler, or by hand."""

from __future__ import annotations

import logging
from contextlib import closing

from redis import Redis

from configuration.settings import Settings
from klaviyo.client import Klaviyo
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import HoldNeeded, summary
from queues import holds
from queues.connections.accounts import Cipher
from queues.metrics import CallMeter
from worker.connection import limiter_of, usable_key
from worker.errors import Held
from worker.process import ledger, settings_of_process

log = logging.getLogger(__name__)


def probe(connection: str) -> None:
    """Release the connection if its settings and key are valid now. This is the task of an RQ job."""
    with ledger() as redis:
        hold = holds.of_connections(redis).get(connection)
        if hold is None or not hold.probed:
            return
        try:
            still = cause(redis, settings_of_process(), connection)
        except NotAccepted as refusal:
            log.warning("%s: still held; %s; it is probed again in a few minutes", connection, refusal)
            return
        if still is None:
            holds.release(redis, connection)
            log.warning("%s: the cause of its hold (%s) is gone; delivery goes on", connection, hold.reason)
        else:
            times = holds.confirm(redis, connection)
            log.warning("%s: still held, probed %d times: %s", connection, times, still)


def cause(redis: Redis, settings: Settings, connection: str) -> str | None:
    """Return why nothing can be sent over the connection, with the remedy; None when Klaviyo accepts its key.

    Raises NotAccepted when Klaviyo gives no definite answer: throttled, unreachable, or blocked by its edge.
    """
    try:
        api_key = usable_key(redis, settings.connections, Cipher(settings.secret_keys), connection)
    except Held as held:
        return str(held)
    limiter = limiter_of(redis, api_key)
    meter = CallMeter(redis, connection)
    with closing(Klaviyo(settings.klaviyo_base_url, api_key, limiter, meter=meter)) as klaviyo:
        try:
            klaviyo.account()
            klaviyo.check_rights()
        except NotAccepted as refusal:
            if not isinstance(refusal.outcome, HoldNeeded):
                raise
            return summary(refusal.outcome)
    return None
