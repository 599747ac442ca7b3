"""The worker process: an RQ worker on one queue, for platforms that stop all processes at once."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from threading import Event
from types import TracebackType
from typing import Any

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
from redis import Redis
from redis.exceptions import RedisError
from rq.exceptions import DeserializationError, StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from configuration.settings import Settings
from logs import log_ids
from queues import clock, metrics
from queues.errors import outage
from queues.server import installation
from queues.server.cluster import is_spread
from queues.server.connection import connect, speak_briefly
from queues.server.rollback import StepMemory
from worker import deliver  # imported before the fork, so that a delivery starts without delay
from worker.errors import DeliveryFailed
from worker.process import sharing, warm
from worker.signing import SigningWorker

log = logging.getLogger(__name__)

#: Seconds between RQ's own clean-ups. With its default of ten minutes a dead worker's jobs would wait that long.
MAINTENANCE_S = 30
#: Seconds. A worker waits 15 s less for a ring before its own maintenance, and 10 s more before it takes a silent
#: Redis for dead: an unnoticed broken connection costs one minute; with RQ's default of 420 it would cost seven.
WORKER_TTL_S = 60
#: Seconds before another of RQ's workers takes the place of one that ended, and between two attempts to reach Redis.
WAIT_S = 1


class DeliveryWorker(SigningWorker):
    """A worker that gives its running delivery 8 s to end when the platform stops all processes (SIGTERM).

    A plain RQ worker would be killed with its delivery, and the batch would wait until its lease expires.
    """

    imminent_shutdown_delay = 8
    #: Most seconds between two tries to reach Redis. RQ's default waits up to a minute after Redis is back.
    max_connection_wait_time = 5.0
    #: The signal that asked the worker to stop.
    stopped_by: int | None = None
    _forking = False

    def __init__(
        self,
        *args: Any,
        ledger: Redis | None = None,
        memory: StepMemory | None = None,
        stop: Event | None = None,
        **more: Any,
    ) -> None:
        """Create a worker.

        `ledger`: its client, if that is not RQ's. `memory`, `stop`: of the process, which outlives this worker.
        """
        super().__init__(*args, **more)
        self._stop = stop or Event()
        self._ledger = ledger or self.connection
        self._memory = memory or StepMemory()

    def validate_queues(self) -> None:
        """Check the number of queues; RQ calls this first. Raises ValueError for more than one queue.

        With one queue, RQ moves a job to an intermediate list until it is started. With more it pops the job, so that
        a worker that dies at that moment loses the ring.
        """
        super().validate_queues()  # type: ignore[no-untyped-call]  # as in rq
        if len(self.queues) != 1:
            raise ValueError(f"a worker listens on one queue, got {len(self.queues)}: start one worker for each queue")

    def _install_signal_handlers(self) -> None:
        """Also stop if the signal came before these handlers."""
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]  # as in rq
        if self._stop.is_set():
            self.stopped_by, self._stop_requested = signal.SIGTERM, True

    def look_around(self) -> None:
        """Check the clock, and that the ledger was not rolled back. RQ signs regularly, in deliveries too."""
        try:
            clock.follow(self._ledger)
            self._memory.look(self._ledger)
        except RedisError as fault:
            log.warning(
                "the worker could not check the ledger for a rollback (%s); it checks again within a minute",
                type(fault).__name__,
            )

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Execute Ferry's own jobs, and delete every other job in RQ's queue.

        RQ calls any function that a job names. Without this check, everybody who can write to Redis could run code
        here.
        """
        if _is_ring(job):
            super().execute_job(job, queue)
            return
        doorbell.throw_away(self.connection, queue, job)
        log.error("RQ job %r is not one of Ferry's and was deleted; find out what else writes to this Redis", job.id)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Start a delivery, and delay a stop request until the delivery can receive it.

        RQ signals the delivery's process group. Until the delivery has its own group, that is the worker's group, and
        the signal would kill the worker and everything else in it. Until the delivery has its signal handlers, the
        signal would kill the delivery.
        """
        self._forking = True
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
        super().fork_work_horse(job, queue)
        with suppress(OSError):  # the delivery has already ended
            os.setpgid(self.horse_pid, self.horse_pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGRTMIN})
        self._forking = False
        if self.stopped_by is not None:
            super().request_stop(self.stopped_by, None)  # type: ignore[no-untyped-call]  # as in rq

    def request_stop(self, signum: int, frame: object) -> None:
        """Handle SIGTERM or SIGINT."""
        self.stopped_by = signum
        if not self._forking:
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # as in rq

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """Perform the job in the delivery's process and flush its logs: that process ends without exit handlers."""
        for client in (self.connection, self._ledger):
            speak_briefly(client)
        try:
            return super().perform_job(job, queue, execution)
        finally:
            for handler in logging.getLogger().handlers:
                handler.flush()

    def handle_exception(
        self, job: Job, kind: type[BaseException], fault: BaseException, trace: TracebackType | None
    ) -> None:
        """Log where the delivery failed, without the exception's message: it may contain personal data."""
        if not isinstance(fault, DeliveryFailed):
            log.error("RQ job %s failed; a worker is rung again", job.id, exc_info=(kind, fault, trace))
            return
        with log_ids.bound(**fault.ids):
            log.error("%s", fault, exc_info=fault.__context__)

    def setup_work_horse_signals(self) -> None:
        """Install the delivery's signal handlers, then unblock the stop signal."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]  # as in rq
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGRTMIN})


def _is_ring(job: Job) -> bool:
    try:
        called = (job.instance, job.func_name)
    except DeserializationError:
        return False
    # By name: RQ's properties would import the functions.
    hooks = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name, job.webhooks)
    return called in {(None, task) for task in doorbell.TASKS} and not any(hooks)


def run(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT. Raises NotOurs, with nothing written, if Redis is another installation's.

    RQ's worker ends when Redis fails it at some moments of a job, as in a failover. Another one then takes its place in
    this process; the batch that it worked on is rung again.
    """
    stop = Event()
    memory = StepMemory()
    ended = 0
    # A client for RQ alone, which makes the time-outs of its connections longer; a cluster's has one already.
    with connect(settings.redis_url) as redis, connect(settings.redis_url) as alone, sharing(redis):
        warm(redis)
        for_rq = doorbell.rq_client(redis) if is_spread(redis) else alone
        while not stop.is_set():
            _stop_by_signal(stop)
            try:
                installation.claim(redis, settings.installation)
                clock.follow(redis)
                if _worked_until_stopped(redis, for_rq, memory, stop, ended):
                    return
                ended += 1
                log.warning("RQ's worker ended by itself, see the lines before; another starts now, nothing is lost")
            except RedisError as fault:
                log.warning("%s Trying again in %d s, nothing is lost", outage(fault), WAIT_S)
            stop.wait(WAIT_S)


