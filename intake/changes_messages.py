"""What is posted to `/v1/changes`: changes in Ferry's own form."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Raw

from intake.limits import AUDIENCE_NAME
from intake.mparticle_messages import NOTHING, AudienceId
from queues import phones
from queues.change import person_key

#: ms of 1973 and 2286: between them lies every time in ms, and no time in seconds.
_EARLIEST: Final = 100_000_000_000
_LATEST: Final = 9_999_999_999_999
#: What may stand in `action`, for messages.
ACTIONS: Final = "add, remove, update"


class AudienceRef(msgspec.Struct):
    """Which audience a change is for. `name`: what its Klaviyo list is called."""

    id: AudienceId
    name: Annotated[str, Meta(max_length=AUDIENCE_NAME)] | None = None


class Posted(msgspec.Struct):
    """A request in JSON. Each change is read by itself later."""

    changes: list[Raw]
    audience: AudienceRef | None = None


class Change(msgspec.Struct):
    """One change. `update` changes attributes only. `timestamp`: ISO 8601, or ms since 1970; now when left out."""

    action: Literal["add", "remove", "update"]
    email: str | None = None
    phone: str | int | None = None
    external_id: str | int | None = None
    attributes: Raw = NOTHING
    consent_state: Raw = NOTHING
    timestamp: str | int | None = None
    audience: AudienceRef | None = None


def at(timestamp: str | int | None, now: int) -> int:
    """The time of a change in ms; a time without a zone is UTC. Raises ValueError saying what is wrong."""
    if timestamp is None:
        return now
    ms = timestamp if isinstance(timestamp, int) else _iso(timestamp)
    if not _EARLIEST <= ms <= _LATEST:
        raise ValueError("not between 1973 and 2286; a number is ms since 1970, not seconds")
    return ms


def _iso(text: str) -> int:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("neither ISO 8601 nor ms since 1970") from None
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp() * 1000)


def person_keys(change: Change) -> tuple[str, ...]:
    """A key for each identity that tells this person from others; none when there is none."""
    return tuple(person_key(kind, value) for kind, value in _identities(change) if value)


def _identities(change: Change) -> Iterator[tuple[str, str]]:
    email = (change.email or "").strip()
    yield "email", email
    # A phone only without an e-mail: a family may share it, and they would be taken for one person.
    if not email and change.phone is not None:
        yield "phone", phones.plain(str(change.phone))
    if change.external_id is not None:
        yield "external_id", str(change.external_id).strip()
