"""What is accepted and not yet carried out: done in order, each when its time is over. Jobs are forgotten in a week."""

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
    """How far an import is; the counts of one under way are an estimate from the clock."""

    status: str
    completed_count: int
    failed_count: int
    started: float | None
    completed: float | None


class Jobs:
    """All of them. `seconds` a task takes and `lifetime` seconds a job can be read count for those under way too.

    So does `membership_delay`: seconds from the end of an import until its people are on the lists. Klaviyo does not
    say that there are any.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.lifetime = LIFETIME_SECONDS
        self.membership_delay = 0.0
        self._by_id: dict[str, Readable] = {}
        self._pending: deque[Task] = deque()
        self._joining: deque[Task] = deque()

    def submit(self, account_id: str, rows: list[Row], list_ids: tuple[str, ...], now: float) -> ImportJob:
        """Queue checked rows; they become profiles when `due` hands the job out."""
        job_id = import_job_id(account_id, now)
        job = ImportJob(created=now, id=job_id, total=len(rows), list_ids=list_ids, rows=rows)
        self.publish(job)
        return job

    def publish(self, job: Readable) -> None:
        """Queue a job that can be read by its id."""
        self._by_id[job.id] = job
        self.accept(job)

    def accept(self, task: Task) -> None:
        """Queue a task, behind everything that was accepted before, whatever its kind."""
        self._pending.append(task)

    def due(self, now: float) -> Iterator[Task]:
        """The tasks whose time is over, in the order of these times; each is marked complete as it is handed out."""
        while (queue := self._next()) and (end := self._end(queue[0])) <= now:
            task = queue.popleft()
            task.completed = end
            if isinstance(task, ImportJob):
                self._joining.append(Joining(created=end, job=task))
            yield task

    def _next(self) -> deque[Task]:
        """The queue whose first task ends first; people join the lists of an import before anything after it."""
        return min(filter(None, (self._joining, self._pending)), key=lambda queue: self._end(queue[0]), default=deque())

    def _end(self, task: Task) -> float:
        return task.created + (self.membership_delay if isinstance(task, Joining) else self.seconds)

    def cancel(self, now: float) -> None:
        """Nothing comes of the imports that are under way. Klaviyo names the status and not what leads to it."""
        under_way = [task for task in self._pending if isinstance(task, ImportJob)]
        self._pending = deque(task for task in self._pending if not isinstance(task, ImportJob))
        for job in under_way:
            job.completed, job.cancelled, job.rows = now, True, []

    def forget(self, now: float) -> None:
        """Drop the jobs whose lifetime is over."""
        while self._by_id:
            oldest = next(iter(self._by_id.values()))
            if oldest.completed is None or oldest.created + self.lifetime > now:
                return
            del self._by_id[oldest.id]

    def get(self, job_id: str, kind: type[R]) -> R | None:
        """The job of that kind, while it can be read."""
        job = self._by_id.get(job_id)
        return job if isinstance(job, kind) else None

    def imports(self) -> list[ImportJob]:
        """Every readable import, oldest first."""
        return [job for job in self._by_id.values() if isinstance(job, ImportJob)]

    def progress(self, job: ImportJob, now: float) -> Progress:
        """Queued for the first third of its time, then processing."""
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
