"""Accepted tasks, carried out in order, each after its duration. Jobs can be read for a week."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from emulator.ids import import_job_id
from emulator.work import ImportJob, Joining, Readable, Row, Task

LIFETIME_SECONDS = 7 * 86_400.0
QUEUED_SHARE = 0.3
R = TypeVar("R", bound=Readable)


class Progress(msgspec.Struct, frozen=True):
    """The progress of an import; the counts of one in progress are an estimate from the clock."""

    status: str
    completed_count: int
    failed_count: int
    started: float | None
    completed: float | None


class Jobs:
    """All jobs and tasks. A change to these settings also applies to those in progress:

    `seconds`: the duration of a task. `lifetime`: seconds that a job can be read. `membership_delay`: seconds between
    the end of an import and the joining of its lists; Klaviyo does not document such a delay.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.lifetime = LIFETIME_SECONDS
        self.membership_delay = 0.0
        self._by_id: dict[str, Readable] = {}
        self._pending: deque[Task] = deque()
        self._joining: deque[Task] = deque()

    def submit(self, account_id: str, rows: list[Row], list_ids: tuple[str, ...], now: float) -> ImportJob:
        """Queue checked rows; they become profiles once `due` yields the job."""
        job_id = import_job_id(account_id, now)
        job = ImportJob(created=now, id=job_id, total=len(rows), list_ids=list_ids, rows=rows)
        self.publish(job)
        return job

    def publish(self, job: Readable) -> None:
        """Queue a job that can be read by its id."""
        self._by_id[job.id] = job
        self.accept(job)

    def accept(self, task: Task) -> None:
        """Queue a task after all tasks accepted before, of any kind."""
        self._pending.append(task)

    def due(self, now: float) -> Iterator[Task]:
        """Yield the tasks whose time is over, in the order of their ends, and mark each as complete."""
        while (queue := self._next()) and (end := self._end(queue[0])) <= now:
            task = queue.popleft()
            task.completed = end
            if isinstance(task, ImportJob):
                self._joining.append(Joining(created=end, job=task))
            yield task

    def _next(self) -> deque[Task]:
        """Return the queue whose first task ends first; the people of an import join its lists before later tasks."""
        return min(filter(None, (self._joining, self._pending)), key=lambda queue: self._end(queue[0]), default=deque())

    def _end(self, task: Task) -> float:
        return task.created + (self.membership_delay if isinstance(task, Joining) else self.seconds)

    def cancel(self, now: float) -> None:
        """Cancel the imports in progress. Klaviyo documents this status, but not its causes."""
        under_way = [task for task in self._pending if isinstance(task, ImportJob)]
        self._pending = deque(task for task in self._pending if not isinstance(task, ImportJob))
        for job in under_way:
            job.completed, job.cancelled, job.rows = now, True, []

    def forget(self, now: float) -> None:
        """Remove the jobs whose lifetime is over."""
        while self._by_id:
            oldest = next(iter(self._by_id.values()))
            if oldest.completed is None or oldest.created + self.lifetime > now:
                return
            del self._by_id[oldest.id]

    def get(self, job_id: str, kind: type[R]) -> R | None:
        """Return the job of that kind; None if it cannot be read (any more)."""
        job = self._by_id.get(job_id)
        return job if isinstance(job, kind) else None

    def every(self, kind: type[R]) -> list[R]:
        """Return every job of that kind that can be read, oldest first."""
        return [job for job in self._by_id.values() if isinstance(job, kind)]

    def progress(self, job: ImportJob, now: float) -> Progress:
        """Return the progress: queued for the first third of its duration, then processing."""
        if job.cancelled:
            return Progress("cancelled", 0, 0, None, job.completed)
        started = job.created + QUEUED_SHARE * self.seconds
        if job.completed is not None:
            failed = len(job.failures)
            return Progress("complete", job.total - failed, failed, started, job.completed)
        if now < started:
            return Progress("queued", 0, 0, None, None)
        share = min(1.0, (now - started) / (self.seconds * (1 - QUEUED_SHARE)))
        return Progress("processing", int(job.total * share), 0, started, None)
