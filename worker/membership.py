"""Updates the membership ledger of an audience that gets snapshots after a batch is delivered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial, reduce
from itertools import chain

from identity.persons import Intent
from mappings.profile import Profile
from queues.change import Change
from queues.clock import now_ms
from queues.snapshots import members
from queues.snapshots.members import Bucket, Member
from queues.snapshots.orders import KIND
from snapshots.digests import filled, merged
from snapshots.rows import identity_of, strength
from worker.delivery import Delivery
from worker.people.profile_names import in_ledger
from worker.progress import Rejection

#: The change of a bucket by a delivered person.
Edit = Callable[[Bucket], None]


def keep_members(delivery: Delivery) -> None:
    """Record the membership of everybody who is delivered, before the batch is settled. May be repeated.

    Refused people keep their earlier record, so that the next snapshot tries again. Raises LeaseLost.
    """
    redis, queue = delivery.redis, delivery.batch.queue
    if queue.kind != "audience" or not members.is_kept(redis, queue):
        return
    edits: defaultdict[int, list[Edit]] = defaultdict(list)
    for identity, edit in chain(_gone(delivery), _delivered(delivery)):
        edits[members.bucket_of(identity)].append(edit)
    carried_out, now = members.snapshot_at(redis, queue), now_ms()

    def change(number: int, bucket: Bucket) -> Bucket:
        for edit in edits[number]:
            edit(bucket)
        return members.tidied(bucket, carried_out, now)

    members.edit(redis, queue, edits, change, held=delivery.batch)


def _gone(delivery: Delivery) -> Iterator[tuple[str, Edit]]:
    """Yield the removal of all identities of removed profiles. Comes first: a person may join under one of them."""
    for person, names in delivery.progress.gone.names.items():
        if person in delivery.intents and person not in delivery.progress.rejected:
            by = _decided_by(delivery, delivery.intents[person])
            yield from ((name, partial(left, identity=name, by=by)) for name in names)


def _delivered(delivery: Delivery) -> Iterator[tuple[str, Edit]]:
    state, stronger = delivery.progress, _stronger(delivery)
    for person, intent in delivery.intents.items():
        rejection = state.rejected.get(person)
        if person in state.overtaken:
            continue
        if rejection is None or rejection.uncertain or is_uploaded(rejection):
            own = [stronger[person]] if person in stronger else _identities(delivery, intent)
            yield from ((identity, _edit_of(delivery, intent, identity, rejection)) for identity in own)
            others = state.joined.names.get(person, ())
            weaker = [name for name in others if intent.membership == "add" and strength(name) > strength(own[0])]
            yield from ((name, partial(known_otherwise, identity=name)) for name in weaker)


def _stronger(delivery: Delivery) -> dict[int, str]:
    """Map people who joined by a single change to the stronger identity under which their profile is a member.

    When a snapshot uses another identity, that one stays a member as well, until a snapshot without it is done.
    """
    found: dict[int, list[str]] = {}
    for person, names in delivery.progress.joined.names.items():
        intent = delivery.intents.get(person)
        if intent and intent.membership == "add" and not _is_of_snapshots(delivery, intent):
            own = _identities(delivery, intent)
            found[person] = [name for name in names if strength(name) < strength(own[0])]
    known = in_ledger(delivery, {name for names in found.values() for name in names})
    return {person: next(iter(here)) for person, names in found.items() if (here := [n for n in names if n in known])}


def is_uploaded(rejection: Rejection) -> bool:
    """Return whether a person was imported before being rejected, because a field could not be cleared. Pure."""
    return "fields" in rejection.detail


def joined(bucket: Bucket, identity: str, changes: list[Change], at: int) -> None:
    """Add a member by a change of the CDP's time `at` (ms); `changes`: the written changes, oldest first."""
    known = bucket.members.get(identity, Member(0))
    bucket.members[identity] = Member(at, _digests(known.digests, changes))
    bucket.gone.pop(members.gone_key(identity), None)
    bucket.filled.pop(members.gone_key(identity), None)


