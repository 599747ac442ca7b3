"""When people unsubscribed or were suppressed, so that an older consent does not subscribe them again.

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

#: Replaces the time of a departure when Klaviyo does not give it: later than any consent.
_SOME_TIME = datetime.max.replace(tzinfo=UTC)


def departures(call: Caller, field: Field, values: Sequence[str], list_id: str | None) -> dict[str, datetime]:
    """Return when people last left the field's channel or the list, by those of `values` who did.

    People have left when they unsubscribed, are suppressed or complained. Raises NotAccepted.
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
    marketing = attributes.marketing("email" if field == "email" else "sms")
    return folded(field, value or ""), _left(marketing, list_id)


def _left(marketing: Marketing, list_id: str | None) -> list[datetime | None]:
    """Return when the person left the channel or this list."""
    moments = [each.timestamp for each in marketing.suppression or ()]
    moments += [each.timestamp for each in marketing.list_suppressions or () if each.list_id == list_id]
    if marketing.consent == "UNSUBSCRIBED":
        moments.append(marketing.consent_timestamp or marketing.last_updated)
    return moments
