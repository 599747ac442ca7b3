"""One delivery: a batch that this worker holds, its destination and its progress, and the counts of what became of it.

The number of Klaviyo's own reasons is unlimited: dead letters show them, the metrics count them as `other`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, TypeVar

from redis import Redis

from identity.persons import Intent
from klaviyo.client import Klaviyo
from klaviyo.imports import ImportJob
from klaviyo.outcomes import Outcome, Retry
from mappings.errors import Reason
from queues import batches, metrics
from queues.batches import Batch, is_failure
from queues.change import is_blank
from queues.clock import now_ms
from queues.names import Queue
from queues.people.identities import Identities
from queues.snapshots import members
from worker import progress
from worker.connection import Destination
from worker.errors import guarded
from worker.people.batch_people import People
from worker.progress import BatchFacts, Progress, Rejection

#: A lease outlasts the longest request (klaviyo/http.py: 60 s in all) and is renewed before each.
LEASE_MS = 90_000
Made = TypeVar("Made")
OTHER: Final = "other"
#: Reasons of dead letters that a delivery gives, besides those of the mappings.
OF_DELIVERY: Final = frozenset(
    {
        "ambiguous_person",
        "bad_request",
        "crashed_worker",
        "erasure_needs_a_look",
        "event_too_large",
        "gave_up",
        "global_unsubscribe_not_allowed",
        "identifier_blocked",
        "identifier_shared",
        "identity_clash",
        "import_failed",
        "import_unconfirmed",
        "list_gone",
        "list_refused",
        "mapping_failed",
        "merged_profile",
        "no_email",
        "not_on_list",
        "not_removed",
        "order_unreadable",
        "profile_too_large",
        "profile_unknown",
        "snapshot_endless",
        "snapshot_gone",
        "snapshot_unreadable",
        "too_large",
        "url_too_long",
    }
)
_OF_DEATH: Final = OF_DELIVERY | frozenset(Reason)
#: Other codes that are counted: warnings of a delivery, and findings about identifiers.
OF_IDENTITY: Final = frozenset(
    {
        *("identifier_blocked", "identifier_kept", "identifier_shared", "identifier_taken"),
        *("late", "not_on_list", "shared_value", "unremembered"),
    }
)
_OF_RETRY: Final = frozenset(
    {"daily_limit", "edge_block", "http", "list_not_echoed", "network", "own_limit", "throttled", "unexpected_answer"}
)


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
    # Each step asks for them anew.
    _hashes: dict[int, bytes] = field(default_factory=dict, repr=False, compare=False)

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
        if (known := self._hashes.get(person)) is None:
            named = self.people.named(self.intents[person].indexes)
            known = self.identities.hash(named[0] if named else ("change", f"{self.batch.id}:{person}"))
            self._hashes[person] = known
        return known

    def learn(self, facts: BatchFacts) -> None:
        """Coalesce the people by these facts from now on. Called before anything is done for anybody."""
        self.progress.facts = facts
        self.people = self.people.with_facts(facts)
        self.__dict__.pop("intents", None)
        self._hashes.clear()

    def note(self) -> None:
        """Write down a success, which resets the retries, and keep the batch. Raises LeaseLost."""
        self.progress.faults, self.progress.trouble = 0, ""
        self.keep()

    def keep(self) -> None:
        """Write down the progress unchanged and keep the batch. Raises LeaseLost."""
        batches.submit(self.redis, self.batch, progress.dump(self.progress), fails=is_failure(self.progress.trouble))

    def give_back(self, after_ms: int, attempts: int = 0, rests: bool = False) -> None:
        """Write down the progress and ring a worker in `after_ms`; when it `rests`, no worker takes it up earlier.

        Raises LeaseLost.
        """
        written, fails = progress.dump(self.progress), is_failure(self.progress.trouble)
        sent = self.progress.stage != "upload"
        batches.submit(self.redis, self.batch, written, now_ms() + after_ms, attempts, sent, rests, fails)

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


def count_deaths(redis: Redis, queue: Queue, reasons: Iterable[str]) -> None:
    """Count the changes that became dead letters, by reason."""
    labels = (reason if reason in _OF_DEATH else OTHER for reason in reasons)
    metrics.count(redis, Counter(metrics.of(metrics.DEAD, queue, reason) for reason in labels))


def count_findings(redis: Redis, queue: Queue, counts: Mapping[str, int]) -> None:
    """Count the findings about people's identifiers, by code; codes outside OF_IDENTITY are ignored."""
    found = {metrics.of(metrics.IDENTITY, queue, code): more for code, more in counts.items() if code in OF_IDENTITY}
    metrics.count(redis, found)


def count_retry(redis: Redis, queue: Queue, outcome: Outcome) -> None:
    """Count a retry of a delivery, by its cause."""
    # The part after network: or http_ would make too many labels; the log has it.
    why = outcome.why.partition(":")[0] if isinstance(outcome, Retry) else OTHER
    why = "http" if why.startswith("http_") else why
    metrics.count(redis, {metrics.of(metrics.RETRIES, queue, why if why in _OF_RETRY else OTHER): 1})


def count_lost_import(redis: Redis, queue: Queue) -> None:
    """Count an import job that Klaviyo has cancelled or does not know; its people are uploaded again."""
    metrics.count(redis, {metrics.of(metrics.RETRIES, queue, "import_lost"): 1})


def count_lapsed_lease(redis: Redis, queue: Queue) -> None:
    """Count a lease that a worker let expire."""
    metrics.count(redis, {metrics.of(metrics.LAPSED, queue): 1})


def count_import(redis: Redis, queue: Queue, job: ImportJob) -> None:
    """Count a complete import job, unless Klaviyo does not tell how long it took."""
    if job.took_ms is not None:
        metrics.count(redis, metrics.of_import(queue.connection, job.took_ms))
