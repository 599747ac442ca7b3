"""The doorbell: an RQ job that carries a batch id and nothing else.

RQ is not the ledger. A lost job costs seconds, because the scheduler rings again; a surplus job finds the batch held
or settled and ends.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import cast

from queues.keys import RQ_PREFIX

# RQ reads its prefix at import. It has a hash tag, because RQ's scripts use several of its keys at once.
os.environ["RQ_KEY_PREFIX"] = RQ_PREFIX.rstrip(":")

from redis import Redis
from redis.client import Pipeline
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError, ShutDownImminentException
from rq.job import Job
from rq.queue import EnqueueData
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException

from queues.server.cluster import ClusterClient

#: The one RQ queue. A worker that listens on two loses jobs for good when it dies (RQ 3: BLPOP instead of BLMOVE).
NAME = "ferry"
#: The worker's functions, named by path so that the scheduler need not import the worker.
TASK = "worker.deliver.deliver"
PROBE = "worker.probe.probe"
QUERY = "worker.queries.run.run"
TASKS = (TASK, PROBE, QUERY)
#: Seconds that a delivery may run without giving its batch back.
JOB_TIMEOUT = 900
#: Seconds that a failed job is kept: long enough to inspect; the log has the same information.
FAILURE_TTL = 3600
#: Exceptions that RQ raises at any point of a task; no code may treat them as its own fault.
INTERRUPTIONS = (ShutDownImminentException, JobTimeoutException)


def rq_client(redis: Redis) -> Redis:
    """Return the client that RQ uses: on a cluster, that of the one node with RQ's keys (server/cluster.py)."""
    return cast(Redis, redis.rq) if isinstance(redis, ClusterClient) else redis


def rq_queue(redis: Redis) -> Queue:
    """Return RQ's queue. It uses JSON, so that reading a job never executes anything."""
    return Queue(NAME, connection=rq_client(redis), serializer=JSONSerializer)


def ring(redis: Redis, batch_ids: list[str], now: int) -> list[str]:
    """Ring a worker for each batch that has no job waiting; return the batches rung.

    `now` (ms) makes job ids unique: RQ mistakes a second job of the same id for the first.
    """
    return _ring(redis, TASK, batch_ids, now, JOB_TIMEOUT)


def ring_run(redis: Redis, run_id: str, now: int, timeout: int) -> None:
    """Ring a worker for the run of a query, unless it has a job waiting. `timeout`: seconds that the job may last."""
    _ring(redis, QUERY, [run_id], now, timeout)


def _ring(redis: Redis, task: str, ids: list[str], now: int, timeout: int) -> list[str]:
    queue = rq_queue(redis)
    waiting = {job_id.rpartition("_")[0] for job_id in queue.job_ids}
    fresh = [each for each in ids if each not in waiting]
    queue.enqueue_many([_job(task, each, f"{each}_{now}", timeout) for each in fresh])
    return fresh


def ask_probe(redis: Redis, connection: str, now: int) -> None:
    """Ask a worker to probe whether the cause of a connection's hold is gone."""
    rq_queue(redis).enqueue_many([_job(PROBE, connection, f"probe-{connection}_{now}")])


def _job(task: str, argument: str, job_id: str, timeout: int = JOB_TIMEOUT) -> EnqueueData:
    return Queue.prepare_data(
        task,
        args=[argument],
        timeout=timeout,
        result_ttl=0,
        failure_ttl=FAILURE_TTL,
        description=task.rpartition(".")[2],
        job_id=job_id,
    )


def forget_failures(redis: Redis, keep: int) -> None:
    """Delete the oldest failed jobs until at most `keep` are left."""
    failures = rq_queue(redis).failed_job_registry
    for job_id in failures.get_job_ids(0, -keep - 1):
        with suppress(NoSuchJobError):  # it expired meanwhile
            failures.remove(job_id, delete_job=True)


def throw_away(redis: Redis, queue: Queue, job: Job) -> None:
    """Remove a job from RQ that a worker has fetched and will not carry out."""
    redis.lrem(queue.intermediate_queue_key, 0, job.id)
    redis.delete(job.key)


def forget(pipe: Pipeline, job: Job) -> None:
    """Put the deletion of a job that has ended, and of the list of its executions, into a pipeline."""
    pipe.delete(job.key, job.execution_registry.key)


def last_sign(redis: Redis, host: str) -> int | None:
    """Return the ms at which a worker on this host last gave a sign of life; None if none is registered."""
    found = (worker for worker in Worker.all(queue=rq_queue(redis)) if worker.hostname == host)
    signs = [round(worker.last_heartbeat.timestamp() * 1000) for worker in found if worker.last_heartbeat]
    return max(signs, default=None)


def workers(redis: Redis) -> dict[str, str]:
    """Return the state of each worker process by name; one that was killed stays for some minutes."""
    return {worker.name: str(worker.get_state()) for worker in Worker.all(queue=rq_queue(redis))}
