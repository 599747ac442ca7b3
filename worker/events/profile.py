"""Chooses the one identifier, or profile id, under which each event goes to Klaviyo.

The e-mail if the event has one. Otherwise the person whom its ids identify: somebody delivered before, or somebody with
pending changes and an e-mail. Otherwise the strongest identifier, for which Klaviyo may create a profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from identity.identifiers import EMAIL, Identifiers, Named, made
from identity.leaving import ids_of, meant
from mappings.contact import NOBODY_LEFT
from mappings.event import Event
from queues import batches, pending
from queues.change import Change, person_key
from queues.clock import now_ms
from queues.history import traces
from worker.delivery import LEASE_MS, Delivery
from worker.people.batch_people import BLOCKED, SHARED, People
from worker.people.recognizing import SEVERAL, PersonMatch, recognize

#: The identity model's kind for each identifier of an event, strongest first.
_KINDS: Final = {
    "email": "email",
    "external_id": "external_id",
    "phone_number": "phone",
    "anonymous_id": "anonymous_id",
}
#: Kinds of queue whose pending changes have e-mails.
_PEOPLE: Final = ("audience", "profile")

#: One of Klaviyo's identifiers, or `id`, and its value.
Under = tuple[str, str]


def under(delivery: Delivery, events: Mapping[int, Event]) -> dict[int, Under]:
    """Return the identifier for each event; events that identify nobody or several people are rejected.

    Each choice is written down, so that a repeated event goes to the same profile. Raises NotAccepted, LeaseLost.
    """
    who = _identified(delivery, events)
    chosen = {index: _strongest(events[index], each) for index, each in who.items()}
    decided = delivery.progress.acting
    asked = {index: each for index, each in who.items() if index not in decided and not each.email and ids_of(each)}
    if asked:
        decided |= {index: chosen[index] for index in asked} | _known(delivery, asked)
        delivery.note()
    chosen |= {index: decided[index] for index in chosen.keys() & decided.keys()}
    found = {index: each for index, each in chosen.items() if index not in delivery.progress.rejected}
    for index in [index for index, (_, value) in found.items() if not value]:
        delivery.reject(index, delivery.progress.warnings[index][0], {"detail": NOBODY_LEFT})
        del found[index]
    return found


def _identified(delivery: Delivery, events: Mapping[int, Event]) -> dict[int, Identifiers]:
    """Return the identifiers of each event's person, without values that identify nobody."""
    whole = {index: made(_named(event), delivery.to.identity.blocked) for index, event in events.items()}
    shared = _shared(delivery, whole.values())
    found = {}
    for index, who in whole.items():
        kept = who.without(shared.__contains__)
        delivery.warn(index, *([BLOCKED] if who.left_out else []), *([SHARED] if kept is not who else []))
        found[index] = kept
    return found


def _named(event: Event) -> list[Named]:
    return [*((_KINDS[name], value) for name, value in event.identifiers.items()), ("user_id", event.user_id)]


def _shared(delivery: Delivery, people: Iterable[Identifiers]) -> set[Named]:
    memory = delivery.identities
    hashed = {memory.hash(named): named for who in people for named in who.named if named[0] != EMAIL}
    return {hashed[each] for each in memory.shared(list(hashed))}


def _strongest(event: Event, who: Identifiers) -> Under:
    """Return the first identifier that Klaviyo accepts, or an empty one."""
    usable = ((name, value) for name, value in event.identifiers.items() if (_KINDS[name], value) in who.named)
    return next(usable, ("", ""))


def _known(delivery: Delivery, asked: Mapping[int, Identifiers]) -> dict[int, Under]:
    """Return the e-mail or profile id of events whose ids lead to a known person; ambiguous events are rejected."""
    policy, changes = delivery.to.identity, delivery.batch.changes
    moving = frozenset(each for i, who in asked.items() for each in policy.moving(who, changes[i].body.source))
    leading = {index: ids_of(who) for index, who in asked.items()}
    times = {index: changes[index].body.at for index in asked}
    matches = recognize(delivery, leading, moving, times)
    left = {i: ids for i, ids in leading.items() if not matches[i].people or not moving.isdisjoint(ids)}
    waiting = _newer(delivery, _waiting(delivery, left, moving), matches) if left else {}
    # People delivered meanwhile have no pending changes any more.
    unknown = {index: ids for index, ids in left.items() if not matches[index].people and index not in waiting}
    matches |= recognize(delivery, unknown, moving, times)
    found: dict[int, Under] = {}
    for index, match in matches.items():
        emails = waiting.get(index, [])
        if len(emails or range(match.people)) > 1:
            delivery.reject(index, "ambiguous_person", {"detail": SEVERAL})
        elif emails:
            found[index] = "email", emails[0]
        elif match.profile_id:
            found[index] = "id", match.profile_id
    return found


def _newer(
    delivery: Delivery, waiting: Mapping[int, Sequence[tuple[str, int]]], matches: Mapping[int, PersonMatch]
) -> dict[int, list[str]]:
    """Return the pending e-mails that count: of unknown people, and those that are newer than the remembered ones."""
    memory = delivery.identities
    found = {}
    for index, people in waiting.items():
        match = matches[index]
        newer = [email for email, at in people if at >= match.at and memory.hash((EMAIL, email)) != match.person]
        if not match.people:
            found[index] = [email for email, _ in people]
        elif newer and match.at:
            found[index] = newer
    return found


def _waiting(
    delivery: Delivery, asked: Mapping[int, Sequence[Named]], moving: frozenset[Named]
) -> dict[int, list[tuple[str, int]]]:
    """Return the people whom the ids mean in pending changes and open batches of the connection.

    By event: their e-mails, each with the CDP's time of its newest change (ms).
    """
    having: dict[Named, list[tuple[str, int]]] = {}
    wanted = {person_key(*named) for ids in asked.values() for named in ids}
    for person, at in _people(delivery, wanted):
        for named in person.named if person.email else ():
            having.setdefault(named, []).append((person.email, at))
    found = {}
    for index, ids in asked.items():
        times = [each for named in ids for each in having.get(named, ())]
        if emails := meant(ids, having, moving):
            found[index] = [(email, max(at for other, at in times if other == email)) for email in emails]
    return found


def _people(delivery: Delivery, wanted: set[str]) -> list[tuple[Identifiers, int]]:
    """Return the people of undelivered changes with these person keys, each with the CDP's time of the change (ms)."""
    changes: list[Change] = []
    for queue in pending.all_queues(delivery.redis):
        if queue.connection == delivery.batch.queue.connection and queue.kind in _PEOPLE:
            batches.renew(delivery.redis, delivery.batch, now_ms(), LEASE_MS)  # reading a long queue takes long
            changes += traces.undelivered(delivery.redis, queue, wanted)
    people = People(changes, delivery.to.rules, delivery.to.identity, f"batch {delivery.batch.id}")
    return [(people.who(index), change.body.at) for index, change in enumerate(changes)]
