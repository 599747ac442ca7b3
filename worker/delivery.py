"""One delivery: a batch that this worker holds, where it goes, and how far it has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from redis import Redis

from klaviyo.client import Klaviyo
from queues import batches
from queues.batches import Batch
from queues.change import Change
from queues.clock import now_ms
from worker import progress
from worker.coalesce import Intent, coalesce
from worker.connection import Destination
from worker.progress import Progress, Rejection

#: A lease outlasts the longest request (klaviyo/http.py: 60 s in all) and is renewed before each.
LEASE_MS = 90_000


@dataclass
class Delivery:
    """Everything the stages of a delivery share. `read`: what changes come to, by the kind of the queue."""

    redis: Redis
    batch: Batch
    to: Destination
    klaviyo: Klaviyo
    progress: Progress = field(default_factory=Progress)
    read: Callable[[Sequence[Change]], list[Intent]] = coalesce

    @cached_property
    def intents(self) -> dict[int, Intent]:
        """What is to be done for each person, by the person's last change."""
        return {intent.last: intent for intent in self.read(self.batch.changes)}

    def note(self) -> None:
        """Something was achieved: write the progress down and keep the batch. Raises LeaseLost."""
        self.progress.faults, self.progress.trouble = 0, ""
        batches.submit(self.redis, self.batch, progress.dump(self.progress))

    def give_back(self, after_ms: int, attempts: int = 0, rests: bool = False) -> None:
        """Write the progress down and let a worker be rung in `after_ms`; if it `rests`, none is of use before.

        Raises LeaseLost.
        """
        written = progress.dump(self.progress)
        sent = self.progress.stage != "upload"
        batches.submit(self.redis, self.batch, written, now_ms() + after_ms, attempts, sent, rests)

    def warn(self, person: int, *codes: str) -> None:
        """The person is delivered without what these codes stand for."""
        known = self.progress.warnings.get(person, ())
        self.progress.warnings[person] = tuple(dict.fromkeys((*known, *codes)))

    def reject(self, person: int, reason: str, detail: dict[str, Any]) -> None:
        """The person cannot be delivered; `detail` goes to the dead letter only."""
        self.progress.rejected[person] = Rejection(reason, detail)

    def reject_all(self, persons: Sequence[int], reason: str, detail: dict[str, Any]) -> None:
        """None of these persons can be delivered, all for the same reason."""
        for person in persons:
            self.reject(person, reason, detail)

    def reject_rest(self, reason: str, detail: dict[str, Any]) -> None:
        """Nobody can be delivered of whom is not known yet how they end."""
        ended = self.progress.ended()
        self.reject_all([person for person in self.intents if person not in ended], reason, detail)
