"""The worker process: RQ's worker on one queue, fit for platforms that stop everything at once."""

from __future__ import annotations

import logging
import os
import signal
from contextlib import suppress
from types import TracebackType
from typing import Any

from queues import doorbell  # before rq: it sets RQ's key prefix

# isort: split
from redis import Redis
from redis.client import Pipeline
from redis.exceptions import RedisError
from rq.exceptions import DeserializationError
from rq.executions import Execution
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer
from rq.worker import HerokuWorker

from configuration.settings import Settings
from logs import log_ids
from queues.server.connection import connect
from queues.server.rollback import StepMemory
from worker import deliver  # imported before the fork, so that a delivery starts at once
from worker.errors import DeliveryFailed

log = logging.getLogger(__name__)

#: Seconds between RQ's own clean-ups; its default of ten minutes would leave a dead worker's jobs lying.
MAINTENANCE_S = 30
#: Seconds. A worker waits 15 less for a ring before it looks after its own, and takes a Redis that is silent for 10
#: more for dead: a connection that broke unnoticed costs a minute, with RQ's default of 420 it would cost seven.
WORKER_TTL_S = 60


class DeliveryWorker(HerokuWorker):
    """A worker whose running delivery gets some seconds to end when the platform stops everything (SIGTERM).

    A plain RQ worker would be killed with its delivery, whose batch would then wait for its lease to run out.
    """

    imminent_shutdown_delay = 8
    #: Seconds between two tries to reach Redis, at most; RQ waits up to a minute after Redis is back.
    max_connection_wait_time = 5.0
    #: The signal that asked it to stop.
    stopped_by: int | None = None
    _forking = False

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._memory = StepMemory()

    def validate_queues(self) -> None:
        """RQ calls this before anything else. Raises ValueError for more than one queue.

        With one, RQ moves a job to a list of its own until it is started; of two or more it pops, and a worker that
        dies in between takes the ring with it.
        """
        super().validate_queues()  # type: ignore[no-untyped-call]  # as in rq
        if len(self.queues) != 1:
            raise ValueError(f"a worker listens on one queue, not on {len(self.queues)}: start one for each")

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """RQ calls this now and then, whether a delivery runs or not; Ferry looks whether its ledger went back."""
        super().heartbeat(timeout, pipeline)
        if pipeline is not None:  # a delivery's, whose process remembers nothing
            return
        try:
            self._memory.look(self.connection)
        except RedisError as fault:
            log.warning(
                "the worker could not look whether the ledger is whole (%s); it looks again within a minute",
                type(fault).__name__,
            )

    def execute_job(self, job: Job, queue: Queue) -> None:
        """Carry out what Ferry rings for, and nothing else that stands in RQ's queue.

        RQ calls whatever a job names, so that without this whoever may write to Redis could run anything here.
        """
        if _is_ring(job):
            super().execute_job(job, queue)
            return
        doorbell.throw_away(self.connection, queue, job)
        log.error("RQ job %r is none of Ferry's and was thrown away; find out what else writes to this Redis", job.id)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Start a delivery; a stop asked for meanwhile waits until the delivery can be told of it.

        RQ tells its process group. Before it has one that is the worker's own, which would die of it with everything
        that was started in the same group; and before it listens, the delivery would.
        """
        self._forking = True
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
        super().fork_work_horse(job, queue)
        with suppress(OSError):  # the delivery has ended already
            os.setpgid(self.horse_pid, self.horse_pid)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGRTMIN})
        self._forking = False
        if self.stopped_by is not None:
            super().request_stop(self.stopped_by, None)  # type: ignore[no-untyped-call]  # as in rq

    def request_stop(self, signum: int, frame: object) -> None:
        """SIGTERM or SIGINT came."""
        self.stopped_by = signum
        if not self._forking:
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]  # as in rq

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        """In the delivery: carry it out, and see that what was logged gets out; the process ends without any exit."""
        try:
            return super().perform_job(job, queue, execution)
        finally:
            for handler in logging.getLogger().handlers:
                handler.flush()

    def handle_exception(
        self, job: Job, kind: type[BaseException], fault: BaseException, trace: TracebackType | None
    ) -> None:
        """In the delivery: log where it broke down, without the exception's words: they may hold a person's data."""
        if not isinstance(fault, DeliveryFailed):
            log.error("RQ job %s broke down; it is rung for again", job.id, exc_info=(kind, fault, trace))
            return
        with log_ids.bound(batch=fault.batch):
            log.error("%s", fault, exc_info=fault.__context__)

    def setup_work_horse_signals(self) -> None:
        """In the delivery: from now on it listens."""
        super().setup_work_horse_signals()  # type: ignore[no-untyped-call]  # as in rq
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGRTMIN})


def _is_ring(job: Job) -> bool:
    try:
        called = (job.instance, job.func_name)
    except DeserializationError:
        return False
    # By their names: RQ's properties would import what they name.
    hooks = (job._success_callback_name, job._failure_callback_name, job._stopped_callback_name, job.webhooks)
    return called in ((None, doorbell.TASK), (None, doorbell.PROBE)) and not any(hooks)


def run(settings: Settings) -> None:
    """Deliver until SIGTERM or SIGINT. Raises SystemExit when RQ's worker gives up, to be started again."""
    redis: Redis = connect(settings.redis_url)
    worker = DeliveryWorker(
        [doorbell.rq_queue(redis)],
        connection=redis,
        serializer=JSONSerializer,
        maintenance_interval=MAINTENANCE_S,
        worker_ttl=WORKER_TTL_S,
        log_job_description=False,
    )
    log.info("worker is up; it waits for %s to be rung", deliver.__name__)
    worker.work(logging_level=logging.getLevelName(logging.WARNING))
    if worker.stopped_by is None:
        # Not 0: some platforms start again only what failed.
        log.error("worker ends, for Redis failed it; whoever runs it starts it again, and nothing is lost")
        raise SystemExit(1)
