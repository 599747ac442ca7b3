"""The batches of a queue that were settled, as its page shows them: figures and ids, nobody's data. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from queues.settled import ImportJob, Settled
from wording import number, plural, span

#: Import jobs of one batch that are told one by one.
_JOBS: Final = 5


@dataclass(frozen=True, slots=True)
class Upload:
    """`settled`: ms. `reason`: size, age or operator. `took`: from the taking to the end, in words.

    `rows`: people in its import jobs. `jobs`, `dead`: lines of words. `failed`: tries that failed.
    """

    id: str
    settled: int
    reason: str
    changes: int
    rows: int
    delivered: int
    superseded: int
    dead: list[str]
    jobs: list[str]
    took: str
    failed: int


def upload(batch: Settled) -> Upload:
    """What to show of a settled batch."""
    ends = batch.ends
    died = Counter(ends.dead.values()).most_common()
    return Upload(
        batch.id,
        batch.settled,
        batch.reason,
        batch.count,
        sum(len(job.rows) for job in ends.jobs),
        batch.delivered,
        len(ends.superseded),
        [f"{number(letters)} {reason}" for reason, letters in died],
        _jobs(ends.jobs),
        span(batch.settled - batch.taken),
        batch.attempts,
    )


def _jobs(jobs: tuple[ImportJob, ...]) -> list[str]:
    told = [_job(job) for job in jobs[:_JOBS]]
    more = len(jobs) - _JOBS
    return [*told, f"and {plural(more, 'import job')}"] if more > 0 else told


def _job(job: ImportJob) -> str:
    refused = f", {number(job.failed)} refused" if job.failed else ""
    return f"{job.id}: {plural(len(job.rows), 'person', 'people')}{refused}"
