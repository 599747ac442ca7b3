"""Who is on the list once a batch is delivered: written into the ledger of an audience that gets snapshots."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from functools import reduce

from mappings.profile import Profile
from queues import members
from queues.change import Change
from queues.clock import now_ms
from queues.members import Bucket, Member
from queues.snapshots import KIND
from snapshots.digests import merged
from snapshots.rows import identity_of
from worker.coalesce import Intent
from worker.delivery import Delivery
from worker.people import identifiers, mapped_by
from worker.progress import Rejection

#: What a delivered person changes in a bucket.
Edit = Callable[[Bucket], None]


def keep_members(delivery: Delivery) -> None:
    """Write down what became of everybody who is delivered, before the batch is settled. May be repeated.

    Somebody who was refused is what they were, so that the next snapshot tries again. Raises LeaseLost.
    """
    redis, queue = delivery.redis, delivery.batch.queue
    if queue.kind != "audience" or not members.is_kept(redis, queue):
        return
    edits: defaultdict[int, list[Edit]] = defaultdict(list)
    for person, intent in delivery.intents.items():
        rejection = delivery.progress.rejected.get(person)
        if rejection is None or rejection.uncertain or is_uploaded(rejection):
            for identity in _identities(delivery, person, intent):
                edits[members.bucket_of(identity)].append(_edit_of(delivery, intent, identity, rejection))
    carried_out, now = members.snapshot_at(redis, queue), now_ms()

    def change(number: int, bucket: Bucket) -> Bucket:
        for edit in edits[number]:
            edit(bucket)
        return members.tidied(bucket, carried_out, now)

    members.edit(redis, queue, edits, change, held=delivery.batch)


def is_uploaded(rejection: Rejection) -> bool:
    """Whether a person was imported before they were rejected, for a field that could not be cleared. Pure."""
    return "fields" in rejection.detail


def joined(bucket: Bucket, identity: str, changes: list[Change], at: int) -> None:
    """Somebody is on the list by a change of the CDP's time `at`, in ms; `changes`: what was written, oldest first."""
    known = bucket.members.get(identity, Member(0))
    bucket.members[identity] = Member(at, _digests(known.digests, changes))
    bucket.gone.pop(members.gone_key(identity), None)


def updated(bucket: Bucket, identity: str, changes: list[Change]) -> None:
    """The attributes of somebody who may be on the list were written."""
    if known := bucket.members.get(identity):
        bucket.members[identity] = known._replace(digests=_digests(known.digests, changes))


def left(bucket: Bucket, identity: str, by: Change) -> None:
    """Somebody is off the list. That a snapshot took them off is no reason not to put them back with one."""
    bucket.members.pop(identity, None)
    if by.body.source != KIND:
        bucket.gone[members.gone_key(identity)] = by.body.at


def _digests(before: bytes, changes: list[Change]) -> bytes:
    """Nothing is known where others than snapshots have written: the next snapshot sends everything."""
    if any(change.body.source != KIND for change in changes):
        return b""
    return reduce(merged, (bytes(change.body.person) for change in changes), before)


def _edit(delivery: Delivery, intent: Intent, identity: str) -> Edit:
    written = [delivery.batch.changes[index] for index in intent.written]
    if intent.membership is None:
        return lambda bucket: updated(bucket, identity, written)
    by = next(
        change
        for index in reversed(intent.indexes)
        if (change := delivery.batch.changes[index]).body.action == intent.membership
    )
    if intent.membership == "add":
        return lambda bucket: joined(bucket, identity, written, by.body.at)
    return lambda bucket: left(bucket, identity, by)


def _edit_of(delivery: Delivery, intent: Intent, identity: str, rejection: Rejection | None) -> Edit:
    if rejection is None:
        return _edit(delivery, intent, identity)
    return _maybe(intent, identity) if rejection.uncertain else _uploaded(intent, identity)


def _uploaded(intent: Intent, identity: str) -> Edit:
    """Of somebody who is on the list although they are a dead letter: else no snapshot would take them off."""

    def edit(bucket: Bucket) -> None:
        if intent.membership == "add":
            bucket.members.setdefault(identity, Member(0))

    return edit


def _maybe(intent: Intent, identity: str) -> Edit:
    """Of somebody with whom any of it may have been done: nothing that is known of them can be relied on."""

    def edit(bucket: Bucket) -> None:
        if (known := bucket.members.get(identity)) and intent.membership != "remove":
            bucket.members[identity] = known._replace(digests=b"")
        elif known or intent.membership == "add":
            bucket.members[identity] = Member(members.PERHAPS)

    return edit


def _identities(delivery: Delivery, person: int, intent: Intent) -> list[str]:
    """By what the ledger knows the person: of one who leaves, by each under which they may have been on the list."""
    last = delivery.batch.changes[intent.last]
    if all(delivery.batch.changes[index].body.source == KIND for index in intent.indexes):
        return [identity_of(bytes(last.body.person))]
    if intent.membership == "remove":
        found = identifiers(delivery, person)
        return [str(members.identity({name: value})) for name, value in found]
    written = [delivery.batch.changes[index] for index in intent.written]
    mapped = mapped_by(delivery.to.rules, written, f"batch {delivery.batch.id}")
    identity = members.identity(mapped.attributes) if isinstance(mapped, Profile) else None
    return [identity] if identity else []
