"""Remembering: what became of the people of a batch is kept for the next ones, in keyed hashes."""

from __future__ import annotations

import logging
from collections.abc import Collection

from identity.identifiers import EMAIL, OWN, Named
from queues.clock import now_ms
from queues.identities import Known, audience_token
from worker import counting, late_news
from worker.coalesce import Intent
from worker.delivery import Delivery
from worker.moving import moved_away

log = logging.getLogger(__name__)


def keep_people(delivery: Delivery) -> None:
    """Write down who is known by what, before the batch is settled. May be repeated. Raises redis.RedisError."""
    memory, queue = delivery.identities, delivery.batch.queue
    moved = moved_away(delivery) if queue.kind == "audience" else []
    late_news.keep_times(delivery, moved)
    for each in moved:
        memory.quit(each.person, queue)
        # An id leads to the earlier e-mail until that has left every list.
        for by in () if each.stays else each.by:
            memory.disown(each.person, by)
            memory.leave(each.person, by)
    ended = delivery.progress.rejected.keys() | delivery.progress.overtaken
    for person, intent in delivery.intents.items():
        if person not in ended:
            _keep(delivery, person, intent)
    if not memory.flush():
        counting.identity(delivery.redis, queue, {"unremembered": 1})
        log.warning(
            "batch %s: memory of Redis is short, so nothing new is remembered of its people; they are looked up again",
            delivery.batch.id,
        )
    _note_shared(delivery)


def _keep(delivery: Delivery, person: int, intent: Intent) -> None:
    memory, queue, people = delivery.identities, delivery.batch.queue, delivery.people
    named = people.named(intent.indexes)
    if not named:
        return
    hashed = delivery.hash_of(person)
    moving = {each for i in intent.indexes for each in people.said(i).moving}
    if intent.membership == "remove":
        _keep_leaver(delivery, hashed, moving if intent.moved_to else ())
    elif intent.written:
        for each in named[1:] or named:
            memory.deliver(hashed, memory.hash(each), delivery.batch.changes[intent.last].body.at)
        for each in moving:
            memory.own(hashed, memory.hash(each))
        if intent.membership == "add" or queue.kind == "profile":
            memory.join(hashed, queue)


def _keep_leaver(delivery: Delivery, person: bytes, moved: Collection[Named]) -> None:
    """`moved`: the ids that have a newer e-mail; they lead to the person until that has left every list."""
    memory, queue = delivery.identities, delivery.batch.queue
    memory.quit(person, queue)
    if moved and memory.people([person]).get(person, Known()).audiences <= {audience_token(queue)}:
        for each in moved:
            memory.disown(person, memory.hash(each))
            memory.leave(person, memory.hash(each))


def _note_shared(delivery: Delivery) -> None:
    """An identifier that more current e-mails have than may is nobody's from now on."""
    memory, people, policy = delivery.identities, delivery.people, delivery.to.identity
    moving = {each for i in range(len(people.changes)) for each in people.said(i).moving}
    named = {each for intent in delivery.intents.values() for each in people.named(intent.indexes)}
    hashed = {memory.hash(each): each for each in named - moving if each[0] not in (EMAIL, *OWN)}
    holders = {by: having for by, having in memory.holders(list(hashed)).items() if len(having) > policy.shared_after}
    if not holders:
        return
    known = memory.people(list({each.person for having in holders.values() for each in having}))
    for by, having in holders.items():
        current = sum(1 for each in having if each.person in known and known[each.person].audiences)
        if current > policy.shared_after:
            memory.share(hashed[by], now_ms())
            counting.identity(delivery.redis, delivery.batch.queue, {"shared_value": 1})
            log.warning(
                "batch %s: %d current e-mails have one value of %s; it identifies nobody from now on (%s)",
                delivery.batch.id,
                current,
                hashed[by][0],
                by[:4].hex(),
            )
    memory.flush()
