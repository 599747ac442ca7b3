"""One delivery: a batch that this worker holds, its destination and its progress."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from redis import Redis

from klaviyo.client import Klaviyo
from queues import batches
from queues.batches import Batch
from queues.change import is_blank
from queues.clock import now_ms
from queues.people.identities import Identities
from queues.snapshots import members
from worker import progress
from worker.coalesce import Intent
from worker.connection import Destination
from worker.errors import guarded
from worker.people.batch_people import People
from worker.progress import BatchFacts, Progress, Rejection

#: A lease outlasts the longest request (klaviyo/http.py: 60 s in all) and is renewed before each.
LEASE_MS = 90_000
Made = TypeVar("Made")


def _coalesced(people: People) -> list[Intent]:
    return people.intents


@dataclass
class Delivery:
    """The state that the stages of a delivery share. `read` makes the intents, by the kind of the queue."""

    redis: Redis
    batch: Batch
    to: Destination
    klaviyo: Klaviyo
    progress: Progress = field(default_factory=Progress)
    read: Callable[[People], list[Intent]] = _coalesced

    @cached_property
    def people(self) -> People:
        """The people of the changes."""
        where = f"batch {self.batch.id}"
        return People(self.batch.changes, self.to.rules, self.to.identity, where, self.progress.facts)

    @cached_property
    def intents(self) -> dict[int, Intent]:
        """The intent of each person, by the person's last change; none for erased people."""
        return {intent.last: intent for intent in self.read(self.people) if intent.last not in self.erased}

    @cached_property
    def erased(self) -> frozenset[int]:
        """The changes that an erasure has blanked; they count as superseded."""
        return frozenset(index for index, change in enumerate(self.batch.changes) if is_blank(change))

    @cached_property
    def identities(self) -> Identities:
        """The remembered identifiers of people in the connection."""
        return Identities(self.redis, self.batch.queue.connection)

    @cached_property
    def keeps_members(self) -> bool:
        """Whether the audience has a membership ledger, because it got a snapshot."""
        queue = self.batch.queue
        return queue.kind == "audience" and members.is_kept(self.redis, queue)

    def hash_of(self, person: int) -> bytes:
        """Return the keyed hash under which a person of the batch is remembered."""
        named = self.people.named(self.intents[person].indexes)
        return self.identities.hash(named[0] if named else ("change", f"{self.batch.id}:{person}"))

    def learn(self, facts: BatchFacts) -> None:
        """Coalesce the people by these facts from now on. Called before anything is done for anybody."""
        self.progress.facts = facts
        self.people = self.people.with_facts(facts)
        self.__dict__.pop("intents", None)

    def note(self) -> None:
        """Write down a success, which resets the retries, and keep the batch. Raises LeaseLost."""
        self.progress.faults, self.progress.trouble = 0, ""
        self.keep()

    def keep(self) -> None:
        """Write down the progress unchanged and keep the batch. Raises LeaseLost."""
        batches.submit(self.redis, self.batch, progress.dump(self.progress))

    def give_back(self, after_ms: int, attempts: int = 0, rests: bool = False) -> None:
        """Write down the progress and ring a worker in `after_ms`; when it `rests`, no worker takes it up earlier.

        Raises LeaseLost.
        """
        written = progress.dump(self.progress)
        sent = self.progress.stage != "upload"
        batches.submit(self.redis, self.batch, written, now_ms() + after_ms, attempts, sent, rests)

    def warn(self, person: int, *codes: str) -> None:
        """Record that the person is delivered without the parts that these codes name."""
        known = self.progress.warnings.get(person, ())
        self.progress.warnings[person] = tuple(dict.fromkeys((*known, *codes)))

    def reject(self, person: int, reason: str, detail: dict[str, Any]) -> None:
        """Record that the person cannot be delivered; `detail` goes to the dead letter only."""
        self.progress.rejected[person] = Rejection(reason, detail)

    def or_rejected(self, person: int, make: Callable[[], Made]) -> Made | None:
        """Return the result of `make` for a person; on failure, reject the person and return None."""
        found = guarded(make, f"batch {self.batch.id}")
        if isinstance(found, Rejection):
            self.progress.rejected[person] = found
            return None
        return found

    def reject_all(self, persons: Sequence[int], reason: str, detail: dict[str, Any]) -> None:
        """Reject all these persons for the same reason."""
        for person in persons:
            self.reject(person, reason, detail)

    def reject_rest(self, reason: str, detail: dict[str, Any]) -> None:
        """Reject everybody whose outcome is not known yet."""
        ended = self.progress.ended()
        self.reject_all([person for person in self.intents if person not in ended], reason, detail)
