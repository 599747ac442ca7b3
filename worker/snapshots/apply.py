"""Queues the changes of a snapshot in the audience's queue, bucket by bucket, and ends the snapshot.

From the queue they are delivered like all other changes. A snapshot ends carried out, superseded by a newer one, or
refused; its body is deleted and its record stays for a while.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from redis.exceptions import OutOfMemoryError

from queues import bounds, dead_letters, erasure, pending
from queues.change import Body, encode
from queues.clock import now_ms
from queues.dead_letters import DeadLetter
from queues.errors import QueueFull, SnapshotReplaced
from queues.queries import good
from queues.snapshots import members, mirror, orders, rosters
from queues.snapshots.records import Outcomes, State
from snapshots.gathering import Gathered
from snapshots.plan import PlannedChange
from snapshots.plan_store import Plan
from worker.delivery import Delivery
from worker.errors import Later
from worker.settling import settle
from worker.snapshots.run import KIND, SnapshotRun, carriers

log = logging.getLogger(__name__)

#: Buckets whose changes are queued between two notes of the progress. A repeated bucket is recognised for a day.
NOTE_EVERY: Final = 64
#: Seconds until a full queue is tried again.
FULL_S: Final = 60.0
#: The snapshot continues only while the queue is filled up to this part.
ROOM: Final = 0.9


def wait_for_room(of: SnapshotRun) -> None:
    """Raises Later while the queue is nearly full: reading the snapshot again for a few changes would waste time."""
    (seen,) = pending.look(of.delivery.redis, [of.audience])
    if seen.waiting.pending > ROOM * bounds.PENDING_IN_QUEUE:
        raise Later(f"snapshot {of.order.snapshot}: {of.audience} is nearly full", FULL_S)


def apply(of: SnapshotRun, plan: Plan) -> None:
    """Queue the changes that are not queued yet. Raises Later while the queue is full, LeaseLost."""
    facts = msgspec.json.encode(of.facts)
    todo = ((bucket, planned) for bucket, planned in plan.parts() if bucket >= of.course.bucket)
    for done, (bucket, planned) in enumerate(todo, 1):
        queue_bucket(of, bucket, [_encoded(of, change) for change in planned], facts)
        if done % NOTE_EVERY == 0:
            of.note()


def queue_bucket(of: SnapshotRun, bucket: int, changes: list[bytes], facts: bytes = b"") -> None:
    """Queue the changes of one bucket, once. `facts`: JSON of the audience. Raises Later while the queue is full."""
    redis, policy = of.delivery.redis, of.connection.policy_for("audience", of.audience.target)
    part = bucket if of.course.removed is None else members.BUCKETS + bucket
    try:
        left_out = mirror.mirror(redis, of.audience, policy, of.order.snapshot, part, changes, facts, now_ms())
    except (QueueFull, OutOfMemoryError):
        of.note()
        raise Later(f"snapshot {of.order.snapshot}: {of.audience} is full", FULL_S) from None
    except SnapshotReplaced as replaced:
        of.begin_again()
        raise Later(str(replaced), 1.0) from None
    of.course.queued += len(changes) - left_out
    of.course.newer += left_out
    of.course.bucket = bucket + 1


def void_letters(of: SnapshotRun, people: Gathered) -> None:
    """Delete older dead letters whose replay would contradict the snapshot."""
    redis, until = of.delivery.redis, of.course.since
    letters = [letter for letter in dead_letters.read(redis, of.audience) if letter.change.accepted_at < until]
    # A person's letters are deleted all together or not at all.
    newer = Names.of(letter.change.keys for letter in letters if letter.change.body.at > of.order.at)
    older = [letter for letter in letters if not newer.has(letter.change.keys)]
    named = Names(*people.named_by({key for letter in older for key in letter.change.keys}) if older else ())
    if void := {letter.change.keys[0] for letter in older if is_void(letter, named.has(letter.change.keys))}:
        of.renew()
        gone = [letter.id for letter in older if letter.change.keys[0] in void]
        erasure.erase(redis, of.audience, [], gone, now_ms())


@dataclass(frozen=True, slots=True)
class Names:
    """People by their keys. `names`: the first key of each person. `keys`: all keys of all of them."""

    names: Collection[str] = frozenset()
    keys: Collection[str] = frozenset()

    @classmethod
    def of(cls, persons: Iterable[tuple[str, ...]]) -> Names:
        """Make the names of the people with these person keys."""
        found = [*persons]
        return cls({keys[0] for keys in found}, {key for keys in found for key in keys})

    def has(self, person: Sequence[str]) -> bool:
        """Return whether the person with these keys is among them. People may share keys that name neither of them."""
        return person[0] in self.keys or any(key in self.names for key in person)


def is_void(letter: DeadLetter, is_named: bool) -> bool:
    """Return whether a letter would remove a person in the snapshot, or add a person outside it. Pure.

    An update says nothing about the list. Letters of earlier snapshots are always void: this snapshot repeats their
    changes or replaces them.
    """
    body = letter.change.body
    wrong = {"add": not is_named, "remove": is_named}
    return body.source == orders.KIND or wrong.get(body.action, False)


def _encoded(of: SnapshotRun, planned: PlannedChange) -> bytes:
    body = Body(planned.action, of.order.at, orders.KIND, of.order.snapshot, msgspec.Raw(planned.fragment))
    return encode(planned.keys, now_ms(), body)


def finish(of: SnapshotRun) -> None:
    """Flush the queued changes and settle the batch. Raises LeaseLost."""
    redis = of.delivery.redis
    pending.flush(redis, of.audience, now_ms())
    pending.wake(redis)
    close_all(of.delivery)
    settle(of.delivery)


def give_way(of: SnapshotRun) -> None:
    """End the snapshot as superseded. A newer one takes the changes queued so far into account. Raises LeaseLost."""
    log.info("snapshot %s: superseded by a newer one of %s", of.order.snapshot, of.audience)
    of.delivery.progress.overtaken.add(of.index)
    of.delivery.note()
    close_all(of.delivery)
    settle(of.delivery)


def refuse(of: SnapshotRun, reason: str, detail: dict[str, Any]) -> None:
    """End the snapshot as a dead letter. Raises LeaseLost."""
    what = "some of its changes are queued already: send it again" if of.course.queued else "nothing was changed"
    log.error("snapshot %s: refused (%s); it is a dead letter; %s", of.order.snapshot, reason, what)
    of.delivery.reject(of.index, reason, detail)
    of.delivery.note()
    close_all(of.delivery)
    settle(of.delivery)


def close_all(delivery: Delivery) -> None:
    """End the watch of the audience and every snapshot of the batch, before the batch is settled.

    Does nothing for batches of other kinds. May be repeated.
    """
    if delivery.batch.queue.kind != KIND:
        return
    for of in carriers(delivery):
        carried_out = of.order.at if of.course.step == "finish" and not of.order.compares else None
        members.end(delivery.redis, of.audience, of.order.snapshot, carried_out)
        if carried_out is not None and of.order.run and _state(of) == "delivering":
            good.accepted(delivery.redis, of.order.run, of.order.at, of.order.definition)
        _close(of)


def _close(of: SnapshotRun) -> None:
    rejection = of.delivery.progress.rejected.get(of.index)
    of.record.state = _state(of)
    # The older snapshots of a batch share its progress.
    of.record.outcomes = Outcomes(changes=of.course.queued if of.index in of.delivery.intents else 0)
    if rejection:
        of.record.error = ": ".join([rejection.reason, *filter(None, [rejection.detail.get("detail")])])
    if of.record.counts and not of.record.ended:
        of.record.counts.newer += of.course.newer
        of.record.counts.leaving = 0
    of.record.ended = of.record.ended or now_ms()
    rosters.drop(of.delivery.redis, of.order.snapshot)
    orders.close(of.delivery.redis, of.record)


def _state(of: SnapshotRun) -> State:
    if of.index in of.delivery.progress.rejected or (of.order.compares and of.record.error):
        return "failed"
    is_newest = of.index in of.delivery.intents and of.index not in of.delivery.progress.overtaken
    return "delivering" if is_newest else "superseded"