def updated(bucket: Bucket, identity: str, changes: list[Change]) -> None:
    """Record written attributes of somebody who may be on the list."""
    if known := bucket.members.get(identity):
        bucket.members[identity] = known._replace(digests=_digests(known.digests, changes))


def known_otherwise(bucket: Bucket, identity: str) -> None:
    """Drop an identity whose profile is a member under another identity."""
    bucket.members.pop(identity, None)


def left(bucket: Bucket, identity: str, by: Change) -> None:
    """Remove a member. A removal by a snapshot is not kept: a later snapshot may add the person again.

    Kept are the fields of Klaviyo's with a value, because the profile stays and a snapshot may have to clear them.
    """
    known = bucket.members.pop(identity, None)
    if known and (fields := filled(known.digests)):
        bucket.filled[members.gone_key(identity)] = now_ms(), fields
    if by.body.source != KIND:
        bucket.gone[members.gone_key(identity)] = by.body.at


def _digests(before: bytes, changes: list[Change]) -> bytes:
    """Return the known digests; none after writes by other sources, so that the next snapshot sends all attributes."""
    if any(change.body.source != KIND for change in changes):
        return b""
    return reduce(merged, (bytes(change.body.person) for change in changes), before)


def _edit(delivery: Delivery, intent: Intent, identity: str) -> Edit:
    written = [delivery.batch.changes[index] for index in intent.written]
    if intent.membership is None:
        return lambda bucket: updated(bucket, identity, written)
    by = _decided_by(delivery, intent)
    if intent.membership == "add":
        return lambda bucket: joined(bucket, identity, written, by.body.at)
    return lambda bucket: left(bucket, identity, by)


def _decided_by(delivery: Delivery, intent: Intent) -> Change:
    """Return the newest change that decides the membership; it may be another person's."""
    changes = delivery.batch.changes
    newest_first = sorted((*intent.indexes, *intent.leaves), key=lambda index: (changes[index].body.at, index))[::-1]
    if intent.membership == "remove":
        return next(changes[i] for i in newest_first if i in intent.leaves or changes[i].body.action == "remove")
    return next(changes[i] for i in newest_first if changes[i].body.action == "add")


def _edit_of(delivery: Delivery, intent: Intent, identity: str, rejection: Rejection | None) -> Edit:
    if rejection is None:
        return _edit(delivery, intent, identity)
    return _maybe(intent, identity) if rejection.uncertain else _uploaded(intent, identity)


def _uploaded(intent: Intent, identity: str) -> Edit:
    """Return the edit for a dead letter who is on the list: without it no snapshot would take the person off."""

    def edit(bucket: Bucket) -> None:
        if intent.membership == "add":
            bucket.members.setdefault(identity, Member(0))

    return edit


def _maybe(intent: Intent, identity: str) -> Edit:
    """Return the edit for somebody whose change may or may not be carried out: the known record is unreliable."""

    def edit(bucket: Bucket) -> None:
        if (known := bucket.members.get(identity)) and intent.membership != "remove":
            bucket.members[identity] = known._replace(digests=b"")
        elif known or intent.membership == "add":
            bucket.members[identity] = Member(members.PERHAPS)

    return edit


def _is_of_snapshots(delivery: Delivery, intent: Intent) -> bool:
    return all(delivery.batch.changes[index].body.source == KIND for index in intent.indexes)


def _identities(delivery: Delivery, intent: Intent) -> list[str]:
    """Return the identities in the changes: the strongest one, or all of them for a person who leaves."""
    leaves, people = intent.membership == "remove", delivery.people
    if _is_of_snapshots(delivery, intent):
        indexes = intent.indexes if leaves else intent.written
        named = {identity_of(bytes(delivery.batch.changes[index].body.person)) for index in indexes}
    else:
        mapped = [people.mapped([index]) for index in intent.indexes] if leaves else [people.written(intent)]
        named = {str(members.identity(each.attributes)) for each in mapped if isinstance(each, Profile)}
    found = sorted(named, key=strength)
    return found if leaves else found[:1]
