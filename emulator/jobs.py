"""Bulk import jobs: accepted at once, carried out when their time is over, forgotten after seven days."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

import msgspec

from emulator.ids import import_job_id

LIFETIME_SECONDS = 7 * 86_400.0
QUEUED_SHARE = 0.3

Row = dict[str, Any]


class ImportFailure(msgspec.Struct, frozen=True):
    """One row that was accepted and then not imported."""

    id: str
    code: str
    detail: str
    row: Row


class ImportJob(msgspec.Struct):
    """One job; times in epoch seconds. The rows are let go when it is complete, the failures kept."""

    id: str
    created: float
    total: int
    list_ids: tuple[str, ...]
    rows: list[Row]
    failures: list[ImportFailure]
    completed: float | None = None


class Progress(msgspec.Struct, frozen=True):
    """How far a job is; the counts of a job under way are an estimate from the clock."""

    status: str
    completed_count: int
    failed_count: int
    started: float | None
    completed: float | None


class Jobs:
    """All jobs. `seconds` a job takes and `lifetime` seconds it can be read count for those under way as well."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.lifetime = LIFETIME_SECONDS
        self._by_id: dict[str, ImportJob] = {}
        self._pending: deque[ImportJob] = deque()

    def submit(self, account_id: str, rows: list[Row], list_ids: tuple[str, ...], now: float) -> ImportJob:
        """Queue checked rows; they become profiles when `due` hands the job out."""
        job = ImportJob(import_job_id(account_id, now), now, len(rows), list_ids, rows, [])
        self._by_id[job.id] = job
        self._pending.append(job)
        return job

    def due(self, now: float) -> Iterator[ImportJob]:
        """The jobs whose time is over, oldest first; each is marked complete as it is handed out."""
        while self._pending and self._pending[0].created + self.seconds <= now:
            job = self._pending.popleft()
            job.completed = job.created + self.seconds
            yield job

    def forget(self, now: float) -> None:
        """Drop the jobs whose lifetime is over."""
        while self._by_id:
            oldest = next(iter(self._by_id.values()))
            if oldest.completed is None or oldest.created + self.lifetime > now:
                return
            del self._by_id[oldest.id]

    def get(self, job_id: str) -> ImportJob | None:
        """The job, while it can be read."""
        return self._by_id.get(job_id)

    def all(self) -> list[ImportJob]:
        """Every readable job, oldest first."""
        return list(self._by_id.values())

    def progress(self, job: ImportJob, now: float) -> Progress:
        """Queued for the first third of its time, then processing."""
        started = job.created + QUEUED_SHARE * self.seconds
        if job.completed is not None:
            failed = len(job.failures)
            return Progress("complete", job.total - failed, failed, started, job.completed)
        if now < started:
            return Progress("queued", 0, 0, None, None)
        share = min(1.0, (now - started) / (self.seconds * (1 - QUEUED_SHARE)))
        return Progress("processing", int(job.total * share), 0, started, None)
