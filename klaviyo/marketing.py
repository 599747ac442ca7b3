"""A person's marketing consents in Klaviyo's answers; `additional-fields[profile]=subscriptions` asks for them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

#: A time with a zone; one without it could not be compared with others.
_Time = Annotated[datetime, msgspec.Meta(tz=True)]


class Suppression(msgspec.Struct, frozen=True):
    """Why and since when a person is suppressed; `list_id` if the suppression covers one list only."""

    reason: str = ""
    timestamp: _Time | None = None
    list_id: str | None = None


class Marketing(msgspec.Struct, frozen=True):
    """The marketing consent by one channel.

    `consent`: SUBSCRIBED, UNSUBSCRIBED or NEVER_SUBSCRIBED. Only e-mail has suppressions.
    """

    consent: str | None = None
    consent_timestamp: _Time | None = None
    last_updated: _Time | None = None
    suppression: list[Suppression] | None = None
    list_suppressions: list[Suppression] | None = None


class Channel(msgspec.Struct, frozen=True):
    """The kinds of messages of a channel; only marketing matters here."""

    marketing: Marketing | None = None


class Subscriptions(msgspec.Struct, frozen=True):
    """The channels that Ferry reads."""

    email: Channel | None = None
    sms: Channel | None = None
