"""Who has left by their own wish, and when, so that nobody is subscribed again for a consent given before.

Klaviyo: get profiles, with the additional field `subscriptions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from klaviyo.calls import Caller, shape
from klaviyo.endpoints import PROFILES
from klaviyo.filters import any_of, query
from klaviyo.members import Field

#: A time without its zone could not be compared with any other.
_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class _Suppression(msgspec.Struct, frozen=True):
    timestamp: _Time | None = None
    list_id: str | None = None


class _Marketing(msgspec.Struct, frozen=True):
    consent: str | None = None
    consent_timestamp: _Time | None = None
    last_updated: _Time | None = None
    suppression: list[_Suppression] | None = None
    list_suppressions: list[_Suppression] | None = None

    def left(self, list_id: str | None) -> list[datetime | None]:
        """When the person left everything, or this list."""
        moments = [each.timestamp for each in self.suppression or ()]
        moments += [each.timestamp for each in self.list_suppressions or () if each.list_id == list_id]
        if self.consent == "UNSUBSCRIBED":
            moments.append(self.consent_timestamp or self.last_updated)
        return moments


class _Channel(msgspec.Struct, frozen=True):
    marketing: _Marketing | None = None


class _Subscriptions(msgspec.Struct, frozen=True):
    email: _Channel | None = None
    sms: _Channel | None = None


class _Attributes(msgspec.Struct, frozen=True):
    email: str | None = None
    phone_number: str | None = None
    subscriptions: _Subscriptions | None = None


class _Profile(msgspec.Struct, frozen=True):
    attributes: _Attributes


#: Stands for a departure whose time Klaviyo does not tell: later than any consent.
_SOME_TIME = datetime.max.replace(tzinfo=UTC)
_NOBODY = _Marketing()


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
    told = attributes.subscriptions or _Subscriptions()
    channel = (told.email if field == "email" else told.sms) or _Channel()
    return (value or "").lower(), (channel.marketing or _NOBODY).left(list_id)
