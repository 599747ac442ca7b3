"""Who has left by their own wish, and when, so that nobody is subscribed again for a consent given before.

Klaviyo: get profiles, with the additional field `subscriptions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import PROFILES
from klaviyo.filters import any_of, query
from klaviyo.marketing import Channel, Marketing, Subscriptions
from klaviyo.members import Field


class _Attributes(msgspec.Struct, frozen=True):
    email: str | None = None
    phone_number: str | None = None
    subscriptions: Subscriptions | None = None


class _Profile(msgspec.Struct, frozen=True):
    attributes: _Attributes


#: Stands for a departure whose time Klaviyo does not tell: later than any consent.
_SOME_TIME = datetime.max.replace(tzinfo=UTC)
_NOBODY = Marketing()


def departures(call: Caller, field: Field, values: Sequence[str], list_id: str | None) -> dict[str, datetime]:
    """When those of `values` who have left did so last: from the field's channel altogether, or from the list.

    Left is who unsubscribed, is suppressed or complained. Raises NotAccepted.
    """
    found: dict[str, datetime] = {}
    fields = {"additional-fields[profile]": "subscriptions", "fields[profile]": f"{field},subscriptions"}
    for expression in any_of(field, values):
        encoded = query({"filter": expression, **fields, "page[size]": "100"})
        for page in call.pages(PROFILES, "", encoded):
            for profile in shape(PROFILES, page, list[_Profile]):
                value, moments = _departure(profile.attributes, field, list_id)
                if moments:
                    found[value] = max(moment or _SOME_TIME for moment in moments)
    return {value: found[value.lower()] for value in values if value.lower() in found}


def _departure(attributes: _Attributes, field: Field, list_id: str | None) -> tuple[str, list[datetime | None]]:
    value = attributes.email if field == "email" else attributes.phone_number
    told = attributes.subscriptions or Subscriptions()
    channel = (told.email if field == "email" else told.sms) or Channel()
    return (value or "").lower(), _left(channel.marketing or _NOBODY, list_id)


def _left(told: Marketing, list_id: str | None) -> list[datetime | None]:
    """When the person left everything, or this list."""
    moments = [each.timestamp for each in told.suppression or ()]
    moments += [each.timestamp for each in told.list_suppressions or () if each.list_id == list_id]
    if told.consent == "UNSUBSCRIBED":
        moments.append(told.consent_timestamp or told.last_updated)
    return moments
