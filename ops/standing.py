"""How one person stands in Klaviyo now: known or not, on the list or not, and with what consent. Nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from redis import Redis

from klaviyo.client import Klaviyo
from klaviyo.list_people import Identifier, Person
from klaviyo.members import Field
from ops import klaviyo_list, mailable
from ops.errors import Failed
from ops.patience import patiently
from ops.sought import Sought
from ops.story import Standing
from queues.names import Queue
from settings import Settings


def standing(redis: Redis, known: Settings, queue: Queue, sought: Sought) -> Standing | str:
    """What Klaviyo says; why it could not be asked, where it could not."""
    try:
        to = klaviyo_list.going_to(redis, known, queue)
        with klaviyo_list.opened(redis, known, to) as klaviyo:
            return _asked(klaviyo, klaviyo_list.list_id(redis, klaviyo, queue, to), sought.identifiers)
    except Failed as fault:
        return fault.message


def _asked(klaviyo: Klaviyo, list_id: str | None, identifiers: Sequence[tuple[Identifier, str]]) -> Standing:
    for field, value in identifiers:
        if found := patiently(partial(klaviyo.profiles_consents, field, [value])):
            return _told(klaviyo, list_id, field, found[0])
    return Standing(list_id)


def _told(klaviyo: Klaviyo, list_id: str | None, by: Identifier, person: Person) -> Standing:
    counted = mailable.Standing()
    counted.add(person, list_id)
    email, sms = (next(iter(counted.states[channel])) for channel in mailable.CHANNELS)
    return Standing(list_id, by, _on_list(klaviyo, list_id, person), email, sms, sorted(counted.suppressed))


def _on_list(klaviyo: Klaviyo, list_id: str | None, person: Person) -> bool | None:
    """By e-mail or phone, for a list's members cannot be looked up by external id (Klaviyo: get profiles for list)."""
    if list_id is None:
        return False
    addresses: tuple[tuple[Field, str | None], ...] = (("email", person.email), ("phone_number", person.phone_number))
    for field, address in addresses:
        if address:
            return bool(patiently(partial(klaviyo.listed, list_id, field, [address])))
    return None
