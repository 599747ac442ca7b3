"""Passes on the consents of an audience's people as separate changes, because membership is no consent.

The consents go into the connection's consent queue, which keeps them in order with the person's other consents. They
come from the changes themselves and from what the CDP sent earlier (queues/people/consents.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from identity.identifiers import PHONE, key_of, keys_of, made
from identity.persons import Intent
from mappings import consent_state, values
from mappings import person as fragments
from mappings.account_settings import Channel
from mappings.consent_state import Decision, State
from mappings.errors import Rejected
from mappings.profile import Profile
from queues.acceptance import Acceptance, accept
from queues.change import Action, Body, Change, encode
from queues.clock import now_ms
from queues.errors import QueueFull
from queues.names import TARGETS, Queue
from queues.people import consents
from worker.consents.rows import PASSED_ON
from worker.delivery import Delivery
from worker.errors import Later
from worker.lists import list_of
from worker.people.batch_people import identifiers_of
from worker.process import settings_of_process

log = logging.getLogger(__name__)

#: The kind of the consent queue.
KIND: Final = "consent"
#: Seconds until a full consent queue is tried again.
FULL_S: Final = 60.0
_ADDRESS: Final[dict[Channel, str]] = {"email": "email", "sms": "phone_number"}

_encode = msgspec.json.Encoder().encode


def pass_on(delivery: Delivery) -> None:
    """Accept a consent for each channel that a member of the batch has decided about. May be repeated.

    A person who agrees is subscribed on entering the audience; a person who refuses is unsubscribed if the connection
    is set so. Raises NotAccepted, Later, LeaseLost.
    """
    members = _members(delivery)
    decided = [
        (person, *about)
        for (person, _), state in zip(members, _states(delivery, [intent for _, intent in members]), strict=True)
        for about in _decided(delivery, person, state)
    ]
    list_id = list_of(delivery, create=False) if decided else None
    if list_id is None:
        return
    changes = [_change(delivery, *about, list_id) for about in decided]
    connection = settings_of_process().connections.named(delivery.batch.queue.connection)
    queue = Queue(connection.name, KIND, TARGETS[KIND])
    policy = connection.policy_for(queue.kind, queue.target)
    try:
        accept(delivery.redis, Acceptance(queue, policy, f"consents of {delivery.batch.id}", changes), now_ms())
    except QueueFull as full:
        raise Later(str(full), FULL_S) from None
    log.info("batch %s: %d consents added to %s", delivery.batch.id, len(changes), queue)


def _members(delivery: Delivery) -> list[tuple[int, Intent]]:
    return [
        (person, intent)
        for person, intent in delivery.intents.items()
        if intent.written and intent.membership != "remove" and person not in delivery.progress.rejected
    ]


def _decided(delivery: Delivery, person: int, state: State) -> Iterator[tuple[Channel, Mapping[str, str], Decision]]:
    """Yield a person's decisions that are to be passed on, by channel, with the person's addresses."""
    mapped = delivery.people.written(delivery.intents[person])
    addresses = identifiers_of(mapped) if isinstance(mapped, Profile) else {}
    enters = delivery.intents[person].membership == "add"
    for channel, decision in consent_state.by_channel(state, delivery.to.consent_mapping).items():
        wanted = enters if decision.agrees else delivery.to.consent_removal
        if _ADDRESS[channel] in addresses and wanted:
            yield channel, addresses, decision


def _states(delivery: Delivery, intents: list[Intent]) -> Iterator[State]:
    """Yield the newest decisions of each person, remembered or in the changes."""
    by_intent = [[delivery.batch.changes[index] for index in intent.indexes] for intent in intents]
    persons = [_keys_of(delivery, intent) for intent in intents]
    connection = delivery.batch.queue.connection
    named = [any(delivery.people.who(index).email for index in intent.indexes) for intent in intents]
    consents.bind(delivery.redis, connection, [keys for keys, has in zip(persons, named, strict=True) if has])
    remembered = consents.recall(delivery.redis, connection, persons)
    for changes, states in zip(by_intent, remembered, strict=True):
        known: list[State] = [{name: Decision(*about) for name, about in state.items()} for state in states]
        yield consent_state.merge([*known, *(_consent_state(change) for change in changes)])


def _keys_of(delivery: Delivery, intent: Intent) -> list[str]:
    """Return the person's keys, each change's strongest key first; a phone only when it is the strongest."""
    changes = [delivery.batch.changes[index] for index in intent.indexes]
    known = [each for index in intent.indexes for each in delivery.people.who(index).named[1:]]
    phones = {key_of(each) for each in known if each[0] == PHONE}
    found = dict.fromkeys([*(change.keys[0] for change in changes), *(key for each in changes for key in each.keys)])
    return [key for key in found if key not in phones]


def _consent_state(change: Change) -> State:
    try:
        state = fragments.decode(bytes(change.body.person)).get("consent_state")
        return consent_state.read(state, change.body.at, change.accepted_at)
    except Rejected:
        return {}  # an unreadable person has been rejected; one of several changes may be unreadable


def _newest(delivery: Delivery, person: int) -> int:
    """Return when the person's last change was accepted: the consent's time too, so that a later erasure covers it."""
    return max(delivery.batch.changes[index].accepted_at for index in delivery.intents[person].indexes)


def _change(
    delivery: Delivery, person: int, channel: Channel, addresses: Mapping[str, str], decision: Decision, list_id: str
) -> bytes:
    """Return the stored form of a consent for one channel."""
    batch = delivery.batch
    fragment: dict[str, Any] = {_ADDRESS[channel]: addresses[_ADDRESS[channel]], "list_id": list_id}
    if decision.agrees:
        fragment |= {"historical_import": True, "consented_at": values.to_iso(decision.at)}
    action: Action = "subscribe" if decision.agrees else "unsubscribe"
    body = Body(action, decision.at, PASSED_ON, batch.id, msgspec.Raw(_encode(fragment)))
    return encode(_keys(addresses), _newest(delivery, person), body)


def _keys(addresses: Mapping[str, str]) -> tuple[str, ...]:
    """Return the keys of both addresses, for either channel, because both lead to one profile.

    With separate keys the consents could be in two batches at once: the second would find a member whom the first is
    just taking off the list, and unsubscribe the person from everything.
    """
    return keys_of(made([("email", addresses.get("email", "")), ("phone", addresses.get("phone_number", ""))]))
