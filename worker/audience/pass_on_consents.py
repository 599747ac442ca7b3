"""Passes on what people of an audience have consented to, as consents of their own: being a member is none.

The consents go into the connection's queue of consents, where whatever else the person says of consent is in order
with them. They are known from the changes themselves and from what the CDP told before (queues/people/consents.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from identity.identifiers import PHONE, key_of, keys_of, made
from mappings import consent_state, times
from mappings import person as fragments
from mappings.consent_state import Decision, State
from mappings.entries import Channel
from mappings.errors import Rejected
from mappings.profile import Profile
from queues.acceptance import Acceptance, accept
from queues.change import Action, Body, Change, encode
from queues.clock import now_ms
from queues.errors import QueueFull
from queues.names import TARGETS, Queue
from queues.people import consents
from worker.coalesce import Intent
from worker.consents.rows import PASSED_ON
from worker.delivery import Delivery
from worker.errors import Later
from worker.lists import list_of
from worker.people.batch_people import identifiers_of
from worker.process import settings_of_process

log = logging.getLogger(__name__)

#: The kind of the queue of consents.
KIND: Final = "consent"
#: Seconds until a full queue of consents is tried again.
FULL_S: Final = 60.0
_ADDRESS: Final[dict[Channel, str]] = {"email": "email", "sms": "phone_number"}

_encode = msgspec.json.Encoder().encode


def pass_on(delivery: Delivery) -> None:
    """Accept a consent for each channel that a member of the batch has decided about. May be repeated.

    Who agrees is subscribed when the person enters; who refuses is unsubscribed where the connection says so. Raises
    NotAccepted, Later, LeaseLost.
    """
    if not delivery.to.consent_mapping:
        return
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
    log.info("batch %s: %d consents wait in %s", delivery.batch.id, len(changes), queue)


def _members(delivery: Delivery) -> list[tuple[int, Intent]]:
    return [
        (person, intent)
        for person, intent in delivery.intents.items()
        if intent.written and intent.membership != "remove" and person not in delivery.progress.rejected
    ]


def _decided(delivery: Delivery, person: int, state: State) -> Iterator[tuple[Channel, Mapping[str, str], Decision]]:
    """What one person has decided that is to be passed on, by channel, with the addresses that the person has."""
    mapped = delivery.people.written(delivery.intents[person])
    addresses = identifiers_of(mapped) if isinstance(mapped, Profile) else {}
    enters = delivery.intents[person].membership == "add"
    for channel, decision in consent_state.by_channel(state, delivery.to.consent_mapping).items():
        wanted = enters if decision.agrees else delivery.to.consent_removal
        if _ADDRESS[channel] in addresses and wanted:
            yield channel, addresses, decision


def _states(delivery: Delivery, intents: list[Intent]) -> Iterator[State]:
    """For each of these people the newest decisions, remembered or in the changes."""
    told = [[delivery.batch.changes[index] for index in intent.indexes] for intent in intents]
    persons = [_keys_of(delivery, intent) for intent in intents]
    connection = delivery.batch.queue.connection
    named = [any(delivery.people.who(index).email for index in intent.indexes) for intent in intents]
    consents.bind(delivery.redis, connection, [keys for keys, has in zip(persons, named, strict=True) if has])
    remembered = consents.recall(delivery.redis, connection, persons)
    for changes, states in zip(told, remembered, strict=True):
        known: list[State] = [{name: Decision(*about) for name, about in state.items()} for state in states]
        yield consent_state.merge([*known, *(_consent_state(change) for change in changes)])


def _keys_of(delivery: Delivery, intent: Intent) -> list[str]:
    """The person's keys, those that name the person first; no phone but of somebody who has nothing better."""
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
        return {}  # a person that cannot be read has been rejected; one of several changes may be unreadable


def _newest(delivery: Delivery, person: int) -> int:
    """When the person's last change was accepted; the consent is no newer, so that an erasure since takes it too."""
    return max(delivery.batch.changes[index].accepted_at for index in delivery.intents[person].indexes)


def _change(
    delivery: Delivery, person: int, channel: Channel, addresses: Mapping[str, str], decision: Decision, list_id: str
) -> bytes:
    """A consent by one channel, as the ledger stores it."""
    batch = delivery.batch
    fragment: dict[str, Any] = {_ADDRESS[channel]: addresses[_ADDRESS[channel]], "list_id": list_id}
    if decision.agrees:
        fragment |= {"historical_import": True, "consented_at": times.to_iso(decision.at)}
    action: Action = "subscribe" if decision.agrees else "unsubscribe"
    body = Body(action, decision.at, PASSED_ON, batch.id, msgspec.Raw(_encode(fragment)))
    return encode(_keys(addresses), _newest(delivery, person), body)


def _keys(addresses: Mapping[str, str]) -> tuple[str, ...]:
    """Of both addresses, whichever the consent is about: they lead to one profile.

    In two batches at once, the second would find a member on the list whom the first is just taking off it, and
    unsubscribe them from everything.
    """
    return keys_of(made([("email", addresses.get("email", "")), ("phone", addresses.get("phone_number", ""))]))