def _stop_by_signal(stop: Event) -> None:
    """Handle signals while none of RQ's workers runs; a worker has its own handlers, and leaves them installed."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())


def _worked_until_stopped(redis: Redis, for_rq: Redis, memory: StepMemory, stop: Event, ended: int) -> bool:
    """Run one of RQ's workers; return whether a signal stopped it. `ended`: how many ended before.

    Raises redis.RedisError if Redis does not answer at the start.
    """
    worker = DeliveryWorker(
        [doorbell.rq_queue(for_rq)],
        connection=for_rq,
        serializer=JSONSerializer,
        maintenance_interval=MAINTENANCE_S,
        worker_ttl=WORKER_TTL_S,
        log_job_description=False,
        ledger=redis,
        memory=memory,
        stop=stop,
    )
    if ended:
        metrics.count(redis, {metrics.RESTARTED: 1})
    log.info("worker is up; it waits for jobs of %s", deliver.__name__)
    with suppress(RedisError, OSError, StopRequested):  # RQ does not get to sign off
        worker.work(logging_level=logging.getLevelName(logging.WARNING))
    _stop_by_signal(stop)
    if worker.stopped_by is not None:
        return True
    with suppress(RedisError, OSError):  # its subscription would otherwise keep a thread and a connection
        worker.unsubscribe()  # type: ignore[no-untyped-call]  # as in rq
    return False
