"""Knowing: the profile of each user to whom Klaviyo's external id does not lead, so that the user's events find it."""

from __future__ import annotations

from klaviyo.lookups import by_value
from queues.identities import Known
from worker.delivery import Delivery
from worker.proving import given
from worker.verifying import AT_ONCE, remember


def know(delivery: Delivery) -> None:
    """Remember the profile of everybody who was imported with an e-mail and without the user id.

    Raises NotAccepted; who was found until then is remembered.
    """
    memory, hidden = delivery.identities, _hidden(delivery)
    known = memory.people([delivery.hash_of(person) for person in hidden])
    new = [person for person in hidden if not known.get(delivery.hash_of(person), Known()).profile_id]
    for start in range(0, len(new), AT_ONCE):
        part = new[start : start + AT_ONCE]
        addresses = [hidden[person]["email"] for person in part]
        found = by_value(delivery.klaviyo.find_profiles("email", addresses), "email", addresses)
        for person in part:
            if profile := found.get(hidden[person]["email"]):
                remember(delivery, person, profile)
        memory.flush()


def _hidden(delivery: Delivery) -> dict[int, dict[str, str]]:
    """People with a user id by which Klaviyo does not know their profile, and what was sent of their identifiers."""
    state, people = delivery.progress, delivery.people
    found = {}
    for person in state.uploaded() - state.rejected.keys():
        named = people.named(delivery.intents[person].indexes)
        if users := {value for kind, value in named if kind == "user_id"}:
            sent = given(delivery, person)
            if "email" in sent and users - {sent.get("external_id")}:
                found[person] = sent
    return found
