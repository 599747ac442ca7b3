"""What Klaviyo left out of a request that it accepted: it names the fields in a header, and in no error.

Seen for an invalid phone beside a valid identifier, in subscriptions, new profiles and events (Klaviyo's staff, 2025).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

#: In lower case, as header names compare without it.
HEADER: Final = "x-klaviyo-partial-failure"
#: Stands for a name that is none of these: a header's text could be anything, an address included.
OTHER: Final = "other"
#: What a profile, a subscription or an event may hold, so that what is logged and counted has a bound.
_FIELDS: Final = frozenset(
    {
        "email",
        "external_id",
        "first_name",
        "image",
        "last_name",
        "locale",
        "location",
        "organization",
        "phone_number",
        "properties",
        "subscriptions",
        "title",
    }
)


def left_out(headers: Mapping[str, str]) -> list[str]:
    """The fields that were left out of one row or more, each once and in order; none without the header."""
    text = next((value for name, value in headers.items() if name.lower() == HEADER), "")
    names = (name.strip().lower() for name in text.split(","))
    return sorted({name if name in _FIELDS else OTHER for name in names if name})
