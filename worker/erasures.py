"""Kind erasure: a person who asked to be forgotten is taken out of the ledger, then out of Klaviyo.

Waits while the person is in an open batch: what that one uploads has to be there before Klaviyo is asked to delete it.
Others of the batch do not wait for that.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Final

from klaviyo.deletions import Identifier
from mappings.errors import Rejected
from mappings.profile import Profile, to_profile
from mappings.sources import read
from queues import batches, consents, erasure, history, members, pending
from queues.change import Change
from queues.clock import now_ms
from queues.names import Queue
from worker.coalesce import Intent
from worker.delivery import LEASE_MS, Delivery
from worker.errors import Later
from worker.guarding import or_rejected
from worker.sending import send
from worker.settling import settle

log = logging.getLogger(__name__)

KIND: Final = "erasure"
#: Seconds until it is looked again whether the person's open batches are settled.
OPEN_S: Final = 10.0
_UNKNOWN: Final = (
    "only the CDP's own id of the person came, and no profile carries it; Ferry has forgotten the person, find the "
    "profile in Klaviyo and delete it by hand"
)
#: The stronger one first.
_ADDRESSES: Final[tuple[Identifier, ...]] = ("email", "phone_number")


def intents(changes: Sequence[Change]) -> list[Intent]:
    """One for each erasure. Pure."""
    return [Intent([index]) for index in range(len(changes))]


def stages(delivery: Delivery) -> None:
    """Forget everybody of the batch. Raises Later while one is in an open batch, NotAccepted, LeaseLost."""
    state = delivery.progress
    todo = [index for index in delivery.intents if index not in state.sent]
    profiles = {
        index: profile for index in todo if index not in state.rejected and (profile := _profile(delivery, index))
    }
    queues = _queues(delivery)
    _find(delivery, queues, todo)
    busy = {index: found for index in todo if (found := _forget(delivery, queues, index, profiles.get(index)))}

    def ask(portion: list[int]) -> None:
        for index in portion:
            if _delete(delivery, profiles[index]):
                state.sent.add(index)
            else:
                delivery.reject(index, "profile_unknown", {"detail": _UNKNOWN})
            delivery.note()

    send(delivery, [[index] for index in profiles if index not in busy], ask, delivery.klaviyo.account)
    if busy:
        state.stage = "confirm"  # as far as it can be taken: the next erasures need not wait for it
        where = sorted({str(queue) for found in busy.values() for queue in found})
        raise Later(f"{len(busy)} people to forget are in open batches of {', '.join(where)}", OPEN_S)
    settle(delivery)


def _queues(delivery: Delivery) -> list[Queue]:
    """Those of the connection: in another, which may be another company's, the same customer id is somebody else."""
    connection = delivery.batch.queue.connection
    return [
        queue for queue in pending.all_queues(delivery.redis) if queue.connection == connection and queue.kind != KIND
    ]


def _find(delivery: Delivery, queues: Sequence[Queue], todo: Sequence[int]) -> None:
    """Note every key that leads to each person: what leads to it is erased next, and a worker may die in between."""
    for index in todo:
        known, news = set[str](), {*delivery.batch.changes[index].keys, *delivery.progress.persons.get(index, ())}
        while news:
            known |= news
            news = _others(delivery, queues, index, known) - known
        delivery.progress.persons[index] = sorted(known)
    delivery.note()


def _others(delivery: Delivery, queues: Sequence[Queue], index: int, known: set[str]) -> set[str]:
    redis, now, until = delivery.redis, now_ms(), delivery.batch.changes[index].accepted_at
    batches.renew(redis, delivery.batch, now, LEASE_MS)  # to read long queues for many people takes its time
    told = consents.others(redis, delivery.batch.queue.connection, known)
    return told | erasure.others(redis, queues, known, until, now)


def _profile(delivery: Delivery, index: int) -> Profile | None:
    """By what Klaviyo may know the person; None, and the erasure rejected, where there is nothing."""
    body = delivery.batch.changes[index].body
    return or_rejected(delivery, index, partial(_mapped, delivery, body.source, bytes(body.person)))


def _mapped(delivery: Delivery, source: str, person: bytes) -> Profile:
    try:
        return to_profile(read(source, person), delivery.to.rules)
    except Rejected as fault:
        remedy = "Ferry has forgotten the person; delete the profile in Klaviyo by hand"
        raise Rejected(fault.reason, fault.field, f"{fault.detail}; {remedy}") from None


def _forget(delivery: Delivery, queues: Sequence[Queue], index: int, profile: Profile | None) -> tuple[Queue, ...]:
    """Take one person out of the ledger; the queues where an open batch holds them."""
    until, persons = delivery.batch.changes[index].accepted_at, delivery.progress.persons[index]
    batches.renew(delivery.redis, delivery.batch, now_ms(), LEASE_MS)
    members.forget(delivery.redis, queues, _identities(profile), persons, until)
    erased = erasure.erase(delivery.redis, queues, persons, until, now_ms(), of_snapshots=True)
    consents.forget(delivery.redis, delivery.batch.queue.connection, persons)
    for queue in queues:
        batches.renew(delivery.redis, delivery.batch, now_ms(), LEASE_MS)  # a long history takes its time, too
        history.forget(delivery.redis, queue, persons, until)
    email = profile.attributes.get("email") if profile else None
    unreadable = erasure.erase_unreadable(delivery.redis, queues, email, until) if email else 0
    log.info(
        "batch %s: erasure %d took %d pending changes and %d dead letters out of the ledger",
        delivery.batch.id,
        index,
        erased.pending,
        erased.letters + unreadable,
    )
    return erased.open


def _identities(profile: Profile | None) -> list[str]:
    """All that a membership ledger may know the person by."""
    known = profile.attributes if profile else {}
    return [found for name, value in known.items() if (found := members.identity({name: value}))]


def _delete(delivery: Delivery, profile: Profile) -> bool:
    """Whether the person is not in Klaviyo any more, as far as can be told.

    By e-mail, and by phone only without one: a family shares phones, and the profile that has it may be another's. A
    CDP's own id is none of Klaviyo's, so the profile that carries it is looked up; where none does, there may still be
    one of the person.
    """
    address = next((name for name in _ADDRESSES if name in profile.attributes), None)
    own = profile.attributes.get("external_id")
    deleted = address is not None and delivery.klaviyo.delete_person(address, profile.attributes[address])
    if not deleted and own:
        ids = delivery.klaviyo.profiles_by_external_id([own])
        deleted = sum(delivery.klaviyo.delete_person("id", profile_id) for profile_id in ids) > 0
    what = "deletes a profile" if deleted else "knows no profile to delete"
    log.info("batch %s: Klaviyo %s", delivery.batch.id, what, extra={"fields": {"stage": "uploaded", "people": 1}})
    return deleted or address is not None
