"""What a snapshot changes goes into the audience's queue, bucket by bucket, and from there the way of every change.

How a snapshot ends: carried out, superseded by a newer one, or refused. Its body goes, its record stays a while.
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
from queues.snapshots import members, mirror, orders, rosters
from queues.snapshots.records import State
from snapshots.gathering import Gathered
from snapshots.plan import PlannedChange
from snapshots.plan_store import Plan
from worker.delivery import Delivery
from worker.errors import Later
from worker.settling import settle
from worker.snapshots.run import KIND, SnapshotRun, carriers

log = logging.getLogger(__name__)

#: Buckets whose changes are queued between two notes. A bucket queued twice is recognised for a day.
NOTE_EVERY: Final = 64
#: Seconds until a full queue has room again, perhaps.
FULL_S: Final = 60.0
#: The part of a queue that may be filled when it is gone on with.
ROOM: Final = 0.9


def wait_for_room(of: SnapshotRun) -> None:
    """Raises Later while the queue is nearly full: reading the snapshot anew for a few changes would fill the time."""
    (seen,) = pending.look(of.delivery.redis, [of.audience])
    if seen.waiting.pending > ROOM * bounds.PENDING_IN_QUEUE:
        raise Later(f"snapshot {of.order.snapshot}: {of.audience} is nearly full", FULL_S)


def apply(of: SnapshotRun, plan: Plan) -> None:
    """Queue what is not queued yet. Raises Later while there is no room, LeaseLost."""
    policy = of.connection.policy_for("audience", of.audience.target)
    facts = msgspec.json.encode(of.facts)
    todo = ((bucket, planned) for bucket, planned in plan.parts() if bucket >= of.course.bucket)
    for done, (bucket, planned) in enumerate(todo, 1):
        changes = [_encoded(of, change) for change in planned]
        try:
            left_out = mirror.mirror(
                of.delivery.redis, of.audience, policy, of.order.snapshot, bucket, changes, facts, now_ms()
            )
        except (QueueFull, OutOfMemoryError):
            of.note()
            raise Later(f"snapshot {of.order.snapshot}: {of.audience} is full", FULL_S) from None
        except SnapshotReplaced as replaced:
            of.begin_again()
            raise Later(str(replaced), 1.0) from None
        if of.record.counts:
            of.record.counts.newer += left_out
        of.course.bucket = bucket + 1
        if done % NOTE_EVERY == 0:
            of.note()


def void_letters(of: SnapshotRun, people: Gathered) -> None:
    """Dead letters that replaying would turn against the snapshot are superseded: it is newer than they are."""
    redis, until = of.delivery.redis, of.course.since
    letters = [letter for letter in dead_letters.read(redis, of.audience) if letter.change.accepted_at < until]
    # A person goes with all letters or none.
    newer = Names.of(letter.change.keys for letter in letters if letter.change.body.at > of.order.at)
    older = [letter for letter in letters if not newer.has(letter.change.keys)]
    named = Names(*people.named_by({key for letter in older for key in letter.change.keys}) if older else ())
    if void := {letter.change.keys[0] for letter in older if is_void(letter, named.has(letter.change.keys))}:
        of.renew()
        gone = [letter.id for letter in older if letter.change.keys[0] in void]
        erasure.erase(redis, of.audience, [], gone, now_ms())


@dataclass(frozen=True, slots=True)
class Names:
    """People by their keys: those that name one of them, and all that any of them has."""

    names: Collection[str] = frozenset()
    keys: Collection[str] = frozenset()

    @classmethod
    def of(cls, persons: Iterable[tuple[str, ...]]) -> Names:
        """The people of these person keys."""
        found = [*persons]
        return cls({keys[0] for keys in found}, {key for keys in found for key in keys})

    def has(self, person: Sequence[str]) -> bool:
        """Whether the person of these keys is one of them: a key that names neither may be of both."""
        return person[0] in self.keys or any(key in self.names for key in person)


def is_void(letter: DeadLetter, is_named: bool) -> bool:
    """Whether a letter would take off somebody whom the snapshot names, or put on somebody else. Pure.

    What an earlier snapshot came to in vain, this one says anew or not at all.
    """
    body = letter.change.body
    return body.source == orders.KIND or (body.action == "remove") == is_named


def _encoded(of: SnapshotRun, planned: PlannedChange) -> bytes:
    body = Body(planned.action, of.order.at, orders.KIND, of.order.snapshot, msgspec.Raw(planned.fragment))
    return encode(planned.keys, now_ms(), body)


def finish(of: SnapshotRun) -> None:
    """Everything is queued: let it go at once, and settle. Raises LeaseLost."""
    redis = of.delivery.redis
    pending.flush(redis, of.audience, now_ms())
    pending.wake(redis)
    close_all(of.delivery)
    settle(of.delivery)


def give_way(of: SnapshotRun) -> None:
    """A newer one says more. What this one has queued already, the newer one takes into account. Raises LeaseLost."""
    log.info("snapshot %s: superseded by a newer one of %s", of.order.snapshot, of.audience)
    of.delivery.progress.overtaken.add(of.index)
    of.delivery.note()
    close_all(of.delivery)
    settle(of.delivery)


def refuse(of: SnapshotRun, reason: str, detail: dict[str, Any]) -> None:
    """It cannot be carried out: a dead letter. Raises LeaseLost."""
    what = "part of it is queued already: send it again" if of.course.bucket else "nothing was changed"
    log.error("snapshot %s: refused (%s); it is a dead letter, and %s", of.order.snapshot, reason, what)
    of.delivery.reject(of.index, reason, detail)
    of.delivery.note()
    close_all(of.delivery)
    settle(of.delivery)


def close_all(delivery: Delivery) -> None:
    """Before the batch is settled: whoever watches the audience stops, and every snapshot of the batch ends.

    Does nothing for batches of other kinds. May be repeated.
    """
    if delivery.batch.queue.kind != KIND:
        return
    for of in carriers(delivery):
        carried_out = of.order.at if of.course.step == "finish" else None
        members.end(delivery.redis, of.audience, of.order.snapshot, carried_out)
        _close(of)


def _close(of: SnapshotRun) -> None:
    rejection = of.delivery.progress.rejected.get(of.index)
    of.record.state = _state(of)
    if rejection:
        of.record.error = ": ".join([rejection.reason, *filter(None, [rejection.detail.get("detail")])])
    of.record.ended = of.record.ended or now_ms()
    rosters.drop(of.delivery.redis, of.order.snapshot)
    orders.close(of.delivery.redis, of.record)


def _state(of: SnapshotRun) -> State:
    if of.index in of.delivery.progress.rejected:
        return "refused"
    stands = of.index in of.delivery.intents and of.index not in of.delivery.progress.overtaken
    return "done" if stands else "superseded"
