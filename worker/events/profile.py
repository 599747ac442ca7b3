"""Acting: under which one identifier, or profile id, each event goes to Klaviyo.

The e-mail, where there is one. Otherwise the person of its ids: somebody who was delivered before, or who waits for it
with an e-mail. Only then the strongest identifier, by which Klaviyo may make a profile.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from identity.identifiers import EMAIL, Identifiers, Named, made
from identity.leaving import ids_of, meant
from mappings.event import Event
from queues import batches, pending
from queues.change import Change, carrying, person_key
from queues.clock import now_ms
from queues.history import traces
from worker.delivery import LEASE_MS, Delivery
from worker.people.batch_people import BLOCKED, NOBODY_LEFT, SHARED, People
from worker.people.recognizing import SEVERAL, recognize

#: What the model of identity calls the identifiers of an event, strongest first.
_KINDS: Final = {
    "email": "email",
    "external_id": "external_id",
    "phone_number": "phone",
    "anonymous_id": "anonymous_id",
}
#: Queues in which people wait with their e-mails.
_PEOPLE: Final = ("audience", "profile")

#: One of Klaviyo's identifiers, or `id`, and its value.
Under = tuple[str, str]


def under(delivery: Delivery, events: Mapping[int, Event]) -> dict[int, Under]:
    """Under what each of the events goes; those of nobody, or of several people, are rejected.

    What is decided is written down, so that an event that is sent again goes to the same profile. Raises NotAccepted,
    LeaseLost.
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
    """What identifies the person of each event, without values that are nobody's."""
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
    """The first identifier that Klaviyo takes; an empty one where none is left."""
    usable = ((name, value) for name, value in event.identifiers.items() if (_KINDS[name], value) in who.named)
    return next(usable, ("", ""))


def _known(delivery: Delivery, asked: Mapping[int, Identifiers]) -> dict[int, Under]:
    """Under what those go who are known by something else than their ids; who could be several people is rejected."""
    policy, changes = delivery.to.identity, delivery.batch.changes
    moving = frozenset(each for i, who in asked.items() for each in policy.moving(who, changes[i].body.source))
    leading = {index: ids_of(who) for index, who in asked.items()}
    matches = recognize(delivery, leading, moving)
    left = {index: ids for index, ids in leading.items() if not matches[index].people}
    waiting = _waiting(delivery, left, moving) if left else {}
    # Who was delivered meanwhile waits no more.
    matches |= recognize(delivery, {index: ids for index, ids in left.items() if index not in waiting}, moving)
    found: dict[int, Under] = {}
    for index, match in matches.items():
        emails = waiting.get(index, [])
        if match.people > 1 or len(emails) > 1:
            delivery.reject(index, "ambiguous_person", {"detail": SEVERAL})
        elif emails:
            found[index] = "email", emails[0]
        elif match.profile_id:
            found[index] = "id", match.profile_id
    return found


def _waiting(
    delivery: Delivery, asked: Mapping[int, Sequence[Named]], moving: frozenset[Named]
) -> dict[int, list[str]]:
    """The e-mails with which the same people wait in the connection's queues, or are under way."""
    having: dict[Named, list[tuple[str, int]]] = {}
    wanted = {person_key(*named) for ids in asked.values() for named in ids}
    for person, at in _people(delivery, wanted):
        for named in person.named if person.email else ():
            having.setdefault(named, []).append((person.email, at))
    return {index: emails for index, ids in asked.items() if (emails := meant(ids, having, moving))}


def _people(delivery: Delivery, wanted: set[str]) -> list[tuple[Identifiers, int]]:
    """Who the changes with these person keys are about that are not delivered yet, and the CDP's times of them (ms)."""
    changes: list[Change] = []
    for queue in pending.all_queues(delivery.redis):
        if queue.connection == delivery.batch.queue.connection and queue.kind in _PEOPLE:
            batches.renew(delivery.redis, delivery.batch, now_ms(), LEASE_MS)  # to read a long queue takes its time
            changes += traces.undelivered(delivery.redis, queue, carrying(wanted))
    people = People(changes, delivery.to.rules, delivery.to.identity, f"batch {delivery.batch.id}")
    return [(people.who(index), change.body.at) for index, change in enumerate(changes)]
