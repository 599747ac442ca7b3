"""Who has left by their own wish, and when, so that nobody is subscribed again for a consent given before.

Klaviyo: get profiles, with the additional field `subscriptions`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from klaviyo.calls import Caller
from klaviyo.endpoints import PROFILES
from klaviyo.lookups import Attributes, folded, look_up
from klaviyo.marketing import Marketing
from klaviyo.members import Field

#: Stands for a departure whose time Klaviyo does not tell: later than any consent.
_SOME_TIME = datetime.max.replace(tzinfo=UTC)


def departures(call: Caller, field: Field, values: Sequence[str], list_id: str | None) -> dict[str, datetime]:
    """When those of `values` who have left did so last: from the field's channel altogether, or from the list.

    Left is who unsubscribed, is suppressed or complained. Raises NotAccepted.
    """
    found: dict[str, datetime] = {}
    fields = {"additional-fields[profile]": "subscriptions", "fields[profile]": f"{field},subscriptions"}
    for profile in look_up(call, PROFILES, "", field, values, fields):
        value, moments = _departure(profile.attributes, field, list_id)
        if moments:
            found[value] = max(moment or _SOME_TIME for moment in moments)
    return {value: found[key] for value in values if (key := folded(field, value)) in found}


def _departure(attributes: Attributes, field: Field, list_id: str | None) -> tuple[str, list[datetime | None]]:
    value = attributes.email if field == "email" else attributes.phone_number
    told = attributes.marketing("email" if field == "email" else "sms")
    return folded(field, value or ""), _left(told, list_id)


def _left(told: Marketing, list_id: str | None) -> list[datetime | None]:
    """When the person left everything, or this list."""
    moments = [each.timestamp for each in told.suppression or ()]
    moments += [each.timestamp for each in told.list_suppressions or () if each.list_id == list_id]
    if told.consent == "UNSUBSCRIBED":
        moments.append(told.consent_timestamp or told.last_updated)
    return moments
