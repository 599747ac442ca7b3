"""The status of one person in Klaviyo: known or not, on the list or not, and with which consent. Changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from redis import Redis

from configuration.settings import Settings
from klaviyo.client import Klaviyo
from klaviyo.list_people import Identifier, ListedPerson
from klaviyo.lookups import Field, by_value
from ops import klaviyo_list
from ops.errors import Failed
from ops.explain.history import KlaviyoStatus
from ops.explain.person import PersonQuery
from ops.export import mailable
from ops.retries import Retrying
from queues.names import Queue


def klaviyo_status(
    redis: Redis, known: Settings, queue: Queue, query: PersonQuery, retrying: Retrying
) -> KlaviyoStatus | str:
    """Return the person's status in Klaviyo, or why Klaviyo could not be asked."""
    try:
        to = klaviyo_list.going_to(redis, known, queue)
        with klaviyo_list.opened(redis, known, to) as klaviyo:
            list_id = klaviyo_list.list_id(redis, klaviyo, queue, to, retrying)
            return _asked(klaviyo, list_id, query.identifiers, retrying)
    except Failed as fault:
        return fault.message


def _asked(
    klaviyo: Klaviyo, list_id: str | None, identifiers: Sequence[tuple[Identifier, str]], retrying: Retrying
) -> KlaviyoStatus:
    for field, value in identifiers:
        if found := retrying(partial(klaviyo.profiles_consents, field, [value])):
            return _status(klaviyo, list_id, field, found[0], retrying)
    return KlaviyoStatus(list_id)


def _status(
    klaviyo: Klaviyo, list_id: str | None, by: Identifier, person: ListedPerson, retrying: Retrying
) -> KlaviyoStatus:
    counted = mailable.ChannelReach()
    counted.add(person, list_id)
    email, sms = (next(iter(counted.states[channel])) for channel in mailable.CHANNELS)
    return KlaviyoStatus(
        list_id, by, _on_list(klaviyo, list_id, person, retrying), email, sms, sorted(counted.suppressed)
    )


def _on_list(klaviyo: Klaviyo, list_id: str | None, person: ListedPerson, retrying: Retrying) -> bool | None:
    """Look a person up on the list by e-mail or phone; Klaviyo cannot by external id (get profiles for list)."""
    if list_id is None:
        return False
    addresses: tuple[tuple[Field, str | None], ...] = (("email", person.email), ("phone_number", person.phone_number))
    for field, address in addresses:
        if address:
            members = retrying(partial(klaviyo.find_members, list_id, field, [address]))
            return bool(by_value(members, field, [address]))
    return None
