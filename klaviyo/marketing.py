"""What Klaviyo says of a person's marketing consents; `additional-fields[profile]=subscriptions` asks for it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

#: A time without its zone could not be compared with any other.
_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Suppression(msgspec.Struct, frozen=True):
    """Why, since when and, if it is of one list only, on which list somebody gets nothing."""

    reason: str = ""
    timestamp: _Time | None = None
    list_id: str | None = None


class Marketing(msgspec.Struct, frozen=True):
    """One channel. `consent`: SUBSCRIBED, UNSUBSCRIBED or NEVER_SUBSCRIBED; suppressions are of e-mail only."""

    consent: str | None = None
    consent_timestamp: _Time | None = None
    last_updated: _Time | None = None
    suppression: list[Suppression] | None = None
    list_suppressions: list[Suppression] | None = None


class Channel(msgspec.Struct, frozen=True):
    """A channel by its kinds of messages, of which only marketing matters here."""

    marketing: Marketing | None = None


class Subscriptions(msgspec.Struct, frozen=True):
    """The channels by which Ferry's people are reached."""

    email: Channel | None = None
    sms: Channel | None = None
