"""One delivery: a batch that this worker holds, where it goes, and how far it has come."""

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
    """Everything the stages of a delivery share. `read`: what its people come to, by the kind of the queue."""

    redis: Redis
    batch: Batch
    to: Destination
    klaviyo: Klaviyo
    progress: Progress = field(default_factory=Progress)
    read: Callable[[People], list[Intent]] = _coalesced

    @cached_property
    def people(self) -> People:
        """Who the changes are about."""
        where = f"batch {self.batch.id}"
        return People(self.batch.changes, self.to.rules, self.to.identity, where, self.progress.facts)

    @cached_property
    def intents(self) -> dict[int, Intent]:
        """What is to be done for each person, by the person's last change; nothing for those who are erased."""
        return {intent.last: intent for intent in self.read(self.people) if intent.last not in self.erased}

    @cached_property
    def erased(self) -> frozenset[int]:
        """The changes of which an erasure has left nothing; they count as superseded."""
        return frozenset(index for index, change in enumerate(self.batch.changes) if is_blank(change))

    @cached_property
    def identities(self) -> Identities:
        """What is remembered of people's identifiers in the connection."""
        return Identities(self.redis, self.batch.queue.connection)

    @cached_property
    def keeps_members(self) -> bool:
        """Whether it is written down who is on the list, because a snapshot came for the audience."""
        queue = self.batch.queue
        return queue.kind == "audience" and members.is_kept(self.redis, queue)

    def hash_of(self, person: int) -> bytes:
        """The keyed hash under which a person of the batch is remembered."""
        named = self.people.named(self.intents[person].indexes)
        return self.identities.hash(named[0] if named else ("change", f"{self.batch.id}:{person}"))

    def learn(self, facts: BatchFacts) -> None:
        """From now on the people are coalesced by these facts; before anything is done for anybody."""
        self.progress.facts = facts
        self.people = self.people.with_facts(facts)
        self.__dict__.pop("intents", None)

    def note(self) -> None:
        """Something was achieved: write the progress down and keep the batch. Raises LeaseLost."""
        self.progress.faults, self.progress.trouble = 0, ""
        self.keep()

    def keep(self) -> None:
        """Write the progress down as it is. Raises LeaseLost."""
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

    def or_rejected(self, person: int, make: Callable[[], Made]) -> Made | None:
        """What `make` makes of a person's changes; None, and the person rejected, where it fails."""
        found = guarded(make, f"batch {self.batch.id}")
        if isinstance(found, Rejection):
            self.progress.rejected[person] = found
            return None
        return found

    def reject_all(self, persons: Sequence[int], reason: str, detail: dict[str, Any]) -> None:
        """None of these persons can be delivered, all for the same reason."""
        for person in persons:
            self.reject(person, reason, detail)

    def reject_rest(self, reason: str, detail: dict[str, Any]) -> None:
        """Nobody can be delivered of whom is not known yet how they end."""
        ended = self.progress.ended()
        self.reject_all([person for person in self.intents if person not in ended], reason, detail)
