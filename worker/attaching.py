"""Adds the phone of a consent for both channels to the e-mail's profile, unless it is another profile's.

Each row of a consent has one address, so Klaviyo would otherwise create two profiles for a person it does not know.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from identity.sending import IdentifierChoice, choose
from klaviyo.errors import NotAccepted
from klaviyo.outcomes import Conflict, Dead
from queues import owners
from queues.clock import now_ms
from queues.people.identity_tokens import RememberedPerson, is_verified
from worker.consents.supersede import Addresses
from worker.delivery import Delivery
from worker.people.verifying import owners_of

log = logging.getLogger(__name__)

#: E-mail and phone by Klaviyo's names, for each change.
_Both = Mapping[int, Mapping[str, str]]


def attach(delivery: Delivery, joining: Mapping[int, Addresses]) -> set[int]:
    """Return the changes for both channels whose addresses are on one profile now. Raises NotAccepted."""
    if delivery.to.identity.identifiers == "email_only":
        return set()
    both = {i: {str(name): value for name, value in each.items()} for i, each in joining.items() if len(each) > 1}
    known = _known(delivery, both)
    choices = _choices(delivery, {index: each for index, each in both.items() if index not in known})
    own = {index for index, choice in choices.items() if choice.own}
    free = [index for index, choice in choices.items() if not choice.own and not choice.left_out]
    made = {index for index in _claimed(delivery, both, free) if _is_made(delivery, both[index])}
    if made:
        log.info("batch %s: the phones of %d people are on their profiles now", delivery.batch.id, len(made))
    return known | own | made


def _known(delivery: Delivery, both: _Both) -> set[int]:
    """Return the changes whose profile is remembered with the phone."""
    memory, now = delivery.identities, now_ms()
    hashed = {index: memory.hash(("email", each["email"])) for index, each in both.items()}
    known = memory.people(list(set(hashed.values())))
    phones = {index: memory.short(("phone", each["phone_number"])) for index, each in both.items()}
    remembered = {index: known.get(person, RememberedPerson()) for index, person in hashed.items()}
    return {index for index, each in remembered.items() if is_verified(each, now) and phones[index] in each.on}


def _choices(delivery: Delivery, both: _Both) -> dict[int, IdentifierChoice]:
    owners = owners_of(delivery, both.values()) if both else {}
    wins = delivery.to.identity.phone_wins
    return {
        index: choose(given, {name: owners.get((name, value)) for name, value in given.items()}, phone_wins=wins)
        for index, given in both.items()
    }


def _claimed(delivery: Delivery, both: _Both, free: Sequence[int]) -> list[int]:
    """Return the changes that may set the phone: the last one for each phone, none while another batch sends it."""
    memory = delivery.identities
    last = {memory.hash(("phone", both[index]["phone_number"])): index for index in free}
    people = {phone: memory.hash(("email", both[index]["email"])) for phone, index in last.items()}
    queue = delivery.batch.queue
    refused = owners.claim(delivery.redis, queue.connection, delivery.batch.id, people) if people else set()
    return [index for phone, index in last.items() if phone not in refused]


def _is_made(delivery: Delivery, given: Mapping[str, str]) -> bool:
    try:
        delivery.klaviyo.make_known(given)
    except NotAccepted as refusal:
        if not isinstance(refusal.outcome, Conflict | Dead):
            raise
        return False  # the rows show which of the two addresses is wrong
    return True
