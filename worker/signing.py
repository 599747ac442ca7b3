"""RQ's worker with fewer round trips to Redis: what it writes at once goes in one pipeline, what it knows is not asked.

RQ 3.0 sends three commands for each sign of life, three signs around each job, and ten reads to end a job that has no
dependents, no result and one execution, as all of Ferry's. Nothing here is the ledger's: a lost job is rung again.
"""

from __future__ import annotations

import time
from typing import Any, Final

from redis.client import Pipeline
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.queue import Queue
from rq.utils import now
from rq.worker import HerokuWorker, WorkerStatus

from queues import doorbell

#: Seconds in which a worker gives no second sign of life that says the same.
SIGN_S: Final = 1.0


class SigningWorker(HerokuWorker):
    """A worker that signs once after each job, and ends its jobs in one transaction."""

    _signed_until = 0.0

    def look_around(self) -> None:
        """Check what has to be checked regularly, at each sign of life."""

    def set_state(self, state: str, pipeline: Pipeline | None = None) -> None:
        """Set the state. That the worker is idle is written with the next sign, which RQ lets follow."""
        if pipeline is not None or state != WorkerStatus.IDLE:
            super().set_state(state, pipeline)
        elif state != self._state:
            self._state, self._signed_until = state, 0.0

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        """Give a sign of life, in one round trip, unless one with the same state was just given."""
        if pipeline is not None:
            super().heartbeat(timeout, pipeline)
            return
        if timeout is None and time.monotonic() < self._signed_until:
            return
        with self.connection.pipeline(transaction=False) as signs:
            super().set_state(self.get_state(), signs)
            super().heartbeat(timeout, signs)
            signs.execute()
        self._signed_until = time.monotonic() + SIGN_S
        self.look_around()

    def handle_execution_ended(self, job: Job, queue: Queue, heartbeat_ttl: int) -> None:
        """Note the end of a job. A failed one is kept, so that it also needs time."""
        if job.get_status(refresh=False) == JobStatus.FAILED:
            super().handle_execution_ended(job, queue, heartbeat_ttl)
        job.ended_at = now()

    def handle_job_success(self, job: Job, queue: Queue, started_job_registry: Any, execution: Execution) -> None:
        """Count and delete a job. If the worker dies before, RQ's clean-up finds the job and calls it failed."""
        with self.connection.pipeline() as ends:
            self.increment_successful_job_count(pipeline=ends)
            if job.started_at and job.ended_at:
                self.increment_total_working_time(job.ended_at - job.started_at, ends)
            self.cleanup_execution(job, pipeline=ends, execution=execution)
            doorbell.forget(ends, job)
            ends.execute()
