"""The scheduler process, with a tick every two seconds for ages, leases and rings, and a wake-up when a queue fills.

A scheduler keeps no state in memory that another needs: one may be killed, and two may run.
"""

from __future__ import annotations

import logging
import signal
import threading
from datetime import UTC, datetime

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler
from redis import Redis
from redis.exceptions import RedisError

from configuration.connections import Connections
from configuration.settings import Settings
from queues import clock, schedulers
from queues.clock import now_ms
from queues.connections import accounts
from queues.connections.accounts import Cipher
from queues.errors import outage
from queues.server import installation
from queues.server.connection import connect
from queues.server.rollback import EpochWatch, StepMemory
from scheduler import queries
from scheduler.comparisons import order_comparisons
from scheduler.housekeeping import housekeep
from scheduler.tick import TICK_S, refile, ring, take_due, tick

log = logging.getLogger(__name__)

#: Seconds that one wait for a wake-up lasts, and that a stop may take.
WAIT_S = 1
#: Seconds between two attempts of housekeeping, which one scheduler carries out once a minute.
HOUSEKEEPING_S = 10
_HOUSEKEEPING = "housekeeping"


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises NotOurs, with nothing written, if Redis is another installation's."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    redis = connect(settings.redis_url)
    _begin_when_up(redis, settings, stop)
    if stop.is_set():  # Redis may never have answered, so its installation is unknown
        return
    ticks = _ticks(redis, settings)
    ticks.start()
    log.info("scheduler is up; it checks for due queues every %d s and whenever a queue fills", TICK_S)
    while not stop.is_set():
        _wait_for_wake(redis, settings, stop)
    ticks.shutdown()
    log.info("scheduler stops; pending changes stay in the queues")


def _ticks(redis: Redis, settings: Settings) -> BackgroundScheduler:
    # Memory store: the state is in Redis. misfire_grace_time None: a late tick runs late rather than never.
    # The age of 16 hours is a stored time that each tick compares, not an interval here, which a restart would reset.
    scheduler = BackgroundScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    )
    watch, memory = EpochWatch(), StepMemory()
    scheduler.add_job(
        lambda: _tick(redis, settings, watch, memory),
        "interval",
        seconds=TICK_S,
        next_run_time=datetime.now(UTC),
    )
    # Beside the ticks, which it must not delay.
    scheduler.add_job(
        lambda: _housekeep(redis, settings.connections),
        "interval",
        seconds=HOUSEKEEPING_S,
        id=_HOUSEKEEPING,
        next_run_time=datetime.now(UTC),
    )
    scheduler.add_listener(_log_failure, EVENT_JOB_ERROR)
    return scheduler


def _tick(redis: Redis, settings: Settings, watch: EpochWatch, memory: StepMemory) -> None:
    clock.follow(redis)
    now = now_ms()
    if watch.emptied(redis, now):
        log.error(
            "the ledger was emptied: pending changes and batches in progress are gone. Find the cause (FLUSHALL, or a "
            "restart of a Redis without persistence), then let the CDP send its audiences again; new changes are "
            "delivered"
        )
    memory.look(redis)
    settings.connections.include(accounts.with_key(redis))
    tick(redis, settings.connections, now)
    queries.begin_due(redis, settings.queries, now)
    queries.ring(redis, settings.queries, now)


def _housekeep(redis: Redis, connections: Connections) -> None:
    housekeep(redis, now_ms())
    order_comparisons(redis, connections, now_ms())


def _log_failure(event: JobExecutionEvent) -> None:
    if event.job_id == _HOUSEKEEPING:
        log.error("housekeeping failed (%s); the next one, in a minute, does what is left", event.exception)
    else:
        log.error("tick failed (%s); the next one, in %d s, does what is left", event.exception, TICK_S)


def _begin_when_up(redis: Redis, settings: Settings, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            installation.claim(redis, settings.installation)
            clock.follow(redis)
            # Here, because a change of FERRY_SECRET_KEY restarts this process with the new key first.
            accounts.reseal_keys(redis, Cipher(settings.secret_keys))
            settings.connections.include(accounts.with_key(redis))
            refile(redis, settings.connections, now_ms())
        except RedisError as fault:
            log.warning("%s Trying again in %d s, nothing is lost", outage(fault), WAIT_S)
            stop.wait(WAIT_S)
        else:
            return


def _wait_for_wake(redis: Redis, settings: Settings, stop: threading.Event) -> None:
    try:
        if schedulers.wait_for_wake(redis, WAIT_S):
            now = now_ms()
            take_due(redis, settings.connections, now)
            ring(redis, now)
            queries.ring(redis, settings.queries, now)
    except RedisError as fault:
        log.warning("%s Trying again in %d s, nothing is lost", outage(fault), WAIT_S)
        stop.wait(WAIT_S)
